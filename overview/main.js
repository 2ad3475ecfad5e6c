/**
 * The overview: address → view → one query → the page, and the same again when something may have changed. Each part of
 * the page shows its own piece of the answer, or why there is none.
 *
 * @import { Overview } from "./operations.js"
 * @import { ApiError } from "./data/api.js"
 * @import { View } from "./state/address.js"
 */

import { ask, RequestFailed } from "./data/api.js";
import { currenciesOf, sceneOf, variablesOf } from "./data/figures.js";
import { startRefreshing } from "./data/refresh.js";
import { session } from "./data/session.js";
import { showBalance } from "./parts/balance.js";
import { showBrands } from "./parts/brands.js";
import { offer, showControls, startControls } from "./parts/controls.js";
import { showCredits, showFilters, startCredits } from "./parts/credits.js";
import { showDays } from "./parts/days.js";
import { startExports } from "./parts/exports.js";
import { showReports } from "./parts/reports.js";
import { showSchedule, startSchedule } from "./parts/schedule.js";
import { showSplits } from "./parts/splits.js";
import { showTiles } from "./parts/tiles.js";
import { agesOf, showTruth } from "./parts/truth.js";
import { byId, draw } from "./show/element.js";
import { failed, loading } from "./show/states.js";
import { linkTo, searchOf, viewOf } from "./state/address.js";

/** @type {{ view: View, data: Overview | null, asking: AbortController | null, width: number }} */
const page = { view: viewOf(location.search), data: null, asking: null, width: 0 };
const refreshing = startRefreshing(() => void show(page.view));

/** @param {Partial<View>} changes */
const change = (changes) => open(linkTo({ ...page.view, ...changes }));

/** Go to another view of this page. @param {string} href */
function open(href) {
  history.pushState(null, "", href);
  void show(viewOf(location.search));
}

/**
 * Ask for a view and show it; the figures of the view before stay, greyed, until its answer is there.
 *
 * @param {View} view
 */
async function show(view) {
  page.asking?.abort();
  const asking = (page.asking = new AbortController());
  const isOther = searchOf(view) !== searchOf(page.view);
  page.view = view;
  const scene = sceneOf(view, Date.now());
  showControls(view);
  if (isOther || !page.data) {
    showTruth(scene, null, [], open);
    showSchedule(scene.shown.first, scene.shown.last);
    showBusy(true);
  }
  try {
    const { data, errors, changed } = await ask("overview", variablesOf(scene), { signal: asking.signal });
    showProblem("");
    document.body.classList.remove("signed-out");
    if (data && (changed || isOther || !page.data)) showAnswer(scene, data, errors);
    page.data = data;
    refreshing.next(data ? agesOf(data).map(([, age]) => age.nextRefresh) : []);
  } catch (error) {
    if (asking.signal.aborted) return;
    showFailure(error, isOther);
  }
  showBusy(false);
}

/** @param {ReturnType<typeof sceneOf>} scene @param {Overview} data @param {ApiError[]} errors */
function showAnswer(scene, data, errors) {
  const errorOf = (/** @type {string} */ root) => errors.find((error) => error.path?.[0] === root);
  const again = () => void show(page.view);
  showTruth(scene, data, errors, open);
  if (data.shown) {
    offer(
      "network",
      data.shown.networks.map((line) => line.network ?? ""),
    );
    offer("currency", currenciesOf(data.shown, { ...scene.view, network: "", currency: "" }));
    showFilters(
      data.shown.networks.map((line) => line.network ?? ""),
      scene.view,
    );
    showTiles(scene, data);
    showDays(scene, data, open);
    showSplits(scene, data);
  } else {
    draw(byId("tiles"), failed(errorOf("shown"), again));
    for (const id of ["days", "networks", "prices"]) draw(byId(id), failed(errorOf("shown")));
  }
  if (data.brands) {
    offer("brand", [...new Set(data.brands.rows.map((row) => row.brand))]);
    showBrands(scene, data);
  } else draw(byId("brands"), failed(errorOf("brands"), again));
  if (data.balance) showBalance(scene, data.balance);
  else draw(byId("balance"), failed(errorOf("balance"), again));
  showCredits(scene, data.newest, errorOf("newest"));
  if (data.reports) showReports(scene, data.reports);
  else draw(byId("reports"), failed(errorOf("reports"), again));
}

/** @param {unknown} error @param {boolean} isOther whether the figures on the page are those of another view */
function showFailure(error, isOther) {
  const status = error instanceof RequestFailed ? error.status : -1;
  const message = error instanceof Error ? error.message : `${error}`;
  if (status === 401) {
    page.data = null;
    byId("signed-out-reason").textContent = session.canSignIn ? message : `${message} ${NO_SIGN_IN}`;
    byId("sign-in").hidden = !session.canSignIn;
    document.body.classList.add("signed-out");
    return;
  }
  const isSame = page.data && !isOther;
  showProblem(isSame ? `${message} These are the figures from before; trying again.` : message);
  if (!isSame) {
    page.data = null;
    for (const id of PARTS)
      draw(byId(id), failed({ message }, id === "tiles" ? () => void show(page.view) : undefined));
  }
  refreshing.soon();
}

const NO_SIGN_IN =
  "This page has no way to sign in: your operator can configure one (OIDC_ISSUER and OIDC_CLIENT_ID).";
const PARTS = ["tiles", "days", "networks", "prices", "brands", "balance", "credits", "reports"];

/** @param {string} message */
function showProblem(message) {
  byId("problem").textContent = message;
  byId("problem").hidden = !message;
}

/** @type {ReturnType<typeof setTimeout> | undefined} */
let patience;
const PATIENCE = 3_000;

/** @param {boolean} busy */
function showBusy(busy) {
  const say = (/** @type {string} */ text) => (byId("busy").textContent = text);
  byId("figures").setAttribute("aria-busy", `${busy}`);
  say(busy ? "Loading the figures…" : "");
  clearTimeout(patience);
  if (busy) patience = setTimeout(() => say(WHY_SO_LONG), PATIENCE);
}

const WHY_SO_LONG =
  "Loading the figures… Days that are not stored yet are fetched from the vendors first. That can take half a minute, " +
  "once for each period.";

async function start() {
  await session.ready;
  page.view = viewOf(location.search);
  history.replaceState(null, "", linkTo(page.view)); // what made no sense in it is not passed on by a link
  startControls(
    () => page.view,
    change,
    () => sceneOf(page.view, Date.now()).shown,
  );
  startCredits(change);
  startExports(() => sceneOf(page.view, Date.now()));
  startSchedule(() => void show(page.view));
  byId("skip").addEventListener("click", (event) => {
    event.preventDefault(); // its address would lose the view's
    byId("figures").focus();
  });
  byId("sign-in").addEventListener("click", () => void session.signIn());
  session.onChange(() => void show(page.view));
  new ResizeObserver(() => {
    if (page.data && page.width !== byId("days").clientWidth) showDays(sceneOf(page.view, Date.now()), page.data, open);
    page.width = byId("days").clientWidth;
  }).observe(byId("days"));
  addEventListener("popstate", () => void show(viewOf(location.search)));
  for (const id of PARTS) draw(byId(id), loading(id === "tiles" ? 2 : 5));
  await show(page.view);
}

void start();
