/**
 * The line on top that says what the figures are: which period, in which time zone, how old, up to where final, and in
 * words what is wrong with them.
 *
 * @import { Overview } from "../operations.js"
 * @import { ApiError } from "../data/api.js"
 * @import { Scene } from "../data/figures.js"
 * @import { View } from "../state/address.js"
 * @import { Period } from "../state/periods.js"
 */

import { imbalance } from "./balance.js";
import { byId, draw, h } from "../show/element.js";
import { daysText, momentText } from "../show/format.js";
import { follow } from "../show/bars.js";
import { linkTo } from "../state/address.js";
import { dayOf } from "../state/zones.js";

/** @typedef {{ asOf: string, stale: boolean, finalUntil: string | null, nextRefresh: string | null }} Age */

/** Every part that has an answer, with its age. @param {Overview} data @returns {[string, Age][]} */
export function agesOf(data) {
  const parts = /** @type {[string, { freshness: Age } | null | undefined][]} */ ([
    ["credits", data.shown],
    ["credits of the period before", data.before],
    ["credits of the 28 days before", data.usual],
    ["outcome report", data.brands],
    ["comparison of log and outcome report", data.balance],
    ["newest credits", data.newest],
    ["reports", data.reports],
  ]);
  return parts.flatMap(([name, part]) => (part ? [/** @type {[string, Age]} */ ([name, part.freshness])] : []));
}

/**
 * @param {Scene} scene @param {Overview | null} data @param {ApiError[]} errors @param {(href: string) => void} open
 */
export function showTruth({ view, shown, compared, now }, data, errors, open) {
  const zone = view.zone;
  const whole = view.within && linkTo({ ...view, within: "" });
  draw(
    byId("truth"),
    h(
      "p",
      { class: "period" },
      h("strong", {}, daysText(shown.first, shown.last)),
      ` ${zone.replaceAll("_", " ")}`,
      view.brand && ` · ${view.brand}`,
      view.network && ` · ${view.network}`,
      view.currency && ` · ${view.currency}`,
      whole && " · ",
      whole && h("a", { href: whole, onclick: follow(whole, open), "data-key": "whole" }, "back to the whole period"),
      data && h("span", { class: "age" }, " · ", ...ageOf(data, zone, shown.to, now)),
    ),
    compared && h("p", { class: "age" }, comparison(view, shown, compared, now)),
    data && h("ul", { class: "warnings" }, warningsOf(data, errors, zone)),
  );
}

/** @param {View} view @param {Period} shown @param {Period} compared @param {number} now */
function comparison(view, shown, compared, now) {
  const last = dayOf(Math.max(compared.to - 1, compared.from), view.zone);
  const cut = shown.to > now ? `, up to the same hour as now` : "";
  return `Compared with ${daysText(compared.first, last)}${cut}`;
}

/** @param {Overview} data @param {string} zone @param {number} end @param {number} now */
function ageOf(data, zone, end, now) {
  const age = data.shown?.freshness;
  if (!age) return ["no credits could be loaded"];
  const finalUntil = age.finalUntil && Date.parse(age.finalUntil);
  const final = !finalUntil
    ? "nothing is final yet"
    : finalUntil >= Math.min(end, now)
      ? "all of it is final"
      : `final until ${momentText(finalUntil, zone)}`;
  return ["as of ", h("time", { datetime: age.asOf }, momentText(age.asOf, zone)), ` · ${final}`];
}

/** @param {Overview} data @param {ApiError[]} errors @param {string} zone */
function warningsOf(data, errors, zone) {
  const off = data.balance ? imbalance(data.balance) : "";
  return [...(off ? [off] : []), ...missingOf(data, errors), ...staleOf(data, zone)].map((text) => h("li", {}, text));
}

/** One warning for all that is as old, however many parts it is. @param {Overview} data @param {string} zone */
function staleOf(data, zone) {
  const stale = agesOf(data).filter(([, age]) => age.stale);
  return [...Map.groupBy(stale, ([, age]) => momentText(age.asOf, zone))].map(([moment, parts]) => {
    const names = listing.format(parts.map(([name]) => name));
    return `Stale: the ${names} could not be refreshed, because the vendor failed. Shown as of ${moment}.`;
  });
}

/** What has no place of its own on the page to say that it is missing. @param {Overview} data @param {ApiError[]} errors */
function missingOf(data, errors) {
  if (!data.shown) return []; // then the page says more than that
  return Object.entries(BESIDE)
    .filter(([root]) => errors.some((error) => error.path?.[0] === root))
    .map(([, text]) => text);
}

const listing = new Intl.ListFormat("en-GB");
const BESIDE = {
  before: "The period before could not be loaded: nothing is compared with it.",
  usual: "The 28 days before could not be loaded: nothing is marked as unusual.",
};
