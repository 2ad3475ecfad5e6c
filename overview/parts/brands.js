/**
 * Brands side by side, as the vendor's outcome report has them: by brand and value, with what was applied. The report
 * covers all brands whatever is chosen above, so that one can be seen beside the others.
 *
 * @import { Overview } from "../operations.js"
 * @import { Scene } from "../data/figures.js"
 */

import { byId, draw } from "../show/element.js";
import { count, money } from "../show/format.js";
import { empty } from "../show/states.js";
import { table } from "../show/table.js";

/** @param {Scene} scene @param {Overview} data */
export function showBrands({ view }, data) {
  if (!data.brands) return;
  const rows = data.brands.rows
    .filter((row) => !view.currency || row.currency === view.currency)
    .toSorted((a, b) => a.brand.localeCompare(b.brand) || a.currency.localeCompare(b.currency) || Number(a.amount) - Number(b.amount));
  const columns = [{ head: "Brand" }, ...["Price", "Applied", "Failed", "Amount applied"].map((head) => ({ head, figures: true }))];
  draw(
    byId("brands"),
    rows.length
      ? table(
          "Outcome report by brand and price",
          columns,
          rows.map((row, index) => ({
            class: row.brand === view.brand ? "chosen" : rows[index - 1]?.brand === row.brand ? "" : "first",
            cells: [
              row.brand,
              money(row.amount, row.currency),
              count(row.success),
              count(row.failed),
              money(row.creditApplied, row.currency),
            ],
          })),
        )
      : empty("The outcome report has no brands for this period."),
  );
}
