/**
 * Brands side by side, as the vendor's outcome report has them: the totals, which the server adds up, and beneath them
 * what each price point came to. All brands are shown whatever is chosen above, so that one can be seen beside the
 * others.
 *
 * @import { Overview } from "../operations.js"
 * @import { Scene } from "../data/figures.js"
 * @typedef {NonNullable<Overview["brands"]>["totals"][number]} Total
 */

import { byId, draw, h } from "../show/element.js";
import { count, money, percent } from "../show/format.js";
import { empty } from "../show/states.js";
import { table } from "../show/table.js";

/** @param {string} head */
const figures = (head) => ({ head, figures: true });

/** @param {Scene} scene @param {Overview} data */
export function showBrands({ view }, data) {
  if (!data.brands) return;
  const ours = (/** @type {{ currency: string }} */ row) => !view.currency || row.currency === view.currency;
  const totals = data.brands.totals.filter(ours);
  if (!totals.length) return draw(byId("brands"), empty("The outcome report has no brands for this period."));
  const currencies = [...new Set(totals.map((total) => total.currency))].toSorted(bySuccess(totals));
  draw(
    byId("brands"),
    ...currencies.map((currency) =>
      side(
        totals.filter((total) => total.currency === currency),
        currency,
        view.brand,
      ),
    ),
    h(
      "details",
      { "data-key": "by-price" },
      h("summary", {}, "By price point"),
      byPrice(data.brands.rows.filter(ours)),
    ),
  );
}

/** The most used currency first. @param {Total[]} totals */
const bySuccess = (totals) => (/** @type {string} */ a, /** @type {string} */ b) => most(totals, b) - most(totals, a);
/** @param {Total[]} totals @param {string} currency */
const most = (totals, currency) =>
  Math.max(...totals.map((total) => (total.currency === currency ? total.success : 0)));

/** @param {Total[]} totals @param {string} currency @param {string} chosen */
const side = (totals, currency, chosen) =>
  table(
    `Outcome report by brand, ${currency}`,
    [{ head: "Brand" }, ...["Applied", "Failed", "Failure rate", "Amount applied"].map(figures)],
    totals.map((total) => ({
      class: total.brand === chosen ? "chosen" : "",
      cells: [
        total.brand,
        count(total.success),
        count(total.failed),
        percent(total.failureRate),
        money(total.creditApplied, currency),
      ],
    })),
  );

/** @param {NonNullable<Overview["brands"]>["rows"]} rows */
function byPrice(rows) {
  const sorted = rows.toSorted(
    (a, b) =>
      a.brand.localeCompare(b.brand) || a.currency.localeCompare(b.currency) || Number(a.amount) - Number(b.amount),
  );
  return table(
    "Outcome report by brand and price",
    [{ head: "Brand" }, ...["Price", "Applied", "Failed", "Amount applied"].map(figures)],
    sorted.map((row) => ({
      cells: [
        row.brand,
        money(row.amount, row.currency),
        count(row.success),
        count(row.failed),
        money(row.creditApplied, row.currency),
      ],
    })),
  );
}
