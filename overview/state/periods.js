/**
 * The periods that a view is about: what was chosen, what it is compared with, and the 28 days before it that say what
 * is usual. Periods of instants are half-open, as in the API, and days are those of the view's time zone.
 *
 * @import { View } from "./address.js"
 * @typedef {{ first: string, last: string, from: number, to: number }} Period
 * @typedef {"HOUR" | "DAY" | "WEEK" | "MONTH"} Step
 */

import { dayOf, daysBetween, plusDays, plusMonths, startOf } from "./zones.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const USUAL_DAYS = 28;
/** The longest period that the API takes. */
export const LONGEST_DAYS = 366;

/** @type {Record<string, string>} */
export const PRESETS = {
  "last-7-days": "Last 7 days",
  "last-30-days": "Last 30 days",
  "this-month": "This month",
  "last-month": "Last month",
  own: "Own period",
};

/** @type {Record<string, string>} */
export const COMPARISONS = { previous: "Period before", year: "A year before", none: "Nothing" };

/** @param {string} first @param {string} last @param {string} zone @returns {Period} */
const between = (first, last, zone) => ({
  first,
  last,
  from: startOf(first, zone),
  to: startOf(plusDays(last, 1), zone),
});

/** The chosen period, before a part of it is opened. @param {View} view @param {number} now @returns {Period} */
export function chosenPeriod(view, now) {
  const today = dayOf(now, view.zone);
  const firstOfMonth = `${today.slice(0, 7)}-01`;
  switch (view.period) {
    case "last-7-days":
      return between(plusDays(today, -6), today, view.zone);
    case "this-month":
      return between(firstOfMonth, today, view.zone);
    case "last-month":
      return between(plusMonths(firstOfMonth, -1), plusDays(firstOfMonth, -1), view.zone);
    case "own":
      return between(view.from, view.to, view.zone);
    default:
      return between(plusDays(today, -29), today, view.zone);
  }
}

/**
 * The period that is shown: the chosen one, or the part of it that was opened.
 *
 * @param {View} view @param {number} now
 */
export function shownPeriod(view, now) {
  const [first, last] = view.within.split("..");
  return first && last ? between(first, last, view.zone) : chosenPeriod(view, now);
}

/**
 * By what the bars are split: long enough to be seen, and not more of them than fit.
 *
 * @param {Period} period @returns {Step}
 */
export function stepOf(period) {
  const days = daysBetween(period.first, period.last);
  if (days <= 2) return "HOUR";
  if (days <= 62) return "DAY";
  return days <= 190 ? "WEEK" : "MONTH";
}

/**
 * What the shown period is compared with; null where nothing is. Of a period that is not over only as much is compared
 * as has passed, in whole hours.
 *
 * @param {View} view @param {Period} shown @param {number} now @returns {Period | null}
 */
export function comparedPeriod(view, shown, now) {
  if (view.compare === "none") return null;
  const before = between(...earlier(view, shown), view.zone);
  if (shown.to <= now) return before;
  const passed = Math.max(0, Math.floor(now / HOUR) * HOUR - shown.from);
  return { ...before, to: Math.min(before.to, before.from + passed) };
}

/** @param {View} view @param {Period} shown @returns {[string, string]} */
function earlier(view, { first, last }) {
  if (view.compare === "year") return [plusMonths(first, -12), plusMonths(last, -12)];
  const isMonth = !view.within && (view.period === "this-month" || view.period === "last-month");
  if (isMonth) return [plusMonths(first, -1), plusDays(first, -1)];
  return [plusDays(first, -daysBetween(first, last)), plusDays(first, -1)];
}

/** The 28 whole days of UTC before the shown period, whose figures are stored by day. @param {Period} shown */
export function usualPeriod(shown) {
  const to = Math.floor(shown.from / DAY) * DAY;
  return { from: to - USUAL_DAYS * DAY, to };
}

/**
 * The days that one bar stands for, cut to the shown period; null for an hour, which cannot be opened further.
 *
 * @param {Step} step @param {string} start @param {Period} shown
 */
export function daysOfBar(step, start, shown) {
  if (step === "HOUR") return null;
  const length = { DAY: plusDays(start, 0), WEEK: plusDays(start, 6), MONTH: plusDays(plusMonths(start, 1), -1) }[step];
  return { first: start < shown.first ? shown.first : start, last: length > shown.last ? shown.last : length };
}
