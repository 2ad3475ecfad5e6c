/**
 * What stands in a part of the page that has no figures: why, and what can be done about it.
 *
 * @import { ApiError } from "../data/api.js"
 */

import { h } from "./element.js";

/** @type {Record<string, string>} */
const VENDORS = { rde: "the reseller reports' vendor (RDE)", openmarket: "the credits' vendor (OpenMarket)" };

/** @param {string} text @param {string} [detail] */
export const empty = (text, detail = "") =>
  h("div", { class: "state state-empty" }, h("p", {}, text), detail && h("p", { class: "detail" }, detail));

/**
 * A part without an answer. Parts that lack the same answer say so each, but one of them is announced and asks again.
 *
 * @param {ApiError | undefined} error @param {() => void} [again]
 */
export function failed(error, again) {
  if (error?.extensions?.code === "FORBIDDEN") return missingScope(error.message);
  const vendor = error?.extensions?.upstream && VENDORS[error.extensions.upstream];
  const id = error?.extensions?.requestId;
  return h(
    "div",
    { class: "state state-error", role: again && "alert" },
    h(
      "p",
      {},
      vendor ? `No answer from ${vendor}, and nothing older is stored.` : "These figures could not be loaded.",
    ),
    error && h("p", { class: "detail" }, error.message, id && ` (request ${id})`),
    again && h("button", { type: "button", class: "quiet", "data-key": "again", onclick: again }, "Try again"),
  );
}

/** @param {string} message what the API said, which names the scope */
function missingScope(message) {
  const scope = /[a-z]+:[a-z]+/.exec(message)?.[0];
  return h(
    "div",
    { class: "state state-scope" },
    h(
      "p",
      {},
      scope ? ["Your sign-in does not include ", h("code", {}, scope), "."] : "Your sign-in does not allow this.",
    ),
    h("p", { class: "detail" }, "Ask your operator for it; the other parts of the page are not affected."),
  );
}

/** Grey lines where figures will be. @param {number} lines */
export const loading = (lines) =>
  h(
    "div",
    { class: "skeleton", "aria-hidden": "true" },
    Array.from({ length: lines }, () => h("span")),
  );
