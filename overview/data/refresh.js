/**
 * Asks again when the API says that the answer may be another: at the earliest `nextRefresh` of the parts, and only
 * while the page is in sight. After a failure it waits longer each time.
 */

const SOONEST = 5_000;
const LATEST = 3_600_000;
const AFTER_FAILURE = 10_000;

/** @param {() => void} again */
export function startRefreshing(again) {
  let due = Infinity;
  let failures = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  function arm() {
    clearTimeout(timer);
    if (due === Infinity || document.hidden) return;
    timer = setTimeout(run, Math.min(Math.max(due - Date.now(), 0), LATEST));
  }

  function run() {
    due = Infinity;
    again();
  }

  document.addEventListener("visibilitychange", arm);
  return {
    /** @param {(string | null)[]} moments null where nothing can change */
    next(moments) {
      failures = 0;
      const times = moments.flatMap((moment) => (moment ? [Date.parse(moment)] : []));
      due = times.length ? Math.max(Math.min(...times), Date.now() + SOONEST) : Infinity;
      arm();
    },

    /** After a failure. */
    soon() {
      due = Date.now() + Math.min(AFTER_FAILURE * 2 ** failures++, LATEST);
      arm();
    },
  };
}
