/** Waiting for something that is being made elsewhere. */

/** @param {number} seconds */
export const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

/** Ticks with pauses between them, until it has taken too long. @param {number} seconds @param {number} minutes */
export async function* every(seconds, minutes) {
  const end = Date.now() + minutes * 60_000;
  while (Date.now() < end) {
    yield;
    await pause(seconds);
  }
}
