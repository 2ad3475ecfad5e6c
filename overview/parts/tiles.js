/**
 * Four figures for each currency: credits, amount applied, failure rate, pending; each with its change to the period
 * before and its course through the period.
 *
 * @import { Overview } from "../operations.js"
 * @import { Scene, Shown } from "../data/figures.js"
 */

import { appliedOf, currenciesOf, picked } from "../data/figures.js";
import { byId, draw, h } from "../show/element.js";
import { change, count, daysText, money, NONE, percent, points } from "../show/format.js";
import { sparkline } from "../show/sparkline.js";
import { empty } from "../show/states.js";
import { dayOf } from "../state/zones.js";

/** @param {Scene} scene @param {Overview} data */
export function showTiles(scene, data) {
  const shown = data.shown;
  if (!shown) return;
  const currencies = currenciesOf(shown, scene.view);
  if (!currencies.length) {
    draw(
      byId("tiles"),
      empty("There are no credits in this period.", "Choose another period, brand or network above."),
    );
    return;
  }
  draw(byId("tiles"), ...currencies.map((currency) => rowOf(currency, scene, shown, data.before)));
}

/** @param {string} currency @param {Scene} scene @param {Shown} shown @param {Overview["before"]} before */
function rowOf(currency, scene, shown, before) {
  const { view } = scene;
  const ours = (/** @type {{ currency: string }} */ line) => line.currency === currency;
  const total = picked(shown.total, view).find(ours);
  if (!total) return null;
  const applied = appliedOf(picked(shown.applied, view), ours);
  const earlier = before && picked(before.total, view).find(ours);
  const earlierApplied = earlier && before ? appliedOf(picked(before.applied, view), ours) : null;
  const steps = picked(shown.steps, view).filter(ours);
  const appliedSteps = picked(shown.appliedSteps, view).filter(ours);
  const amounts = steps.map((step) => Number(appliedOf(appliedSteps, (line) => momentOf(line) === momentOf(step))));
  const since = sinceOf(scene);
  const without = before ? "nothing to compare with" : "not compared: see above";
  return h(
    "div",
    { class: "tile-row", role: "group", "aria-label": `Figures in ${currency}` },
    tile("Credits", currency, count(total.count), {
      change: earlier ? change(total.count, earlier.count) : "",
      was: earlier && count(earlier.count),
      since,
      without,
      line: steps.map((step) => step.count),
    }),
    tile("Amount applied", currency, money(applied, currency), {
      change: earlierApplied === null ? "" : change(applied, earlierApplied),
      was: earlierApplied && money(earlierApplied, currency),
      since,
      without,
      line: amounts,
    }),
    tile("Failure rate", currency, percent(total.failureRate), {
      change: total.failureRate && earlier?.failureRate ? points(total.failureRate, earlier.failureRate) : "",
      was: earlier?.failureRate && percent(earlier.failureRate),
      since,
      without,
      line: steps.map((step) => (step.failureRate === null ? null : Number(step.failureRate))),
      worse: Boolean(
        total.failureRate && earlier?.failureRate && Number(total.failureRate) > Number(earlier.failureRate),
      ),
    }),
    tile("Pending", currency, count(total.pending), {
      change: earlier ? change(total.pending, earlier.pending) : "",
      was: earlier && count(earlier.pending),
      since,
      without,
      line: steps.map((step) => step.pending),
    }),
  );
}

/**
 * The moment that a line of a summary by steps is about.
 *
 * @param {{ hour: string | null, day: string | null, week: string | null, month: string | null }} line
 */
export const momentOf = (line) => line.hour ?? line.day ?? line.week ?? line.month ?? "";

/** @param {Scene} scene */
function sinceOf({ view, compared }) {
  return compared ? daysText(compared.first, dayOf(Math.max(compared.to - 1, compared.from), view.zone)) : "";
}

/**
 * @param {string} name @param {string} currency @param {string} value
 * @param {{ change: string, was: string | null | undefined, since: string, without: string, line: (number | null)[],
 *   worse?: boolean }} more
 */
function tile(name, currency, value, { change: changed, was, since, without, line, worse = false }) {
  const compared = changed
    ? [h("span", { class: worse ? "change worse" : "change" }, changed, worse && " (worse)"), ` from ${was}`]
    : [since && (was ? `from ${was}` : without)];
  return h(
    "div",
    { class: "tile" },
    h("h3", {}, name, h("span", { class: "currency" }, ` ${currency}`)),
    h("p", { class: "value" }, value || NONE),
    h("p", { class: "compared", title: since && `Compared with ${since}` }, ...compared),
    sparkline(line),
  );
}
