// What is measured on a machine that is shared: a round in which the machine itself stalled proves nothing either way.

/** Most rounds that may be void. */
const ROUNDS = 3;

/**
 * Measures until what was measured holds, or does not though the machine did not stall.
 * @param measure a round; it answers how long the machine stalled, how long it may, and how to judge what came
 */
export async function rounds(t, measure) {
  for (let n = 1; ; n += 1) {
    const { stall, most, judge } = await measure();
    try {
      judge();
      return;
    } catch (error) {
      if (stall <= most || n === ROUNDS) throw error;
      t.diagnostic(`round ${n} is void, the machine stalled for ${Math.round(stall)} ms: ${error.message}`);
    }
  }
}

const TICK_MS = 50;

/** How late this process is: it looks every 50 ms. */
export class Ticker {
  #late = [];
  #last = performance.now();
  #timer = setInterval(() => this.#tick(), TICK_MS);

  #tick() {
    const now = performance.now();
    this.#late.push({ at: now, late: now - this.#last - TICK_MS });
    this.#last = now;
  }

  /** The longest stall that reached into this time. */
  stall(from, to) {
    this.#tick();
    return Math.max(0, ...this.#late.filter(({ at, late }) => at >= from && at - late <= to).map(({ late }) => late));
  }

  stop() {
    clearInterval(this.#timer);
  }
}
