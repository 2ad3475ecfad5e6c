/**
 * The newest credits of the period, in pages. The first page comes with the view; other pages, and a phone number, are
 * asked for by themselves.
 *
 * @import { CreditsPage, CreditsPageVariables } from "../operations.js"
 * @import { ApiError } from "../data/api.js"
 * @import { Scene } from "../data/figures.js"
 * @typedef {NonNullable<CreditsPage["newest"]>} Page
 */

import { ask } from "../data/api.js";
import { creditsFilter, variablesOf } from "../data/figures.js";
import { byId, draw, h } from "../show/element.js";
import { count, money, secondText, STATE_NAMES } from "../show/format.js";
import { empty, failed, loading } from "../show/states.js";
import { table } from "../show/table.js";

/**
 * @type {{ scene: Scene | null, cursors: (string | null)[], phone: string, masked: boolean, asking:
 *   AbortController | null }}
 */
const log = { scene: null, cursors: [null], phone: "", masked: false, asking: null };

/** @param {(changes: { outcome?: string, among?: string }) => void} change */
export function startCredits(change) {
  const [outcome, among] = ["outcome", "among"].map((id) => /** @type {HTMLSelectElement} */ (byId(id)));
  outcome?.append(...Object.entries(STATE_NAMES).map(([value, text]) => h("option", { value }, text)));
  outcome?.addEventListener("change", () => change({ outcome: outcome.value }));
  among?.addEventListener("change", () => change({ among: among.value }));
  byId("by-phone").addEventListener("submit", (event) => {
    event.preventDefault();
    log.phone = /** @type {HTMLInputElement} */ (byId("phone")).value.trim();
    log.cursors = [null];
    void turn();
  });
}

/** Whether what is listed is the view's own first page, which a refresh may replace. */
const showsFirstPage = () => log.cursors.length === 1 && !log.phone;

/**
 * Show the view's first page; `error` says why there is none.
 *
 * @param {Scene} scene @param {Page | null | undefined} page @param {ApiError} [error]
 */
export function showCredits(scene, page, error) {
  const isOther = JSON.stringify(log.scene?.view) !== JSON.stringify(scene.view);
  log.scene = scene;
  if (isOther) log.cursors = [null];
  if (isOther && log.phone) void turn();
  else if (showsFirstPage()) showPage(page, error);
}

/** @param {string[]} networks @param {Scene["view"]} view */
export function showFilters(networks, view) {
  const [outcome, among] = ["outcome", "among"].map((id) => /** @type {HTMLSelectElement} */ (byId(id)));
  if (!outcome || !among) return;
  outcome.value = view.outcome;
  const names = [...new Set([...networks, view.among, view.network])].filter(Boolean).toSorted();
  among.replaceChildren(
    h("option", { value: "" }, "All networks"),
    ...names.map((value) => h("option", { value }, value)),
  );
  among.value = view.network || view.among;
  among.disabled = Boolean(view.network);
}

/** Ask for the page that the cursors lead to. */
async function turn() {
  const scene = log.scene;
  if (!scene) return;
  log.asking?.abort();
  const asking = (log.asking = new AbortController());
  const { from, to, brand } = variablesOf(scene);
  /** @type {CreditsPageVariables} */
  const variables = { from, to, brand, where: creditsFilter(scene.view, log.phone), after: log.cursors.at(-1) ?? null };
  byId("credits").setAttribute("aria-busy", "true");
  if (!byId("credits").querySelector("table")) draw(byId("credits"), loading(6));
  try {
    const answer = await ask("credits_page", variables, { signal: asking.signal, secret: Boolean(log.phone) });
    showPage(answer.data?.newest, answer.errors[0]);
  } catch (error) {
    if (!asking.signal.aborted) showPage(null, { message: `${error instanceof Error ? error.message : error}` });
  } finally {
    byId("credits").removeAttribute("aria-busy");
  }
}

/** @param {Page | null | undefined} page @param {ApiError} [error] */
function showPage(page, error) {
  const zone = log.scene?.view.zone ?? "UTC";
  if (!page) return draw(byId("credits"), failed(error, turn));
  const masked = page.nodes.some((node) => node.msisdn.includes("*"));
  showPhoneFilter(masked || (log.masked && !page.nodes.length));
  if (!page.nodes.length) return draw(byId("credits"), nothing(), pages(page));
  const columns = ["Time", "Phone number", "Network", "State", "Amount", "Credit id"].map((head) => ({
    head,
    figures: head === "Amount",
  }));
  const rows = page.nodes.map((node) => ({
    cells: [
      h("time", { datetime: node.time }, secondText(node.time, zone)),
      h("span", { class: "digits" }, node.msisdn),
      node.network,
      h(
        "span",
        { class: `badge state-text-${node.outcome}`, title: `The vendor says ${node.rawOutcome}` },
        STATE_NAMES[node.outcome] ?? "",
      ),
      money(node.amount, node.currency),
      h("span", { class: "digits" }, node.creditId),
    ],
  }));
  draw(byId("credits"), table("Newest credits", columns, rows), pages(page));
}

const nothing = () =>
  log.phone || (log.scene && creditsFilter(log.scene.view, ""))
    ? empty("No credit passes these filters.", "Allow more states, networks or phone numbers.")
    : empty("There are no credits in this period.");

/** @param {boolean} masked whether the user sees no whole phone numbers */
function showPhoneFilter(masked) {
  log.masked = masked;
  const phone = /** @type {HTMLInputElement} */ (byId("phone"));
  phone.disabled = masked;
  byId("phone-note").textContent = masked
    ? "Phone numbers are masked: your sign-in does not include credits:msisdn."
    : "";
}

/** @param {Page} page */
function pages(page) {
  const number = log.cursors.length;
  const to = (/** @type {() => void} */ step) => () => {
    step();
    void turn();
  };
  const last = Math.max(1, Math.ceil(page.totalCount / 20));
  return h(
    "nav",
    { class: "pages", "aria-label": "Pages of the newest credits" },
    h(
      "button",
      {
        type: "button",
        class: "quiet",
        "data-key": "newer",
        disabled: number === 1,
        onclick: to(() => log.cursors.pop()),
      },
      "Newer",
    ),
    h("span", {}, `Page ${count(number)} of ${count(last)} · ${count(page.totalCount)} credits`),
    h(
      "button",
      {
        type: "button",
        class: "quiet",
        "data-key": "older",
        disabled: !page.pageInfo.hasNextPage,
        onclick: to(() => log.cursors.push(page.pageInfo.endCursor)),
      },
      "Older",
    ),
  );
}
