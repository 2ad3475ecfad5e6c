/**
 * Schedules a report and follows it until its file is there. One key for each press of the button: a request that is
 * sent twice schedules one report.
 *
 * @import { ScheduleReportInput } from "../operations.js"
 */

import { ask } from "../data/api.js";
import { every } from "../data/waiting.js";
import { byId, draw, h } from "../show/element.js";

const PAUSE_SECONDS = 3;
const LONGEST_MINUTES = 30;

/** @param {() => void} ready called when the report is there, so that the list shows it */
export function startSchedule(ready) {
  const form = /** @type {HTMLFormElement} */ (byId("schedule"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const given = new FormData(form);
    const text = (/** @type {string} */ name) => `${given.get(name) ?? ""}`;
    void schedule(
      {
        name: text("name").trim(),
        format: /** @type {ScheduleReportInput["format"]} */ (text("format")),
        startDate: `${text("first")}T00:00:00Z`,
        endDate: `${text("last")}T23:59:59Z`,
        idempotencyKey: crypto.randomUUID(),
      },
      ready,
    );
  });
}

/** Fill in the period's days where nothing was typed. @param {string} first @param {string} last */
export function showSchedule(first, last) {
  for (const [id, day] of /** @type {const} */ ([
    ["schedule-first", first],
    ["schedule-last", last],
  ])) {
    const field = /** @type {HTMLInputElement} */ (byId(id));
    if (!field.dataset.typed) field.value = day;
    field.addEventListener("input", () => (field.dataset.typed = "yes"), { once: true });
  }
}

/** @param {string} text @param {string | null} [link] */
const say = (text, link) => draw(byId("schedule-state"), text, link && [" ", h("a", { href: link }, "Download")]);

/** @param {ScheduleReportInput} input @param {() => void} ready */
async function schedule(input, ready) {
  const button = /** @type {HTMLButtonElement} */ (byId("schedule-button"));
  button.disabled = true;
  say("Scheduling…");
  try {
    const { data, errors } = await ask("schedule_report", { input });
    const scheduled = data?.scheduleReport;
    if (!scheduled) return say(errors[0]?.message ?? "The report could not be scheduled.");
    say(`${input.name} is scheduled; it is being made.`);
    await follow(scheduled.report.id, input.name, ready);
  } catch (error) {
    say(error instanceof Error ? error.message : `${error}`);
  } finally {
    button.disabled = false;
  }
}

/** @param {string} id @param {string} name @param {() => void} ready */
async function follow(id, name, ready) {
  for await (const _ of every(PAUSE_SECONDS, LONGEST_MINUTES)) {
    const { data, errors } = await ask("scheduled_report", { id });
    const report = data?.scheduledReport?.report;
    if (!report) return say(errors[0]?.message ?? `${name} is not known to the vendor any more.`);
    if (report.status === "ERROR") return say(`The vendor could not make ${name}.`);
    if (report.status === "COMPLETED") {
      say(`${name} is ready.`, report.archiveUrl);
      return ready();
    }
  }
  return say(`${name} is still being made; it will be in the list when it is ready.`);
}
