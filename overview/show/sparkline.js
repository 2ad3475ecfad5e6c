/** A small line of a figure's course, beside the figure. Decoration: the same values stand in the table of bars. */

import { svg } from "./element.js";

const WIDTH = 120;
const HEIGHT = 28;

/** @param {(number | null)[]} values null where there is none: the line has a gap there */
export function sparkline(values) {
  const known = values.filter((value) => value !== null);
  const most = Math.max(...known, 0) || 1;
  const step = WIDTH / Math.max(values.length - 1, 1);
  let path = "";
  let isDown = false;
  for (const [index, value] of values.entries()) {
    if (value === null) isDown = false;
    else {
      const height = HEIGHT - 3 - (HEIGHT - 6) * (value / most);
      path += `${isDown ? "L" : "M"}${(index * step).toFixed(1)},${height.toFixed(1)}`;
      isDown = true;
    }
  }
  return svg(
    "svg",
    { class: "sparkline", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { d: path || "M0,0", "vector-effect": "non-scaling-stroke" }),
  );
}
