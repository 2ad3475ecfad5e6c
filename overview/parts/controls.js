/**
 * The controls: each shows the view's state and changes it. Options that only the figures know (brands, networks,
 * currencies) are added when there is an answer; what the address names is always among them.
 *
 * @import { View } from "../state/address.js"
 */

import { byId, h } from "../show/element.js";
import { COMPARISONS, LONGEST_DAYS, PRESETS } from "../state/periods.js";
import { daysBetween } from "../state/zones.js";

const SELECTS = /** @type {const} */ (["period", "zone", "brand", "network", "currency", "compare"]);
/** @typedef {(typeof SELECTS)[number]} SelectName */

/** @param {string} id */
const select = (id) => /** @type {HTMLSelectElement} */ (byId(id));
/** @param {string} id */
const input = (id) => /** @type {HTMLInputElement} */ (byId(id));

/**
 * @param {() => View} current
 * @param {(changes: Partial<View>) => void} change
 * @param {() => { first: string, last: string }} shown the days that an own period starts from
 */
export function startControls(current, change, shown) {
  fill("period", Object.entries(PRESETS));
  fill("compare", Object.entries(COMPARISONS));
  fill("zone", zones(current().zone));
  for (const name of SELECTS) {
    select(name).addEventListener("change", () => {
      const value = select(name).value;
      if (name !== "period") return change({ [name]: value });
      const { first, last } = shown();
      change({ period: value, within: "", ...(value === "own" ? { from: first, to: last } : { from: "", to: "" }) });
    });
  }
  byId("own").addEventListener("submit", (event) => {
    event.preventDefault();
    const [from, to] = [input("from").value, input("to").value];
    const wrong = wrongWith(from, to);
    byId("own-problem").textContent = wrong;
    if (!wrong) change({ period: "own", from, to, within: "" });
  });
}

/** What is wrong with two days as a period, or "". @param {string} from @param {string} to */
function wrongWith(from, to) {
  if (!from || !to) return "Choose a first and a last day.";
  if (from > to) return "The last day is before the first.";
  return daysBetween(from, to) > LONGEST_DAYS ? `A period has at most ${LONGEST_DAYS} days.` : "";
}

/** Show a view's state. @param {View} view */
export function showControls(view) {
  for (const name of SELECTS) {
    offer(name, [view[name]]);
    select(name).value = view[name];
  }
  byId("own").hidden = view.period !== "own";
  byId("own-problem").textContent = "";
  input("from").value = view.from;
  input("to").value = view.to;
}

/** Offer values that an answer has, beside those that are there. @param {SelectName} name @param {string[]} values */
export function offer(name, values) {
  const options = select(name).options;
  const known = new Set([...options].map((option) => option.value));
  for (const value of values) if (value && !known.has(value)) select(name).append(h("option", { value }, value));
}

/** @param {SelectName} name @param {[string, string][]} options */
function fill(name, options) {
  select(name).append(...options.map(([value, text]) => h("option", { value }, text)));
}

/**
 * UTC, the reader's own and the address's zone first, then all that the browser knows.
 *
 * @param {string} chosen @returns {[string, string][]}
 */
function zones(chosen) {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const names = new Set(["UTC", own, chosen, "Europe/London", ...Intl.supportedValuesOf("timeZone")]);
  return [...names].filter(Boolean).map((zone) => [zone, zone.replaceAll("_", " ")]);
}
