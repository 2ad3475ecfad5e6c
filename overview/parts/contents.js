/**
 * What is in a report's file, without downloading it: sheets as tabs, columns with their type and sum, and the rows in
 * pages. Cells are shown as they are written in the file.
 *
 * @import { ReportPreview, ReportRows } from "../operations.js"
 * @typedef {NonNullable<NonNullable<ReportPreview["node"]>["preview"]>} Preview
 * @typedef {NonNullable<NonNullable<ReportRows["node"]>["rows"]>} Rows
 * @typedef {Preview["columns"][number]} Column
 */

import { ask } from "../data/api.js";
import { byId, draw, h } from "../show/element.js";
import { count, decimal } from "../show/format.js";
import { empty, failed, loading } from "../show/states.js";

/**
 * @type {{ id: string, name: string, sheet: string | null, cursors: (string | null)[], preview: Preview | null, asking:
 *   AbortController | null }}
 */
const open = { id: "", name: "", sheet: null, cursors: [], preview: null, asking: null };
/** Rows of a page, as its query asks for them. */
const PAGE = 50;
/** @type {Record<string, string>} */
const TYPES = {
  STRING: "text",
  INTEGER: "whole number",
  DECIMAL: "number",
  BOOLEAN: "yes or no",
  DATE: "day",
  DATETIME: "time",
};
/** @type {Record<string, string>} */
const WITHOUT = {
  PENDING: "This file has not been opened yet: that takes some minutes after it is made.",
  UNSUPPORTED: "This kind of file has no table to show.",
  TOO_LARGE: "This file is too large to be shown here.",
  BROKEN: "This file could not be read.",
};

/** Open the contents of a report beneath the list. @param {string} id @param {string} name */
export async function openContents(id, name) {
  Object.assign(open, { id, name, sheet: null, cursors: [], preview: null });
  byId("contents").hidden = false;
  await load();
  byId("contents").scrollIntoView({ block: "nearest" });
  byId("contents").focus({ preventScroll: true });
}

const close = () => (byId("contents").hidden = true);

/**
 * Ask a query, breaking off the one before: of two files opened quickly the second is shown, whichever answer comes last.
 *
 * @template T @param {(signal: AbortSignal) => Promise<T>} question @param {(answer: T) => void} then
 * @param {() => void} again
 */
async function asked(question, then, again) {
  open.asking?.abort();
  const asking = (open.asking = new AbortController());
  try {
    const answer = await question(asking.signal);
    if (!asking.signal.aborted) then(answer);
  } catch (error) {
    if (!asking.signal.aborted) show(failed({ message: error instanceof Error ? error.message : `${error}` }, again));
  }
}

async function load() {
  show(loading(6));
  const { id, sheet } = open;
  await asked(
    (signal) => ask("report_preview", { id, sheet }, { signal }),
    ({ data, errors }) => {
      open.preview = data?.node?.preview ?? null;
      if (!open.preview) return show(failed(errors[0], load));
      show(...sheetOf(open.preview, open.preview.rows));
    },
    load,
  );
}

/** Turn to the page of rows that the cursors lead to; the preview itself is the first. */
async function turn() {
  const { id, sheet, preview, cursors } = open;
  open.asking?.abort();
  if (!preview) return;
  if (!cursors.length) return show(...sheetOf(preview, preview.rows));
  await asked(
    (signal) => ask("report_rows", { id, sheet, after: cursors.at(-1) ?? null }, { signal }),
    ({ data, errors }) => {
      const page = data?.node?.rows;
      if (!page) return show(failed(errors[0], turn));
      show(...sheetOf(preview, page.rows, page));
      byId("contents").scrollIntoView({ block: "start" });
    },
    turn,
  );
}

/** @param {...Node} parts */
function show(...parts) {
  draw(
    byId("contents"),
    h(
      "div",
      { class: "contents-head" },
      h("h3", {}, `What is in ${open.name}`),
      h("button", { type: "button", class: "quiet", "data-key": "close", onclick: close }, "Close"),
    ),
    ...parts,
  );
}

/** @param {Preview} preview @param {Preview["rows"]} rows @param {Rows} [page] */
function sheetOf(preview, rows, page) {
  if (preview.state !== "READY") return [empty(WITHOUT[preview.state] ?? "", preview.reason ?? "")];
  return [...(preview.sheets.length > 1 ? [tabs(preview.sheets)] : []), cells(preview, rows), pages(preview, rows.length, page)];
}

/** @param {string[]} sheets */
const tabs = (sheets) =>
  h(
    "div",
    { class: "tabs", role: "group", "aria-label": "Sheets" },
    sheets.map((sheet, index) =>
      h(
        "button",
        {
          type: "button",
          class: "quiet",
          "data-key": `sheet-${sheet}`,
          "aria-pressed": `${sheet === (open.sheet ?? sheets[0]) || (open.sheet === null && index === 0)}`,
          onclick: () => {
            Object.assign(open, { sheet, cursors: [] });
            void load();
          },
        },
        sheet,
      ),
    ),
  );

/** @param {Preview} preview @param {Preview["rows"]} rows */
function cells(preview, rows) {
  const aligned = (/** @type {Column} */ column) =>
    column.type === "INTEGER" || column.type === "DECIMAL" ? "figures" : null;
  const sums = preview.columns.some((column) => column.sum !== null);
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": `Rows of ${open.name}` },
    h(
      "table",
      {},
      h(
        "caption",
        {},
        h(
          "span",
          {},
          `${count(preview.rowCount ?? rows.length)} rows, ${count(preview.columns.length)} columns`,
          sums && "; the first line has the exact sums of all rows",
        ),
      ),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          preview.columns.map((column) =>
            h(
              "th",
              { scope: "col", class: aligned(column) },
              column.name,
              h("span", { class: "type" }, TYPES[column.type] ?? ""),
            ),
          ),
        ),
      ),
      sums &&
        h(
          "tbody",
          { class: "sums" },
          h(
            "tr",
            {},
            preview.columns.map((column) => h("td", { class: aligned(column) }, sumOf(column))),
          ),
        ),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            row.map((cell, index) =>
              h("td", { class: preview.columns[index] ? aligned(preview.columns[index]) : null }, cell),
            ),
          ),
        ),
      ),
    ),
  );
}

/** @param {Column} column */
const sumOf = ({ sum, type }) =>
  sum === null ? "" : type === "INTEGER" ? decimal(sum).replace(/\.00$/, "") : decimal(sum);

/** @param {Preview} preview @param {number} length how many rows are shown @param {Rows} [page] */
function pages(preview, length, page) {
  const number = open.cursors.length;
  const before = Math.max(number - 1, 0) * PAGE;
  const total = page?.totalCount ?? preview.rowCount ?? length;
  const more = page ? page.pageInfo.hasNextPage : total > length;
  const to = (/** @type {() => void} */ step) => () => {
    step();
    void turn();
  };
  return h(
    "nav",
    { class: "pages", "aria-label": "Pages of the file" },
    h(
      "button",
      {
        type: "button",
        class: "quiet",
        "data-key": "rows-back",
        disabled: number === 0,
        onclick: to(() => open.cursors.pop()),
      },
      "Back",
    ),
    h("span", {}, length > 0 && `Rows ${count(before + 1)}–${count(before + length)} of ${count(total)}`),
    h(
      "button",
      {
        type: "button",
        class: "quiet",
        "data-key": "rows-on",
        disabled: !more,
        onclick: to(() => open.cursors.push(page?.pageInfo.endCursor ?? null)),
      },
      "More rows",
    ),
  );
}
