/**
 * One view's figures, asked for and picked: the variables of its query, and of each summary the lines that belong to
 * the chosen network and currency. Lines are picked, never added up.
 *
 * @import { CreditLogFilter, Overview, OverviewVariables } from "../operations.js"
 * @import { View } from "../state/address.js"
 * @import { Period, Step } from "../state/periods.js"
 * @typedef {NonNullable<Overview["shown"]>} Shown
 * @typedef {{ view: View, shown: Period, compared: Period | null, step: Step, now: number }} Scene
 */

import { chosenPeriod, comparedPeriod, shownPeriod, stepOf, usualPeriod } from "../state/periods.js";
import { written } from "../state/zones.js";

/** What a view is about at a moment. @param {View} view @param {number} now @returns {Scene} */
export function sceneOf(view, now) {
  const shown = shownPeriod(view, now);
  return { view, shown, compared: comparedPeriod(view, shown, now), step: stepOf(shown), now };
}

/** Whether a part of the chosen period is open. @param {View} view @param {number} now */
export const chosenOf = (view, now) => (view.within ? chosenPeriod(view, now) : null);

/** @param {Scene} scene @returns {OverviewVariables} */
export function variablesOf({ view, shown, compared, step }) {
  const before = compared ?? { from: shown.from, to: shown.from };
  const usual = usualPeriod(shown);
  /** @type {(...keys: OverviewVariables["total"]) => OverviewVariables["total"]} */
  const keys = (...own) => (view.network ? [...own, "NETWORK"] : own);
  return {
    from: written(shown.from),
    to: written(shown.to),
    firstDay: shown.first,
    lastDay: shown.last,
    brand: view.brand || null,
    timeZone: view.zone,
    total: keys(),
    applied: keys("OUTCOME"),
    steps: keys(step),
    appliedSteps: keys(step, "OUTCOME"),
    prices: keys("AMOUNT", "OUTCOME"),
    dailyPrices: keys("DAY", "AMOUNT"),
    byDay: step === "DAY",
    compares: compared !== null,
    beforeFrom: written(before.from),
    beforeTo: written(before.to),
    usualFrom: written(usual.from),
    usualTo: written(usual.to),
    where: creditsFilter(view, ""),
  };
}

/**
 * Which of the newest credits are listed; null where all are.
 *
 * @param {View} view @param {string} phone @returns {CreditLogFilter | null}
 */
export function creditsFilter(view, phone) {
  /** @type {CreditLogFilter} */
  const where = {};
  const network = view.network || view.among;
  if (view.outcome) where.outcome = [/** @type {NonNullable<CreditLogFilter["outcome"]>[number]} */ (view.outcome)];
  if (network) where.network = [network];
  if (view.currency) where.currency = [view.currency];
  if (phone) where.msisdn = phone;
  return Object.keys(where).length ? where : null;
}

/**
 * The lines of the chosen network and currency.
 *
 * @template {{ network?: string | null, currency: string }} L @param {L[]} lines @param {View} view
 */
export const picked = (lines, view) =>
  lines.filter(
    (line) => (!view.network || line.network === view.network) && (!view.currency || line.currency === view.currency),
  );

/** The currencies of the period, the most used first. @param {Shown} shown @param {View} view */
export function currenciesOf(shown, view) {
  const lines = picked(shown.total, view).toSorted((a, b) => b.count - a.count);
  return [...new Set(lines.map((line) => line.currency))];
}

/**
 * What was applied of a line: the amount of its credits in that state.
 *
 * @template {{ outcome: string | null, amount: string }} L @param {L[]} lines
 * @param {(line: L) => boolean} isOf
 */
export const appliedOf = (lines, isOf) =>
  lines.find((line) => line.outcome === "SUCCESS" && isOf(line))?.amount ?? "0.00";

/**
 * One line for each value, from a summary that is split by outcome as well: counts are added up here, and what was
 * applied is the amount of the line in that state.
 *
 * @param {Shown["prices"]} lines
 */
export function byValue(lines) {
  return [...Map.groupBy(lines, (line) => line.value ?? "0")].map(([value, parts]) => {
    const sum = (/** @type {"count" | "success" | "failed" | "pending"} */ name) =>
      parts.reduce((all, part) => all + part[name], 0);
    const [success, failed] = [sum("success"), sum("failed")];
    return {
      value,
      currency: parts[0]?.currency ?? "",
      count: sum("count"),
      success,
      failed,
      pending: sum("pending"),
      failureRate: rateOf(success, failed),
      applied: appliedOf(parts, () => true),
    };
  });
}

/**
 * The share of failures as the API writes it: four decimals, a half to the even digit.
 *
 * @param {number} success @param {number} failed
 */
export function rateOf(success, failed) {
  const ended = success + failed;
  if (!ended) return null;
  const whole = Math.floor((failed * 10_000) / ended);
  const rest = (failed * 10_000) % ended;
  const up = rest * 2 > ended || (rest * 2 === ended && whole % 2 === 1);
  const digits = `${whole + (up ? 1 : 0)}`.padStart(5, "0");
  return `${digits.slice(0, -4)}.${digits.slice(-4)}`;
}
