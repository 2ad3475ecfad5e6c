/**
 * Figures as people read them. Amounts and rates come as exact decimal text and are shown by moving characters; they
 * never become floating-point numbers, but for a bar's height and a change in per cent.
 */

const counts = new Intl.NumberFormat("en-GB");
/** @type {Record<string, string>} */
export const STATE_NAMES = { SUCCESS: "Applied", FAILED: "Failed", PENDING: "Pending", UNKNOWN: "Unknown" };
export const NONE = "–";

/** @param {number} value */
export const count = (value) => counts.format(value);

/** `7128.5` as `7,128.50`: at least two decimals, all that there are. @param {string} decimal */
export function decimal(decimal) {
  const [whole = "0", fraction = ""] = decimal.replace("-", "").split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return `${decimal.startsWith("-") ? "−" : ""}${grouped}.${fraction.padEnd(2, "0")}`;
}

/** @param {string} amount */
export const isZero = (amount) => /^[-0.]*$/.test(amount);

/** An amount with its currency's sign. @param {string} amount @param {string} currency */
export function money(amount, currency) {
  const sign = signOf(currency);
  const text = decimal(amount);
  return text.startsWith("−") ? `−${sign}${text.slice(1)}` : `${sign}${text}`;
}

/** `£` for GBP; the code and a space for one without a sign. @param {string} currency */
export function signOf(currency) {
  try {
    const parts = new Intl.NumberFormat("en-GB", { style: "currency", currency }).formatToParts(0);
    const sign = parts.find((part) => part.type === "currency")?.value ?? currency;
    return /^[A-Z]/.test(sign) ? `${sign}\u00a0` : sign;
  } catch {
    return `${currency}\u00a0`;
  }
}

/** A rate of four decimals in per cent: `0.0812` is `8.12 %`. @param {string | null} rate */
export function percent(rate) {
  if (rate === null) return NONE;
  const [whole = "0", fraction = ""] = rate.split(".");
  const digits = fraction.padEnd(4, "0");
  return `${Number(whole + digits.slice(0, 2))}.${digits.slice(2, 4)}\u00a0%`;
}

/**
 * The change of a figure, such as `+4.2 %`; "" where there is nothing to compare with.
 *
 * @param {string | number} now @param {string | number} before
 */
export function change(now, before) {
  const from = Number(before);
  if (!from) return Number(now) ? "" : "no change";
  return `${signed((Number(now) / from - 1) * 100)}\u00a0%`;
}

/** The change of a rate in percentage points. @param {string} now @param {string} before */
export const points = (now, before) => `${signed((Number(now) - Number(before)) * 100, 2)}\u00a0points`;

/** @param {number} value @param {number} [digits] */
function signed(value, digits = 1) {
  const text = Math.abs(value).toLocaleString("en-GB", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  if (Number(text.replace(/,/g, "")) === 0) return `±${text}`;
  return `${value < 0 ? "−" : "+"}${text}`;
}

/** A day such as `Thu 5 Nov`, with its year where asked for. @param {string} day @param {boolean} [withYear] */
export function dayText(day, withYear = false) {
  const options = /** @type {const} */ ({ weekday: "short", day: "numeric", month: "short", timeZone: "UTC" });
  return new Intl.DateTimeFormat("en-GB", withYear ? { ...options, year: "numeric" } : options)
    .format(new Date(`${day}T00:00:00Z`))
    .replace(",", "");
}

/** Days as a period: `5 Oct – 3 Nov 2026`. @param {string} first @param {string} last */
export function daysText(first, last) {
  const form = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
  const [from, to] = [new Date(`${first}T00:00:00Z`), new Date(`${last}T00:00:00Z`)];
  return first === last ? form.format(from) : form.formatRange(from, to);
}

/** An instant in a zone, `25 Nov 2026, 14:05`. @param {string | number} instant @param {string} zone */
export const momentText = (instant, zone) =>
  new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: zone }).format(
    new Date(instant),
  );

/** An instant with seconds, for one credit. @param {string} instant @param {string} zone */
export const secondText = (instant, zone) =>
  new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium", timeZone: zone }).format(
    new Date(instant),
  );

/** @param {string} instant @param {string} zone */
export const hourText = (instant, zone) =>
  new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone }).format(new Date(instant));

/** Bytes as people read them. @param {string | null} bytes */
export function size(bytes) {
  if (bytes === null) return NONE;
  const value = Number(bytes);
  if (value < 1000) return `${value}\u00a0B`;
  return value < 1_000_000 ? `${(value / 1000).toFixed(1)}\u00a0kB` : `${(value / 1_000_000).toFixed(1)}\u00a0MB`;
}
