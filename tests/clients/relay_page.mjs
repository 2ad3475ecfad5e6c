// Builds the Relay components in the current folder as a bundler would, renders one to text, and prints it.
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { Writable } from "node:stream";
import { transformSync } from "@babel/core";
import { Suspense, createElement } from "react";
import { renderToPipeableStream } from "react-dom/server";
import { RelayEnvironmentProvider } from "react-relay";

const OPTIONS = {
  presets: [["@babel/preset-react", { runtime: "automatic" }]],
  plugins: [["relay", { eagerEsModules: true }]],
  babelrc: false,
  configFile: false,
};

function build() {
  for (const file of readdirSync(".", { recursive: true })) {
    const text = () => readFileSync(file, "utf8");
    if (file.endsWith(".jsx")) writeFileSync(file.replace(/x$/, ""), resolved(transformSync(text(), { ...OPTIONS, filename: file }).code));
    else if (file.endsWith(".graphql.js")) writeFileSync(file, resolved(text()));
  }
}

// Bundlers find the compiler's modules without their ending; Node does not.
function resolved(code) {
  return code.replace(/(from|import) (['"])([^'"]+\.graphql)\2/g, "$1 $2$3.js$2");
}

function print(page) {
  let html = "";
  const out = new Writable({
    write(chunk, _encoding, done) {
      html += chunk;
      done();
    },
    final() {
      const lines = html.replace(/<!--.*?-->/g, "").split(/<[^>]+>/);
      console.log(lines.filter(Boolean).join("\n"));
      process.exit(); // Relay's store has timers that run for minutes
    },
  });
  const stream = renderToPipeableStream(page, { onAllReady: () => stream.pipe(out) });
}

const imported = (file) => import(pathToFileURL(file));
build();
const [{ Credits }, { environment }] = [await imported("Credits.js"), await imported("environment.js")];
const credits = createElement(Credits, { from: "2026-11-20T00:00:00Z", to: "2026-11-21T00:00:00Z" });
const waiting = createElement(Suspense, { fallback: "loading" }, credits);
print(createElement(RelayEnvironmentProvider, { environment }, waiting));
