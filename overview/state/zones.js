/**
 * Days of a time zone as instants, by the browser's own table of zones. A day is written as in the API: `2026-11-05`.
 */

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** @type {Map<string, Intl.DateTimeFormat>} */
const clocks = new Map();

/** @param {string} zone @returns {Intl.DateTimeFormat} */
function clockOf(zone) {
  const known = clocks.get(zone);
  if (known) return known;
  const clock = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  });
  clocks.set(zone, clock);
  return clock;
}

/** Whether the browser knows the zone. @param {string} zone */
export function isZone(zone) {
  try {
    return Boolean(zone && clockOf(zone));
  } catch {
    return false;
  }
}

/** Wall-clock time at an instant, as if it were UTC. @param {number} instant @param {string} zone */
function wallClock(instant, zone) {
  /** @type {Record<string, number>} */
  const part = {};
  for (const { type, value } of clockOf(zone).formatToParts(instant)) part[type] = Number(value);
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
  return Date.UTC(year, month - 1, day, hour, minute, second);
}

/** Milliseconds by which a zone is ahead of UTC. @param {number} instant @param {string} zone */
const ahead = (instant, zone) => wallClock(instant, zone) - Math.floor(instant / 1000) * 1000;

/**
 * Whether the zone keeps whole hours from UTC, which the API's hourly figures need.
 *
 * @param {string} zone @param {number} now
 */
export const keepsWholeHours = (zone, now) => ahead(now, zone) % HOUR === 0;

/** The instant at which a day begins in a zone. @param {string} day @param {string} zone */
export function startOf(day, zone) {
  const midnight = Date.parse(`${day}T00:00:00Z`);
  const guess = midnight - ahead(midnight, zone);
  return midnight - ahead(guess, zone);
}

/** The day of an instant in a zone. @param {number} instant @param {string} zone */
export const dayOf = (instant, zone) => new Date(wallClock(instant, zone)).toISOString().slice(0, 10);

/** @param {string} day @param {number} days */
export const plusDays = (day, days) => new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY).toISOString().slice(0, 10);

/**
 * The same day of another month; the month's last day where it has no such day.
 *
 * @param {string} day @param {number} months
 */
export function plusMonths(day, months) {
  const [year = 0, month = 1, date = 1] = day.split("-").map(Number);
  const length = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return new Date(Date.UTC(year, month - 1 + months, Math.min(date, length))).toISOString().slice(0, 10);
}

/** How many days there are from one to another, both counted. @param {string} first @param {string} last */
export const daysBetween = (first, last) => Math.round((Date.parse(last) - Date.parse(first)) / DAY) + 1;

/** As the API writes instants: whole seconds, UTC. @param {number} instant */
export const written = (instant) => new Date(instant).toISOString().replace(/\.\d+Z$/, "Z");
