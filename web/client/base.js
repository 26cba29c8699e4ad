/** What the other modules share: errors, names, pauses, and a storage for where there is none. */

export const BACKOFF_MS = 30_000; // longest pause between two tries

/** Refused before anything happened: always safe to repeat. */
export const AT_ONCE = new Set(["overloaded", "rate_limited"]);

export const isCount = (n) => Number.isSafeInteger(n) && n >= 0;

/** A random UUID; crypto.randomUUID is there in secure contexts only. */
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 15) | 64;
  bytes[8] = (bytes[8] & 63) | 128;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

/** Full jitter: those who lost the same server do not all come back at the same moment. */
export const jitter = (tries) => Math.random() * Math.min(BACKOFF_MS, 500 * 2 ** Math.min(tries, 10));

/** Pauses that can be cut short together. */
export class Pauses {
  #sleepers = new Set();

  sleep(ms) {
    return new Promise((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#sleepers.delete(wake);
        resolve(undefined);
      };
      const timer = setTimeout(wake, ms);
      this.#sleepers.add(wake);
    });
  }

  wake() {
    for (const wake of [...this.#sleepers]) wake();
  }
}

export class ParlanceError extends Error {
  constructor(code, message, more = {}) {
    super(message);
    this.name = "ParlanceError";
    this.code = code;
    this.status = more.status ?? 0;
    this.details = more.details ?? [];
    this.retryable = more.retryable ?? (AT_ONCE.has(code) || code === "outcome_unknown" || code === "network");
    this.retryAfterMs = more.retryAfterMs;
    this.requestId = more.requestId;
    this.closeCode = more.closeCode;
  }

  toJSON() {
    return { code: this.code, message: this.message, status: this.status, details: this.details };
  }
}

export const signedOut = () => new ParlanceError("signed_out", "nobody is signed in");
export const network = (message, more) => new ParlanceError("network", message, more);

/** Web Storage for where there is none. */
export class Memory {
  #map = new Map();
  get length() {
    return this.#map.size;
  }
  key = (i) => [...this.#map.keys()][i] ?? null;
  getItem = (key) => this.#map.get(key) ?? null;
  setItem = (key, value) => void this.#map.set(key, String(value));
  removeItem = (key) => void this.#map.delete(key);
}

export const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** An id, or an error that says what came instead: it would become part of a path. */
export function anId(value) {
  if (typeof value !== "string" || !UUID.test(value)) throw new TypeError(`not an id: ${value}`);
  return value;
}
