/**
 * The reports of the period's days, newest first, with a link to our copy of each file. The link is asked for when it
 * is used: it is signed, and valid for a quarter of an hour.
 *
 * @import { ReportsPage, ReportsPageVariables } from "../operations.js"
 * @import { ApiError } from "../data/api.js"
 * @import { Scene } from "../data/figures.js"
 * @typedef {NonNullable<ReportsPage["reports"]>} Page
 * @typedef {Page["nodes"][number]} Report
 */

import { ask } from "../data/api.js";
import { byId, draw, h } from "../show/element.js";
import { count, momentText, NONE, size } from "../show/format.js";
import { empty, failed } from "../show/states.js";
import { table } from "../show/table.js";
import { openContents } from "./contents.js";

/** @type {{ scene: Scene | null, shown: Report[], more: string | null }} */
const list = { scene: null, shown: [], more: null };
/** @type {Record<string, string>} */
const STATUS = {
  SUBMITTED: "Waiting",
  PROCESSING: "Being made",
  COMPLETED: "Ready",
  ERROR: "Failed",
  UNKNOWN: "Unknown",
};

/** @param {string} word */
const readable = (word) => word.charAt(0) + word.slice(1).toLowerCase().replaceAll("_", " ");

/** @param {Scene} scene @param {Page | null | undefined} page @param {ApiError} [error] */
export function showReports(scene, page, error) {
  list.scene = scene;
  if (!page) return draw(byId("reports"), failed(error));
  list.shown = page.nodes;
  list.more = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  show(page);
}

/** @param {Page} page */
function show(page) {
  if (!list.shown.length)
    return draw(
      byId("reports"),
      empty("No report was made in this period.", "Schedule one below, or choose another period."),
    );
  const columns = ["Name", "Created", "Type", "Format", "Status", "Size", "File"].map((head) => ({
    head,
    figures: head === "Size",
  }));
  const zone = list.scene?.view.zone ?? "UTC";
  draw(
    byId("reports"),
    table(
      "Reports, newest first",
      columns,
      list.shown.map((report) => ({ cells: cellsOf(report, zone) })),
    ),
    h(
      "p",
      { class: "pages" },
      h("span", {}, `${count(list.shown.length)} of ${count(page.totalCount)} reports`),
      page.unreadable > 0 &&
        h("span", { class: "note" }, `${count(page.unreadable)} entries of the vendor's list could not be read`),
      list.more &&
        h("button", { type: "button", class: "quiet", "data-key": "more-reports", onclick: more }, "Show more"),
    ),
  );
}

/** @param {Report} report @param {string} zone */
function cellsOf(report, zone) {
  const note = h("span", { class: "note", role: "status" });
  const file = report.status === "COMPLETED" && [
    action("Look inside", report, () => void openContents(report.id, report.name)),
    " ",
    action("Download", report, () => void download(report, note)),
    note,
  ];
  return [
    [report.name, report.duplicateOf && h("span", { class: "note" }, " same file as an earlier report")],
    report.creationDate ? h("time", { datetime: report.creationDate }, momentText(report.creationDate, zone)) : NONE,
    readable(report.type),
    report.format ?? (report.rawFormat || NONE),
    h("span", { class: `badge report-${report.status}` }, STATUS[report.status] ?? report.status),
    size(report.bytes),
    file || NONE,
  ];
}

/** @param {string} text @param {Report} report @param {() => void} act */
const action = (text, report, act) =>
  h(
    "button",
    {
      type: "button",
      class: "quiet",
      "data-key": `${text}-${report.id}`,
      "aria-label": `${text}: ${report.name}`,
      onclick: act,
    },
    text,
  );

/** @param {Report} report @param {HTMLElement} note */
async function download(report, note) {
  note.textContent = " Fetching the link…";
  try {
    const { data, errors } = await ask("report_file", { id: report.id });
    const url = data?.node?.archiveUrl;
    note.textContent = url ? "" : ` ${errors[0]?.message ?? "Not in our archive yet: try again in some minutes."}`;
    if (url) location.assign(url);
  } catch (error) {
    note.textContent = ` ${error instanceof Error ? error.message : error}`;
  }
}

async function more() {
  if (!list.scene) return;
  /** @type {ReportsPageVariables} */
  const variables = { firstDay: list.scene.shown.first, lastDay: list.scene.shown.last, after: list.more };
  const { data, errors } = await ask("reports_page", variables);
  const page = data?.reports;
  if (!page) return draw(byId("reports"), failed(errors[0]));
  list.shown = [...list.shown, ...page.nodes];
  list.more = page.pageInfo.hasNextPage ? page.pageInfo.endCursor : null;
  show(page);
}
