/**
 * The reports of the period's days, newest first, with a link to our copy of each file. The link is asked for when it
 * is used: it is signed, and valid for a quarter of an hour.
 *
 * @import { ReportsPage } from "../operations.js"
 * @import { Scene } from "../data/figures.js"
 * @typedef {NonNullable<ReportsPage["reports"]>} Page
 * @typedef {Page["nodes"][number]} Report
 */

import { ask } from "../data/api.js";
import { byId, draw, h } from "../show/element.js";
import { count, momentText, NONE, size } from "../show/format.js";
import { empty } from "../show/states.js";
import { table } from "../show/table.js";
import { openContents } from "./contents.js";

/** @type {{ days: string, shown: Report[], more: string | null, zone: string }} */
const list = { days: "", shown: [], more: null, zone: "UTC" };
/** As many as the query of the view asks for. */
const PAGE = 10;
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

/**
 * Show the view's first page. Further pages that were asked for in the same view stay beneath it.
 *
 * @param {Scene} scene @param {Page} page
 */
export function showReports({ view, shown }, page) {
  const days = `${shown.first}..${shown.last}`;
  const isLonger = days === list.days && list.shown.length > PAGE;
  const ids = new Set(page.nodes.map((report) => report.id));
  const further = isLonger ? list.shown.filter((report) => !ids.has(report.id)) : [];
  Object.assign(list, { days, zone: view.zone, shown: [...page.nodes, ...further] });
  if (!isLonger) list.more = cursorOf(page);
  show(page);
}

/** Where the next page starts; null where there is none. @param {Page} page */
const cursorOf = ({ pageInfo }) => (pageInfo.hasNextPage ? pageInfo.endCursor : null);

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
  draw(
    byId("reports"),
    table(
      "Reports, newest first",
      columns,
      list.shown.map((report) => ({ cells: cellsOf(report, list.zone) })),
    ),
    h(
      "p",
      { class: "pages" },
      h("span", {}, `${count(list.shown.length)} of ${count(page.totalCount)} reports`),
      page.unreadable > 0 &&
        h("span", { class: "note" }, `${count(page.unreadable)} entries of the vendor's list could not be read`),
      list.more && [
        h("button", { type: "button", class: "quiet", "data-key": "more-reports", onclick: more }, "Show more"),
        h("span", { class: "note", role: "status", id: "more-problem" }),
      ],
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

/** Show the next page beneath; where that fails, say why beside the button. */
async function more() {
  const { days, more: after } = list;
  const [firstDay = "", lastDay = ""] = days.split("..");
  try {
    const { data, errors } = await ask("reports_page", { firstDay, lastDay, after });
    if (days !== list.days || after !== list.more) return; // shown already, or another view is
    const page = data?.reports;
    if (!page) return sayBesideMore(errors[0]?.message ?? "There is no answer.");
    Object.assign(list, { shown: [...list.shown, ...page.nodes], more: cursorOf(page) });
    show(page);
  } catch (error) {
    sayBesideMore(error instanceof Error ? error.message : `${error}`);
  }
}

/** @param {string} text */
const sayBesideMore = (text) => (byId("more-problem").textContent = text);
