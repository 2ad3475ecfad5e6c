/**
 * Bars stacked by outcome, as plain SVG: no library, no inline style, sharp when printed. Each bar is a link, so that
 * it can be opened in a tab of its own; the arrow keys go from bar to bar. The figures stand in a table beneath.
 *
 * @typedef {{ key: string, label: string, tick: string, counts: Record<string, number>, final: boolean, href: string
 *   | null, title: string, flag: string }} Bar
 */

import { count } from "./format.js";
import { svg } from "./element.js";

export const STACK = ["SUCCESS", "FAILED", "PENDING", "UNKNOWN"];
const HEIGHT = 240;
const LEFT = 52;
const BOTTOM = 28;
const TOP = 16;
const TICK = 80;

/** A round number at or above the largest bar, and the lines below it. @param {number} most */
export function scaleOf(most) {
  const rough = Math.max(most, 4) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, ([1, 2, 2.5, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power);
  return { top: step * Math.ceil(Math.max(most, 1) / step), step };
}

/**
 * @param {Bar[]} bars @param {string} title what the whole says @param {number} across how wide it is drawn, in pixels
 * @param {(href: string) => void} open
 * @returns {SVGSVGElement}
 */
export function stackedBars(bars, title, across, open) {
  const totals = bars.map((bar) => STACK.reduce((sum, state) => sum + (bar.counts[state] ?? 0), 0));
  const { top, step } = scaleOf(Math.max(...totals, 0));
  const width = (across - LEFT) / Math.max(bars.length, 1);
  const y = (/** @type {number} */ value) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top);
  const lines = Array.from({ length: Math.round(top / step) + 1 }, (_, index) => index * step);
  const every = Math.ceil((bars.length * TICK) / (across - LEFT));
  return svg(
    "svg",
    { class: "bars", viewBox: `0 0 ${across} ${HEIGHT}`, role: "group", "aria-label": title, onkeydown: walk },
    svg("defs", {}, hatch()),
    lines
      .map((value) => [
        svg("line", { class: "grid", x1: LEFT, x2: across, y1: y(value), y2: y(value) }),
        svg("text", { class: "tick", x: LEFT - 8, y: y(value) + 4, "text-anchor": "end" }, count(value)),
      ])
      .flat(),
    bars.map((bar, index) => one(bar, { x: LEFT + index * width, width, y, first: index === 0, open })),
    bars.map(
      (bar, index) =>
        index % every === 0 &&
        svg(
          "text",
          { class: "tick", x: LEFT + (index + 0.5) * width, y: HEIGHT - 8, "text-anchor": "middle" },
          bar.tick,
        ),
    ),
  );
}

/** Lines across what may still change: a shape, so that it does not depend on colour. */
const hatch = () =>
  svg(
    "pattern",
    { id: "hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
    svg("rect", { class: "hatch", width: 2.5, height: 6 }),
  );

/**
 * @param {Bar} bar
 * @param {{ x: number, width: number, y: (value: number) => number, first: boolean, open: (href: string) => void }}
 *   place
 */
function one(bar, { x, width, y, first, open }) {
  const gap = Math.min(width * 0.25, 8);
  const box = { x: x + gap / 2, width: Math.max(width - gap, 1) };
  let below = 0;
  const parts = STACK.map((state) => {
    const value = bar.counts[state] ?? 0;
    const from = below;
    below += value;
    return (
      value > 0 &&
      svg("rect", { ...box, class: `state-${state}`, y: y(below), height: Math.max(y(from) - y(below), 0.5) })
    );
  });
  const content = [
    svg("title", {}, bar.title),
    svg("rect", { class: "reach", x, width, y: TOP, height: HEIGHT - TOP - BOTTOM }),
    ...parts,
    !bar.final && below > 0 && svg("rect", { ...box, y: y(below), height: y(0) - y(below), fill: "url(#hatch)" }),
    bar.flag && svg("path", { class: "flag", d: `M${x + width / 2 - 4},${y(below) - 10}h8l-4,6z` }),
  ];
  const shared = { tabindex: first ? 0 : -1, "data-key": `bar-${bar.key}`, "aria-label": bar.title };
  if (bar.href === null) return svg("g", { ...shared, role: "img", class: "bar" }, ...content);
  const { href } = bar;
  return svg("a", { ...shared, href, class: "bar", onclick: follow(href, open) }, ...content);
}

/** Open here, unless the reader wants a new tab. @param {string} href @param {(href: string) => void} open */
export const follow = (href, open) => (/** @type {MouseEvent} */ event) => {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.button > 0) return;
  event.preventDefault();
  open(href);
};

/** Arrow keys, Home and End move the focus along the bars. @param {KeyboardEvent} event */
function walk(event) {
  const svgElement = /** @type {SVGSVGElement} */ (event.currentTarget);
  const bars = /** @type {SVGElement[]} */ ([...svgElement.querySelectorAll(".bar")]);
  const now = bars.indexOf(/** @type {SVGElement} */ (document.activeElement));
  const next = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: bars.length - 1 }[event.key];
  const target = next === undefined ? undefined : bars[next];
  if (!target) return;
  event.preventDefault();
  for (const bar of bars) bar.setAttribute("tabindex", bar === target ? "0" : "-1");
  target.focus();
}
