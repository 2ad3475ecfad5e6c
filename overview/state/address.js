/**
 * The controls' state, in the page's address and nowhere else: a link shows what its sender saw, and the browser's back
 * and forward work. Phone numbers stay out of it: an address ends up in histories and logs.
 */

import { COMPARISONS, LONGEST_DAYS, PRESETS } from "./periods.js";
import { daysBetween, isZone, keepsWholeHours } from "./zones.js";

/**
 * @typedef {object} View
 * @property {string} period a key of `PRESETS`
 * @property {string} from the first day of an own period
 * @property {string} to its last day, which counts
 * @property {string} within the part of the period that was opened, `2026-11-05..2026-11-05`, or ""
 * @property {string} zone an IANA time zone
 * @property {string} brand "" for all brands
 * @property {string} network "" for all networks
 * @property {string} currency "" for all currencies
 * @property {string} compare a key of `COMPARISONS`
 * @property {string} outcome the state that the newest credits are filtered by, or ""
 * @property {string} among the network that the newest credits are filtered by, or ""
 */

/** @type {View} */
const USUAL = {
  period: "last-30-days",
  from: "",
  to: "",
  within: "",
  zone: "UTC",
  brand: "",
  network: "",
  currency: "",
  compare: "previous",
  outcome: "",
  among: "",
};
const STATES = new Set(["SUCCESS", "FAILED", "PENDING", "UNKNOWN"]);
const DAY = /^\d{4}-\d\d-\d\d$/;

/** Whether it is a day of the calendar: browsers take 31 February for a day in March. @param {string} text */
function isDay(text) {
  const time = DAY.test(text) ? Date.parse(text) : NaN;
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(text);
}
/** @param {string} first @param {string} last */
const isPeriod = (first, last) =>
  isDay(first) && isDay(last) && first <= last && daysBetween(first, last) <= LONGEST_DAYS;

/**
 * The view of an address; what is missing or makes no sense there is as usual.
 *
 * @param {string} search @returns {View}
 */
export function viewOf(search) {
  const given = new URLSearchParams(search);
  const view = { ...USUAL, zone: usualZone() };
  for (const name of /** @type {(keyof View)[]} */ (Object.keys(USUAL))) view[name] = given.get(name) ?? view[name];
  return sensible(view);
}

/** @param {View} view @returns {View} */
function sensible(view) {
  const checked = { ...view };
  if (!(view.period in PRESETS) || (view.period === "own" && !isPeriod(view.from, view.to)))
    checked.period = USUAL.period;
  if (checked.period !== "own") checked.from = checked.to = "";
  const [first = "", last = ""] = view.within.split("..");
  if (!isPeriod(first, last)) checked.within = "";
  if (!isZone(view.zone)) checked.zone = usualZone();
  if (!(view.compare in COMPARISONS)) checked.compare = USUAL.compare;
  if (!STATES.has(view.outcome)) checked.outcome = "";
  return checked;
}

/** The browser's own zone, where the API can count by it. */
export function usualZone() {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return isZone(own) && keepsWholeHours(own, Date.now()) ? own : USUAL.zone;
}

/**
 * The view as a query string; what is as usual is left out, but the zone, which differs by reader.
 *
 * @param {View} view
 */
export function searchOf(view) {
  const parts = new URLSearchParams();
  for (const name of /** @type {(keyof View)[]} */ (Object.keys(USUAL)))
    if (view[name] !== USUAL[name] || name === "zone" || name === "period") parts.set(name, view[name]);
  return `?${parts}`;
}

/** The address of a view, for a link. @param {View} view */
export const linkTo = (view) => `${location.pathname}${searchOf(view)}`;
