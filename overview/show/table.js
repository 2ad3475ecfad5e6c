/**
 * A table of figures: a caption, heads with a scope, and columns whose figures are aligned by their last digit.
 *
 * @import { Child } from "./element.js"
 * @typedef {{ head: string, figures?: boolean, wide?: boolean }} Column
 * @typedef {{ cells: (Child | Child[])[], class?: string, note?: Child[] | undefined }} Row
 */

import { h } from "./element.js";

/** The first cell of a row is its head. @param {string} caption @param {Column[]} columns @param {Row[]} rows */
export function table(caption, columns, rows) {
  const heads = columns.map((column) => h("th", { scope: "col", class: column.figures && "figures" }, column.head));
  const body = rows.flatMap((row) => [
    h(
      "tr",
      { class: row.class },
      row.cells.map((cell, index) => {
        const column = columns[index];
        const properties = {
          class: [column?.figures && "figures", column?.wide && "wide"].filter(Boolean).join(" ") || null,
        };
        const children = Array.isArray(cell) ? cell : [cell];
        return index === 0 ? h("th", { ...properties, scope: "row" }, ...children) : h("td", properties, ...children);
      }),
    ),
    row.note && h("tr", { class: "mark" }, h("td", { colspan: columns.length }, ...row.note)),
  ]);
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "group", "aria-label": caption },
    h("table", {}, h("caption", {}, caption), h("thead", {}, h("tr", {}, heads)), h("tbody", {}, body)),
  );
}
