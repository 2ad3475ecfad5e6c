/**
 * The credit log against the outcome report: balanced, or by how much and where. The vendor counts the same credits in
 * both, so a difference means that a figure is lost or wrong somewhere.
 *
 * @import { Overview } from "../operations.js"
 * @import { Scene } from "../data/figures.js"
 * @typedef {NonNullable<Overview["balance"]>} Balance
 * @typedef {Balance["rows"][number]} Row
 */

import { byId, draw, h } from "../show/element.js";
import { count, isZero, money } from "../show/format.js";
import { empty } from "../show/states.js";
import { table } from "../show/table.js";

/** The rows in which the two reports differ; none where they balance. @param {Balance} balance */
export const differing = (balance) => (balance.balanced ? [] : balance.rows.filter((row) => !isEqual(row)));

const PENDING = "Credits that are still pending do not count as a difference.";

/** @param {Row} row */
const isEqual = (row) =>
  isZero(row.difference) && row.logSuccess === row.outcomeSuccess && row.logFailed === row.outcomeFailed;

/** In words, for the line on top; "" where they balance. @param {Balance} balance */
export function imbalance(balance) {
  const rows = differing(balance);
  const [first] = rows;
  if (!first) return "";
  const where = `${money(first.value, first.currency)} credits by ${money(first.difference, first.currency)}`;
  const others = rows.length > 1 ? ` and ${rows.length - 1} more price point${rows.length > 2 ? "s" : ""}` : "";
  return `Out of balance: the log and the outcome report differ at ${where}${others}.`;
}

/** @param {Scene} scene @param {Balance} balance */
export function showBalance(scene, balance) {
  if (!balance.rows.length) return draw(byId("balance"), empty("There is nothing to compare in this period."));
  const rows = differing(balance);
  const verdict = balance.balanced
    ? `Balanced: the log and the outcome report agree at all ${count(balance.rows.length)} price points. ${PENDING}`
    : imbalance(balance);
  draw(
    byId("balance"),
    h("p", { class: balance.balanced ? "verdict" : "verdict verdict-off" }, verdict),
    rows.length > 0 && comparison("Where they differ", rows),
    h(
      "details",
      { "data-key": "all-prices" },
      h("summary", {}, "All price points"),
      comparison("Log against outcome report", balance.rows),
    ),
  );
}

/** @param {string} caption @param {Row[]} rows */
function comparison(caption, rows) {
  const heads = [
    "Applied, log",
    "Applied, outcome",
    "Failed, log",
    "Failed, outcome",
    "Amount, log",
    "Amount, outcome",
    "Difference",
  ];
  return table(
    caption,
    [{ head: "Price" }, ...heads.map((head) => ({ head, figures: true }))],
    rows.map((row) => ({
      class: isEqual(row) ? "" : "marked",
      cells: [
        money(row.value, row.currency),
        ...[row.logSuccess, row.outcomeSuccess, row.logFailed, row.outcomeFailed].map(count),
        ...[row.logApplied, row.outcomeApplied, row.difference].map((amount) => money(amount, row.currency)),
      ],
    })),
  );
}
