// Runs an Apps Script file here: `node apps_script.mjs credits.gs credits` calls its function `credits`.
// The Google services that it uses are stand-ins; its requests are real, and synchronous as Google's are.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import vm from "node:vm";

function fetch(url, { method, contentType, headers, payload }) {
  const sent = Object.entries({ ...headers, "Content-Type": contentType }).map(([name, value]) => `${name}: ${value}`);
  const options = ["-sS", "-X", method.toUpperCase(), ...sent.flatMap((header) => ["-H", header]), "--data-binary", "@-"];
  const body = execFileSync("curl", [...options, url], { input: payload, encoding: "utf8" });
  return { getContentText: () => body };
}

function getRange(row, column, height, width) {
  return {
    setNumberFormat: (format) => console.log(`column ${column}, ${height} rows: ${format}`),
    setValues(rows) {
      if (rows.length !== height || rows.some((cells) => cells.length !== width)) throw new Error("not the range's size");
      console.log(`${height} rows from row ${row}, the first of them: ${JSON.stringify(rows[1])}`);
    },
  };
}

const [file, name] = process.argv.slice(2);
const services = {
  PropertiesService: { getScriptProperties: () => ({ getProperty: (key) => process.env[key] }) },
  SpreadsheetApp: { getActiveSheet: () => ({ getRange }) },
  UrlFetchApp: { fetch },
};
vm.runInNewContext(`${readFileSync(file, "utf8")}\n${name}();`, services);
