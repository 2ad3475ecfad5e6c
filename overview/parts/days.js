/**
 * The course of the period: bars by day (hour, week, month, by its length) for each currency, stacked by outcome, and
 * the same figures as a table beneath.
 *
 * @import { Overview } from "../operations.js"
 * @import { Scene, Shown } from "../data/figures.js"
 * @import { Bar } from "../show/bars.js"
 * @typedef {Shown["steps"][number]} StepLine
 */

import { appliedOf, currenciesOf, picked } from "../data/figures.js";
import { fails, usualOf } from "../data/usual.js";
import { follow, STACK, stackedBars } from "../show/bars.js";
import { byId, draw, h } from "../show/element.js";
import { count, dayText, daysText, hourText, money, percent, STATE_NAMES } from "../show/format.js";
import { empty } from "../show/states.js";
import { table } from "../show/table.js";
import { linkTo } from "../state/address.js";
import { daysOfBar } from "../state/periods.js";
import { plusDays, startOf } from "../state/zones.js";
import { momentOf } from "./tiles.js";

const NAMES = { HOUR: "hour", DAY: "day", WEEK: "week", MONTH: "month" };

/** @param {Scene} scene @param {Overview} data @param {(href: string) => void} open */
export function showDays(scene, data, open) {
  const shown = data.shown;
  if (!shown) return;
  byId("days-title").textContent = `Credits by ${NAMES[scene.step]}`;
  const currencies = currenciesOf(shown, scene.view);
  const charts = currencies.map((currency) => chartOf(currency, scene, shown, data.usual, open));
  draw(byId("days"), ...(charts.length ? [legend(), ...charts] : [empty("There is nothing to draw.")]));
}

/**
 * @param {string} currency @param {Scene} scene @param {Shown} shown @param {Overview["usual"]} usual
 * @param {(href: string) => void} open
 */
function chartOf(currency, scene, shown, usual, open) {
  const lines = picked(shown.steps, scene.view).filter((line) => line.currency === currency);
  const finalUntil = shown.freshness.finalUntil ? Date.parse(shown.freshness.finalUntil) : 0;
  const flags = flagsOf(currency, scene.view, shown, usual);
  const bars = lines.map((line) => barOf(line, scene, finalUntil, flags.get(momentOf(line)) ?? ""));
  const applied = picked(shown.appliedSteps, scene.view).filter((line) => line.currency === currency);
  const title = `${currency}: credits by ${NAMES[scene.step]}`;
  return h(
    "figure",
    { class: "chart" },
    h("figcaption", {}, currency),
    stackedBars(bars, title, widthOf(byId("days")), open),
    h(
      "details",
      { "data-key": `figures-${currency}` },
      h("summary", {}, "The same figures as a table"),
      table(
        title,
        [
          { head: NAMES[scene.step].replace(/^./, (letter) => letter.toUpperCase()) },
          ...["Credits", ...STACK.map((state) => STATE_NAMES[state] ?? state), "Amount applied", "Failure rate"].map(
            (head) => ({
              head,
              figures: true,
            }),
          ),
        ],
        lines.map((line, index) =>
          rowOf(
            line,
            bars[index],
            appliedOf(applied, (each) => momentOf(each) === momentOf(line)),
            open,
          ),
        ),
      ),
    ),
  );
}

/** On a phone fewer pixels, so that letters keep their size. @param {HTMLElement} place */
const widthOf = (place) => Math.max(320, Math.min(place.clientWidth || 960, 1200));

/**
 * What was unusual about a network on a day, by day.
 *
 * @param {string} currency @param {Scene["view"]} view @param {Shown} shown @param {Overview["usual"]} usual
 * @returns {Map<string, string>}
 */
function flagsOf(currency, view, shown, usual) {
  const ours = (/** @type {{ network: string | null, currency: string }} */ line) => line.currency === currency;
  const days = picked(shown.networkDays ?? [], view).filter(ours);
  /** @type {Map<string, string>} */
  const flags = new Map();
  for (const network of new Set(days.map((line) => line.network))) {
    const own = (usual?.networkDays ?? []).filter((line) => ours(line) && line.network === network);
    const norm = usualOf(own);
    for (const line of days.filter((each) => each.network === network && fails(each, norm)))
      flags.set(
        line.day ?? "",
        [flags.get(line.day ?? ""), `${network} ${percent(line.failureRate)} failed`].filter(Boolean).join(", "),
      );
  }
  return flags;
}

/** @param {StepLine} line @param {Bar | undefined} bar @param {string} applied @param {(href: string) => void} open */
function rowOf(line, bar, applied, open) {
  const label = bar?.label ?? "";
  const head = bar?.href
    ? h("a", { href: bar.href, onclick: follow(bar.href, open), "data-key": `row-${bar.key}` }, label)
    : label;
  const amount = money(applied, line.currency);
  return {
    note: bar?.flag ? ["Unusual: ", bar.flag] : undefined,
    cells: [
      [head, bar && !bar.final && h("span", { class: "note" }, " not final")],
      ...[line.count, line.success, line.failed, line.pending, line.unknown].map(count),
      amount,
      percent(line.failureRate),
    ],
  };
}

/**
 * @param {StepLine} line @param {Scene} scene @param {number} finalUntil
 * @param {string} flag what is unusual, or "" @returns {Bar}
 */
function barOf(line, { view, shown, step }, finalUntil, flag) {
  const moment = momentOf(line);
  const days = daysOfBar(step, moment, shown);
  const end = days ? startOf(plusDays(days.last, 1), view.zone) : Date.parse(moment) + 3_600_000;
  const label = days
    ? days.first === days.last
      ? dayText(days.first)
      : daysText(days.first, days.last)
    : `${dayText(moment.slice(0, 10))} ${hourText(moment, view.zone)}`;
  const counts = { SUCCESS: line.success, FAILED: line.failed, PENDING: line.pending, UNKNOWN: line.unknown };
  const final = end <= finalUntil;
  const parts = STACK.flatMap((state) => {
    const value = counts[/** @type {keyof typeof counts} */ (state)];
    return value ? [`${count(value)} ${(STATE_NAMES[state] ?? state).toLowerCase()}`] : [];
  });
  const states = parts.length ? ` (${parts.join(", ")})` : "";
  const unusual = flag && `. Unusual: ${flag}`;
  return {
    key: `${line.currency}-${moment}`,
    label,
    tick: tickOf(step, moment, view.zone),
    counts,
    final,
    href: days && linkTo({ ...view, within: `${days.first}..${days.last}` }),
    title: `${label}: ${count(line.count)} credits${states}${final ? "" : ", not final"}${unusual}`,
    flag,
  };
}

/** @param {Scene["step"]} step @param {string} moment @param {string} zone */
function tickOf(step, moment, zone) {
  if (step === "HOUR") return hourText(moment, zone);
  const date = new Date(`${moment}T00:00:00Z`);
  const options = /** @type {Intl.DateTimeFormatOptions} */ (
    step === "MONTH"
      ? { month: "short", year: "2-digit", timeZone: "UTC" }
      : { day: "numeric", month: "short", timeZone: "UTC" }
  );
  return new Intl.DateTimeFormat("en-GB", options).format(date);
}

const legend = () =>
  h(
    "ul",
    { class: "legend" },
    STACK.map((state) => h("li", {}, h("span", { class: `key state-${state}` }), STATE_NAMES[state] ?? state)),
    h("li", {}, h("span", { class: "key key-hatch" }), "Not final: may still change"),
    h(
      "li",
      {},
      h("span", { class: "key-flag", "aria-hidden": "true" }, "▾ "),
      "Unusual: a network fails far more than usual",
    ),
  );
