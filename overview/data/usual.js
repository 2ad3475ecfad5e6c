/**
 * What is far from its usual: three times the median of the 28 days before the period, or a third of it. Counts and
 * failure rates are compared, not money. A rate of few credits says nothing, so it takes fifty that have ended, and
 * what is usual takes seven such days.
 *
 * @typedef {{ day: string | null, count: number, success: number, failed: number, failureRate: string | null }}
 *   DayFigures
 * @typedef {{ rate: number | null, perDay: number | null }} Usual
 * @typedef {{ what: "failures" | "credits", reason: string }} Mark
 */

import { count, dayText, percent } from "../show/format.js";

const FAR = 3;
const ENOUGH = 50;
const ENOUGH_DAYS = 7;
const NAMED = 2;

/** @param {DayFigures} figures */
const ended = (figures) => figures.success + figures.failed;

/** @param {number[]} values */
function median(values) {
  if (!values.length) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] = [sorted[sorted.length % 2 ? half : half - 1], sorted[half]];
  return (low + high) / 2;
}

/**
 * The usual failure rate and credits a day; null where the days before have none.
 *
 * @param {DayFigures[]} days @returns {Usual}
 */
export function usualOf(days) {
  const rates = days.flatMap((day) => (ended(day) >= ENOUGH ? [Number(day.failureRate)] : []));
  return {
    rate: rates.length >= ENOUGH_DAYS ? median(rates) : null,
    perDay: days.some((day) => day.count) ? median(days.map((day) => day.count)) : null,
  };
}

/**
 * The marks of one network or price point.
 *
 * @param {DayFigures} whole its figures in the whole period
 * @param {DayFigures[]} days its figures of the period's days; empty where the period has hours or weeks instead
 * @param {Usual} usual
 * @param {number} length how many days of the period have passed
 * @returns {Mark[]}
 */
export function marksOf(whole, days, usual, length) {
  /** @type {Mark[]} */
  const marks = [];
  const worst = days
    .filter((figures) => fails(figures, usual))
    .toSorted((a, b) => Number(b.failureRate) - Number(a.failureRate));
  const named = worst.slice(0, NAMED).map((day) => `${percent(day.failureRate)} on ${dayText(day.day ?? "")}`);
  if (worst.length > NAMED) named.push(`more on ${worst.length - NAMED} other days`);
  if (fails(whole, usual)) named.unshift(`${percent(whole.failureRate)} in the whole period`);
  if (named.length && usual.rate !== null)
    marks.push({
      what: "failures",
      reason: `failures ${named.join(", ")}; usual is ${percent(usual.rate.toFixed(4))}`,
    });
  const perDay = length > 0 ? whole.count / length : 0;
  if (usual.perDay && length >= 1 && (perDay >= FAR * usual.perDay || perDay * FAR <= usual.perDay)) {
    const rounded = count(Math.round(perDay * 10) / 10);
    marks.push({ what: "credits", reason: `${rounded} credits a day; usual is ${count(usual.perDay)}` });
  }
  return marks;
}

/** Whether far more fail than is usual. @param {DayFigures} figures @param {Usual} usual */
export function fails(figures, usual) {
  return (
    usual.rate !== null &&
    ended(figures) >= ENOUGH &&
    figures.failed > 0 &&
    Number(figures.failureRate) >= FAR * usual.rate
  );
}
