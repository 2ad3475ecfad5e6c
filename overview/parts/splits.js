/**
 * Networks and price points side by side, and what of them is far from its usual, with the reason in words.
 *
 * @import { Overview } from "../operations.js"
 * @import { Scene, Shown } from "../data/figures.js"
 * @import { DayFigures } from "../data/usual.js"
 * @typedef {{ name: string, line: Counted, applied: string, days: DayFigures[], usual: DayFigures[] }} Part
 * @typedef {{ currency: string, count: number, success: number, failed: number, pending: number, failureRate: string
 *   | null }} Counted
 */

import { appliedOf, byValue, currenciesOf, picked } from "../data/figures.js";
import { marksOf, usualOf } from "../data/usual.js";
import { byId, draw, h, svg } from "../show/element.js";
import { count, money, percent } from "../show/format.js";
import { empty } from "../show/states.js";
import { table } from "../show/table.js";

const DAY = 86_400_000;

/** @param {Scene} scene @param {Overview} data */
export function showSplits(scene, data) {
  const { shown, usual } = data;
  if (!shown) return;
  const currencies = currenciesOf(shown, scene.view);
  const nothing = () => [empty("There are no credits to split.")];
  const networks = currencies.map((currency) =>
    tableOf("Networks", "Network", currency, scene, networksOf(currency, scene, shown, usual)),
  );
  const prices = currencies.map((currency) =>
    tableOf("Price points", "Price", currency, scene, pricesOf(currency, scene, shown, usual)),
  );
  draw(byId("networks"), ...(networks.length ? networks : nothing()));
  draw(byId("prices"), ...(prices.length ? prices : nothing()));
}

/**
 * @param {string} currency @param {Scene} scene @param {Shown} shown @param {Overview["usual"]} usual
 * @returns {Part[]}
 */
function networksOf(currency, { view }, shown, usual) {
  const of =
    (/** @type {string | null} */ network) => (/** @type {{ network: string | null, currency: string }} */ line) =>
      line.network === network && line.currency === currency;
  return picked(shown.networks, { ...view, currency })
    .toSorted((a, b) => b.count - a.count)
    .map((line) => ({
      name: line.network ?? "",
      line,
      applied: appliedOf(shown.appliedNetworks, of(line.network)),
      days: (shown.networkDays ?? []).filter(of(line.network)),
      usual: (usual?.networkDays ?? []).filter(of(line.network)),
    }));
}

/**
 * @param {string} currency @param {Scene} scene @param {Shown} shown @param {Overview["usual"]} usual
 * @returns {Part[]}
 */
function pricesOf(currency, { view }, shown, usual) {
  const ours = { ...view, currency };
  return byValue(picked(shown.prices, ours))
    .toSorted((a, b) => Number(a.value) - Number(b.value))
    .map((line) => ({
      name: money(line.value, currency),
      line,
      applied: line.applied,
      days: [],
      usual: picked(usual?.priceDays ?? [], ours).filter((each) => each.value === line.value),
    }));
}

/** @param {string} title @param {string} head @param {string} currency @param {Scene} scene @param {Part[]} parts */
function tableOf(title, head, currency, { shown, now }, parts) {
  const length = (Math.min(shown.to, now) - shown.from) / DAY;
  const most = Math.max(...parts.map((part) => part.line.count), 1);
  const rows = parts.map((part) => {
    const marks = marksOf({ ...part.line, day: null }, part.days, usualOf(part.usual), length);
    return {
      class: marks.length ? "marked" : "",
      note: marks.length ? [h("strong", {}, "Unusual: "), marks.map((mark) => mark.reason).join("; ")] : undefined,
      cells: [
        part.name,
        [share(part.line.count / most), count(part.line.count)],
        money(part.applied, currency),
        [percent(part.line.failureRate)],
      ],
    };
  });
  const columns = [
    { head },
    ...["Credits", "Amount applied", "Failure rate"].map((each) => ({ head: each, figures: true })),
  ];
  return table(`${title}, ${currency}`, columns, rows);
}

/** A thin bar beside a count, for comparing at a glance. @param {number} part */
const share = (part) =>
  svg(
    "svg",
    { class: "share", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { width: (part * 100).toFixed(1), height: 10 }),
  );
