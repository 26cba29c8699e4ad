/**
 * Texts that are not sent yet, of one user. Each is stored under a key of its own before `add` returns, so
 * tabs on one storage do not overwrite each other; that two of them may send the same text is harmless,
 * because it is one clientMessageId. In a conversation the next text goes out after the one before it.
 */

import { ParlanceError, Pauses, jitter } from "./base.js";

const OUTBOX = 1_000; // texts of one user that wait
const LANES = 8; // conversations that are sent to at once
const GAP_MS = 25; // between two texts, once BURST have gone out: a server takes 50 frames a second of a socket,
const BURST = 40; // and ends one that goes on when it is refused

/** A text on its way. What is enumerable in it is stored. */
class Entry {
  #settle;
  /** @type {string} */ clientMessageId;
  /** @type {string} */ conversationId;
  /** @type {string} */ state;
  /** @type {number} */ order;
  /** @type {ParlanceError | undefined} */ error;

  constructor(fields) {
    Object.assign(this, fields);
    this.begin();
  }

  /** A new promise, for a new try. */
  begin() {
    const done = new Promise((resolve, reject) => (this.#settle = { resolve, reject }));
    done.catch(() => {}); // who does not look is told by the event
    Object.defineProperty(this, "done", { value: done, configurable: true });
  }

  settle(message, error) {
    if (message) this.#settle.resolve(message);
    else this.#settle.reject(error);
  }
}

export class Outbox {
  #entries = new Map();
  #lanes = new Set();
  #pauses = new Pauses();
  #last = 0;
  #prefix = "";
  #run = 0; // ends the lanes of before
  #paused = false;
  #due = 0;

  constructor(storage, transmit, emit) {
    this.storage = storage;
    this.transmit = transmit;
    this.emit = emit;
  }

  get entries() {
    return [...this.#entries.values()].sort((a, b) => a.order - b.order);
  }

  /** Begins with what is stored. */
  open(prefix) {
    this.#prefix = prefix;
    const stored = [];
    for (let i = 0; i < this.storage.length; i++) {
      const key = this.storage.key(i);
      if (key?.startsWith(prefix)) stored.push(this.storage.getItem(key));
    }
    for (const text of stored) {
      let fields;
      try {
        fields = JSON.parse(text);
      } catch {
        continue; // not ours; left where it is
      }
      if (!fields?.clientMessageId || this.#entries.has(fields.clientMessageId)) continue;
      const { code, message, ...more } = fields.error ?? {};
      if (code) fields.error = new ParlanceError(code, message, more);
      const entry = new Entry({ ...fields, state: fields.state === "failed" ? "failed" : "queued" });
      if (entry.state === "failed") entry.settle(null, entry.error);
      this.#entries.set(entry.clientMessageId, entry);
      this.#last = Math.max(this.#last, entry.order);
    }
  }

  /** Stops sending; what is stored stays. */
  pause() {
    this.#paused = true;
    this.#run += 1;
    this.#lanes.clear();
    this.wake();
    for (const entry of this.#entries.values()) if (entry.state === "sending") entry.state = "queued";
  }

  resume() {
    this.#paused = false;
    this.flush();
  }

  close() {
    this.pause();
    this.#entries.clear();
  }

  /** Tries at once what waits for its next try. */
  wake() {
    this.#pauses.wake();
  }

  add(fields) {
    const known = this.#entries.get(fields.clientMessageId);
    if (known) return known;
    if (this.#entries.size >= OUTBOX) throw new ParlanceError("outbox_full", `${OUTBOX} texts wait already`);
    this.#last = Math.max(this.#last + 1, Date.now());
    const entry = new Entry({ ...fields, order: this.#last, state: "queued" });
    this.#store(entry);
    this.#entries.set(entry.clientMessageId, entry);
    this.emit(entry);
    return entry;
  }

  /** The copy in the storage is a text that is to be sent, as long as it is there; so a new state need not be in it. */
  #keep(entry) {
    try {
      this.#store(entry);
    } catch {
      // After a reload it is tried once more, and refused once more.
    }
  }

  #store(entry) {
    try {
      this.storage.setItem(this.#prefix + entry.clientMessageId, JSON.stringify(entry));
    } catch (error) {
      throw new ParlanceError("outbox_full", `the storage takes no more: ${error.message}`);
    }
  }

  #set(entry, state, more = {}) {
    Object.assign(entry, { state, error: undefined }, more);
    this.emit(entry);
  }

  #end(entry, state, more, error) {
    this.#entries.delete(entry.clientMessageId);
    this.storage.removeItem(this.#prefix + entry.clientMessageId);
    this.#set(entry, state, more);
    entry.settle(more?.message, error);
  }

  /** No text of that name is stored any more: another tab has sent it, or thrown it away. */
  discard(id) {
    const entry = this.#entries.get(id);
    if (entry) this.#end(entry, "discarded", {}, new ParlanceError("discarded", "not to be sent any more"));
  }

  retry(id) {
    const entry = this.#entries.get(id);
    if (entry?.state !== "failed") return;
    entry.begin();
    this.#set(entry, "queued");
    this.#keep(entry);
    this.flush();
  }

  flush() {
    if (this.#paused) return;
    for (const entry of this.entries) {
      if (this.#lanes.size >= LANES) return;
      if (entry.state !== "queued" || this.#lanes.has(entry.conversationId)) continue;
      this.#lanes.add(entry.conversationId);
      void this.#lane(entry.conversationId, this.#run);
    }
  }

  async #lane(conversationId, run) {
    const next = () => this.entries.find((e) => e.conversationId === conversationId && e.state === "queued");
    for (let tries = 0, entry = next(); entry && run === this.#run; entry = next()) {
      if (this.storage.getItem(this.#prefix + entry.clientMessageId) === null) {
        this.discard(entry.clientMessageId);
        continue;
      }
      const early = this.#pace();
      if (early > 0) {
        await this.#pauses.sleep(early);
        if (run !== this.#run || entry.state !== "queued") continue;
      }
      this.#set(entry, "sending");
      const wait = await this.#try(entry, run, tries);
      tries = wait === 0 ? 0 : tries + 1;
      if (wait > 0 && run === this.#run) await this.#pauses.sleep(wait);
    }
    if (run !== this.#run) return;
    this.#lanes.delete(conversationId);
    this.flush();
  }

  /** How long to wait with the next text, so that a long queue is no flood. */
  #pace() {
    const now = Date.now();
    this.#due = Math.max(this.#due, now - BURST * GAP_MS) + GAP_MS;
    return this.#due - now;
  }

  /** How long to wait before the next try; 0 if this one has decided. */
  async #try(entry, run, tries) {
    const mine = () => run === this.#run && this.#entries.get(entry.clientMessageId) === entry;
    try {
      const message = await this.transmit(entry);
      if (mine()) this.#end(entry, "sent", { message });
    } catch (error) {
      if (!mine()) return 0;
      // Only the server refuses: what something between has answered decides nothing.
      if (error.retryable || error.code === "network" || error.code === "signed_out") {
        this.#set(entry, "queued", { error });
        return Math.max(error.retryAfterMs ?? 0, 200 + jitter(tries));
      }
      this.#set(entry, "failed", { error });
      this.#keep(entry);
      entry.settle(null, error);
    }
    return 0;
  }
}
