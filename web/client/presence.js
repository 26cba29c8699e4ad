/**
 * Who is there: what is asked of the server about it, kept up over sockets that come and go. Its invariant: who
 * is subscribed to stays so until unsubscribed, and a custom status is never shown past its end, whether the server
 * says so or not. It keeps nobody's status: that is the program's.
 */

import { ParlanceError, anId, jitter } from "./base.js";

const SUBSCRIPTIONS = 200; // of one socket
const PAGE = 100; // users of one request
const ACTIVE_MS = 60_000; // between two signs of life of a user
const ENDS = 2_000; // custom statuses whose end is waited for
const LONGEST_MS = 3_600_000; // of one timer; a browser's own end at 24 days

export class Presence {
  #wanted = new Set();
  #here; // what this device says of itself
  #ends = new Map(); // user → {view, due}
  #timer;
  #retry;
  #active = -Infinity;

  /** `on`: ready(), ask(type, data) → Promise, request(method, path, options) → Promise, tell(frame) */
  constructor(on) {
    this.on = on;
  }

  // Others

  /** Their changes are told as `presence` events from now on; what they are now is told at once, and after each reconnect. */
  async subscribe(userIds) {
    const ids = [...new Set(userIds)].map(anId);
    const fresh = ids.filter((id) => !this.#wanted.has(id));
    if (this.#wanted.size + fresh.length > SUBSCRIPTIONS) {
      throw new ParlanceError("validation_failed", `a client subscribes to at most ${SUBSCRIPTIONS} users`);
    }
    for (const id of ids) this.#wanted.add(id);
    if (!this.on.ready() || ids.length === 0) return [];
    try {
      return await this.#ask(ids);
    } catch (error) {
      if (error.retryable) {
        this.#later(error);
        return []; // told as events, soon
      }
      for (const id of fresh) this.#wanted.delete(id);
      throw error;
    }
  }

  async #ask(userIds) {
    const { presence } = await this.on.ask("presence.subscribe", { userIds });
    const at = new Date().toISOString();
    for (const data of presence) this.on.tell({ type: "presence", at, data });
    return presence;
  }

  async unsubscribe(userIds) {
    const gone = [...new Set(userIds)].filter((id) => this.#wanted.delete(anId(id)));
    if (gone.length > 0) await this.#say("presence.unsubscribe", { userIds: gone });
  }

  /** What they are now; over REST, so also without a socket. */
  async of(userIds) {
    const ids = [...new Set(userIds)].map(anId);
    const all = [];
    for (let from = 0; from < ids.length; from += PAGE) {
      const some = ids.slice(from, from + PAGE).join(",");
      all.push(...await this.on.request("GET", "/presence/users", { query: { userIds: some } }));
    }
    for (const view of all) this.#follow(view);
    return all;
  }

  // Oneself

  me() {
    return this.#told(this.on.request("GET", "/presence/me"));
  }

  /** For all devices, until it is changed: `{status, customStatus, customStatusExpiresAt}`, each if given. */
  update({ status, customStatus, customStatusExpiresAt }) {
    const ends = customStatusExpiresAt instanceof Date ? customStatusExpiresAt.toISOString() : customStatusExpiresAt;
    const body = { status, customStatus, customStatusExpiresAt: ends };
    return this.#told(this.on.request("PUT", "/presence/me", { body, key: true }));
  }

  async #told(asked) {
    const view = await asked;
    this.#follow(view);
    return view;
  }

  /** For this client alone, until it is closed; `online` takes it back. */
  async here(status) {
    this.#here = status === "online" ? undefined : status;
    await this.#say("presence.update", { status });
  }

  /** To this socket; one that comes later is told what counts then. */
  async #say(type, data) {
    if (!this.on.ready()) return;
    try {
      await this.on.ask(type, data);
    } catch (error) {
      if (error.code !== "network") throw error;
    }
  }

  /** Somebody uses the program; as often as it likes. */
  active() {
    const now = Date.now();
    if (!this.on.ready() || now - this.#active < ACTIVE_MS) return;
    this.#active = now;
    if (this.#here === "away") this.#here = undefined; // as the server takes it
    this.on.ask("activity", {}).catch(() => {}); // the next one says it again
  }

  // What happens around it

  /** There is a socket: it knows nothing of what was asked of the one before. */
  back() {
    this.#active = Date.now(); // to come is a sign of life
    this.#arm();
    if (this.#here !== undefined) this.on.ask("presence.update", { status: this.#here }).catch(() => {});
    this.#again();
  }

  #again() {
    clearTimeout(this.#retry);
    if (this.on.ready() && this.#wanted.size > 0) this.#ask([...this.#wanted]).catch((error) => this.#later(error));
  }

  #later(error) {
    if (!error.retryable || error.code === "network") return; // the next socket begins anew
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.#again(), (error.retryAfterMs ?? 1_000) + jitter(0));
  }

  take({ at, data }) {
    this.#follow(data, Date.parse(at));
  }

  #follow(view, now = Date.now()) {
    this.#ends.delete(view.userId);
    if (view.customStatus && view.customStatusExpiresAt && this.#ends.size < ENDS) {
      // By the server's own clock, where it says what it is.
      const due = Date.now() + (Date.parse(view.customStatusExpiresAt) - now);
      this.#ends.set(view.userId, { view, due });
    }
    this.#arm();
  }

  #arm() {
    clearTimeout(this.#timer);
    const next = Math.min(...[...this.#ends.values()].map(({ due }) => due));
    if (next === Infinity) return;
    const timer = setTimeout(() => this.#end(), Math.min(Math.max(0, next - Date.now()), LONGEST_MS));
    /** @type {any} */ (timer).unref?.(); // no reason for a program to go on
    this.#timer = timer;
  }

  #end() {
    const now = Date.now();
    for (const [userId, { view, due }] of [...this.#ends]) {
      if (due > now) continue;
      this.#ends.delete(userId);
      const data = { ...view, customStatus: null, customStatusExpiresAt: null };
      this.on.tell({ type: "presence", at: new Date(now).toISOString(), data });
    }
    this.#arm();
  }

  close() {
    clearTimeout(this.#retry);
    clearTimeout(this.#timer);
  }

  /** Another user knows nothing of what this one asked for. */
  forget() {
    this.close();
    this.#wanted.clear();
    this.#ends.clear();
    this.#here = undefined;
  }
}
