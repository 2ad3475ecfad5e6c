/**
 * The buttons: the period's credits as a file, the view's query, print. An export is made in the background; its state
 * is shown until the file is there.
 *
 * @import { ExportCreditLogInput, ExportState } from "../operations.js"
 * @import { Scene } from "../data/figures.js"
 * @typedef {NonNullable<ExportCreditLogInput["format"]>} Format
 */

import { ask, queryText } from "../data/api.js";
import { creditsFilter, variablesOf } from "../data/figures.js";
import { every } from "../data/waiting.js";
import { byId, draw, h } from "../show/element.js";
import { count, size } from "../show/format.js";

const PAUSE_SECONDS = 1;
const LONGEST_MINUTES = 15;

/** @param {() => Scene} scene */
export function startExports(scene) {
  for (const button of /** @type {NodeListOf<HTMLButtonElement>} */ (document.querySelectorAll("button[data-format]")))
    button.addEventListener("click", () => void make(/** @type {Format} */ (button.dataset.format), scene(), button));
  byId("copy").addEventListener("click", () => void copy(scene()));
  byId("print").addEventListener("click", () => print());
  let closed = /** @type {HTMLDetailsElement[]} */ ([]);
  addEventListener("beforeprint", () => {
    const folded = /** @type {NodeListOf<HTMLDetailsElement>} */ (
      document.querySelectorAll("figure details:not([open])")
    );
    closed = [...closed, ...folded];
    for (const details of folded) details.open = true;
  });
  addEventListener("afterprint", () => {
    for (const details of closed) details.open = false;
    closed = [];
  });
}

/** @param {string} text @param {string | null} [link] @param {string} [file] */
const say = (text, link, file) =>
  draw(byId("export-state"), text, link && [" ", h("a", { href: link, "data-key": "export" }, file)]);

/** @param {Format} format @param {Scene} scene @param {HTMLButtonElement} button */
async function make(format, scene, button) {
  const { from, to, brand } = variablesOf(scene);
  const where = creditsFilter({ ...scene.view, outcome: "", among: "" }, "");
  button.disabled = true;
  say(`${format}: asked for…`);
  try {
    const started = await ask("start_export", { input: { from, to, brand, where, format } });
    let state = /** @type {ExportState["creditLogExport"] | undefined} */ (started.data?.exportCreditLog);
    if (!state) return say(started.errors[0]?.message ?? "The export could not be started.");
    for await (const _ of every(PAUSE_SECONDS, LONGEST_MINUTES)) {
      if (!state) return say("The export is not known any more: start it again.");
      if (state.status === "FAILED") return say(`${format}: ${state.error ?? "the export failed."}`);
      if (state.status === "DONE" && state.url)
        return say(
          `${format}: ${count(state.rows ?? 0)} credits, ${size(state.bytes)}.`,
          state.url,
          `Download ${format}`,
        );
      say(`${format}: ${state.status === "QUEUED" ? "waiting to be written…" : "being written…"}`);
      state = (await ask("export_state", { id: state.id })).data?.creditLogExport;
    }
    return say(`${format}: it takes longer than usual; press the button again to look for it.`);
  } catch (error) {
    return say(`${format}: ${error instanceof Error ? error.message : error}`);
  } finally {
    button.disabled = false;
  }
}

/** The query with its variables above it, for the explorer or a client. @param {Scene} scene */
async function copy(scene) {
  const variables = JSON.stringify(variablesOf(scene), null, 2).replace(/^/gm, "# ");
  const text = `# Variables:\n${variables}\n${await queryText("overview")}`;
  try {
    await navigator.clipboard.writeText(text);
    say("The GraphQL query is in the clipboard, with its variables above it.");
  } catch {
    draw(
      byId("export-state"),
      h(
        "label",
        {},
        "The browser does not let this page copy; here is the query:",
        h("textarea", { readonly: true, rows: 8 }, text),
      ),
    );
  }
}
