// Tests of what happens in fractions of a second, on a machine that stands still now and then.
import { it } from "node:test";

import { pause } from "./server.mjs";

const EVERY_MS = 20;
// The servers under test wait 200 ms for a pong.
const STALL_MS = 100;
const TRIES = 9;

/** Asks the server for nothing all the time: how long this process or the server stood still at most. */
class Probe {
  #longest = 0;
  #last = performance.now();
  #ends = new AbortController();

  constructor(host) {
    this.#run(`http://${host}/`);
  }

  async #run(url) {
    while (!this.#ends.signal.aborted) {
      try {
        await (await fetch(url, { signal: this.#ends.signal })).text();
      } catch {
        return; // its end, or that of the server: then every step is late
      }
      this.#longest = this.longest;
      this.#last = performance.now();
      await pause(EVERY_MS);
    }
  }

  get longest() {
    return Math.max(this.#longest, performance.now() - this.#last - EVERY_MS);
  }

  end() {
    this.#ends.abort();
  }
}

/** `it` for the server at `at`: who fails while something stood still is asked again, a few times. */
export function steady(at) {
  return (title, body) => it(title, async (t) => {
    for (let number = 1; ; number += 1) {
      const probe = new Probe(at.host);
      try {
        return await body(t);
      } catch (error) {
        const { longest } = probe;
        if (number === TRIES || longest < STALL_MS) throw error;
        t.diagnostic(`asked again, because something stood still for ${Math.round(longest)} ms: ${error.message}`);
      } finally {
        probe.end();
      }
    }
  });
}
