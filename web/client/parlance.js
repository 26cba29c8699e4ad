/**
 * A client of Parlance, for browsers and Node, without dependencies. Described in docs/CLIENT.md; its types
 * are parlance.d.ts.
 *
 * It owns the session, one socket, how far what it was told goes, and the texts that wait to be sent. Its
 * invariant: what is numbered is told to the program once and in order, whatever the network does; a text is
 * sent under one clientMessageId until it is accepted or refused for good. It never keeps messages: that is
 * the program's.
 */

import { Memory, ParlanceError, UUID, anId, isCount, signedOut, uuid } from "./base.js";
import { Calls } from "./calls.js";
import { Follower } from "./follower.js";
import { Link } from "./link.js";
import { Outbox } from "./outbox.js";
import { Presence } from "./presence.js";
import { Session } from "./session.js";
import { Typing } from "./typing.js";

export { ParlanceError };

const CLIENT_ID_CHARS = 128;
const DELIVERED = 100; // conversations of one frame
const DELIVERED_MS = 1_000;
const RESTORE_MS = 3_000; // that restore waits for an answer
const USE = ["keydown", "pointerdown", "wheel", "touchstart"]; // what a page's user does
const PASSES = 5; // over a list that changes while its pages are read

function checked(cursors) {
  if (cursors === undefined || cursors === null) return undefined;
  const { conversations = {}, feed } = cursors;
  const good = Object.entries(conversations).every(([key, rev]) => UUID.test(key) && isCount(rev));
  if (!good || (feed !== undefined && !isCount(feed))) {
    throw new TypeError("cursors are {userId, conversations: {id: rev}, feed: number}");
  }
  return cursors;
}

/** The browser's own storage, where it lets us. */
function ownStorage() {
  try {
    // Newer Nodes have an object of that name that keeps nothing.
    const own = globalThis.localStorage;
    return typeof own?.setItem === "function" ? own : new Memory();
  } catch {
    return new Memory();
  }
}

export class Parlance extends Calls {
  #session;
  #link;
  #outbox;
  #follower;
  #storage;
  #prefix;
  #cursors;
  #listeners = new Map();
  #status = "signed-out";
  #received = new Map(); // conversation → seq, to be told
  #telling;
  #typing;
  #presence;
  #deaf = () => {};

  /** @param {any} [options] */
  constructor({ url = "", socketUrl = "", storage, WebSocket, fetch, cursors, device } = {}) {
    super();
    const base = new URL(url || globalThis.location?.origin || missing("url")).href.replace(/\/+$/, "");
    this.#storage = storage ?? ownStorage();
    this.#prefix = `parlance:${base}:`;
    this.#cursors = checked(cursors);
    const options = { base, storage: this.#storage, prefix: this.#prefix };
    this.#session = new Session(
      { ...options, fetch: fetch ?? ((asked, init) => globalThis.fetch(asked, init)) },
      { ended: (error) => this.#leave(error), renewed: (token) => this.#show(token) },
    );
    this.#link = new Link(
      {
        url: socketUrl || `${base.replace(/^http/, "ws")}/ws`,
        WebSocket: WebSocket ?? globalThis.WebSocket ?? missing("WebSocket"),
        device,
      },
      {
        token: () => this.#session.token(),
        renew: (token) => this.#session.refresh(token),
        cursors: () => this.#follower.hello(),
        ready: (answer) => this.#ready(answer),
        frame: (frame) => this.#frame(frame),
        lost: () => this.#lost(),
        state: (status, more) => this.#become(status, more),
        ended: (error) => this.#session.end(error),
        beat: () => this.#beat(),
      },
    );
    this.#outbox = new Outbox(
      this.#storage,
      (entry) => this.#transmit(entry),
      (entry) => this.#emit("outbox", entry),
    );
    const socket = {
      ready: () => this.#link.ready,
      ask: (type, data) => this.#link.ask(type, data),
      tell: (frame) => this.#tell(frame),
    };
    const signal = (conversationId, isTyping) => this.#link.ask("typing", { conversationId, isTyping }).catch(() => {}); // it passes
    this.#typing = new Typing({ ...socket, signal });
    this.#presence = new Presence({ ...socket, request: (...asked) => this.request(...asked) });
  }

  /** @returns {any} */
  get user() {
    return this.#session.user;
  }

  /** @returns {any} one of the words of docs/CLIENT.md */
  get status() {
    return this.#status;
  }

  get outbox() {
    return this.#outbox.entries;
  }

  get presence() {
    return this.#presence;
  }

  get cursors() {
    if (!this.#follower) return this.#cursors;
    return { userId: this.user?.id, ...this.#follower.cursors };
  }

  // Events

  on(type, listener) {
    if (typeof listener !== "function") throw new TypeError("a listener is a function");
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
    return () => void listeners.delete(listener);
  }

  #emit(type, value) {
    for (const listener of [...(this.#listeners.get(type) ?? [])]) {
      try {
        listener(value);
      } catch (error) {
        // Uncaught, as if it had been called by nobody; the others are called all the same.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  #tell(frame) {
    const { type, conversationId, seq, data } = frame;
    if (type === "message.created" && isCount(seq) && data?.senderId !== this.user?.id) this.#has(conversationId, seq);
    if (type === "typing") this.#typing.take(frame);
    if (type === "presence") this.#presence.take(frame);
    if (type === "user.updated" && data?.user) this.#session.describe({ ...this.user, ...data.user });
    this.#emit(type, frame);
    this.#emit("event", frame);
  }

  /** @param {string} status @param {{error?: any, retryInMs?: number}} [more] */
  #become(status, { error, retryInMs } = {}) {
    if (status === this.#status && !error && retryInMs === undefined) return;
    this.#status = status;
    this.#emit("status", { status, error, retryInMs });
  }

  // Session

  async signUp({ username, email, password, firstName, lastName }) {
    const body = { username, email, password, firstName, lastName };
    const account = { identifier: username, password };
    try {
      await this.#session.once("POST", "/auth/register", { body });
    } catch (error) {
      if (error.code !== "network" && error.code !== "outcome_unknown") throw error;
      // The answer may be all that was lost: then the account is there.
      return this.signIn(account).catch(() => Promise.reject(error));
    }
    return this.signIn(account);
  }

  async signIn({ identifier, password }) {
    const { user, ...tokens } = await this.#session.once("POST", "/auth/login", { body: { identifier, password } });
    if (this.user) this.#leave();
    this.#session.begin(user, tokens);
    this.#enter();
    return user;
  }

  async restore() {
    if (this.user) return true;
    const stored = this.#session.stored();
    if (!stored) return false;
    this.#session.resume(stored);
    this.#enter();
    // A program does not wait long for a network that is not there; a session that has ended says so later, too.
    let timer;
    const patience = new Promise((resolve) => (timer = setTimeout(resolve, RESTORE_MS)));
    const asked = this.request("GET", "/users/me", { tries: 1 }).then((user) => this.#session.describe(user));
    try {
      await Promise.race([asked, patience]);
    } catch (error) {
      if (!this.user) return false;
      if (!error.retryable) throw error;
    } finally {
      clearTimeout(timer);
      asked.catch(() => {});
    }
    return true;
  }

  async signOut({ discard = false } = {}) {
    const refreshToken = this.#session.refreshToken();
    if (refreshToken === undefined) return;
    if (discard) for (const entry of this.outbox) this.#outbox.discard(entry.clientMessageId);
    this.#session.end();
    await this.#session.logout(refreshToken);
  }

  #enter() {
    const cursors = this.#cursors;
    this.#cursors = undefined;
    const mine = cursors && (cursors.userId === undefined || cursors.userId === this.user.id);
    this.#follower = new Follower(mine ? cursors : undefined, {
      sync: (data) => this.#link.ask("sync", data, { timeout: Infinity }),
      list: () => this.#all(),
      // What the list shows of them has come, too.
      found: (all) => all.forEach(({ id, seq, unreadCount }) => unreadCount > 0 && this.#has(id, seq)),
      tell: (frame) => this.#tell(frame),
      reset: (what) => {
        if (what.seq > 0) this.#has(what.conversationId, what.seq);
        this.#emit("reset", what);
      },
      ready: () => this.#link.ready,
      live: (is) => {
        if (is) this.#link.well();
        this.#become(is ? "live" : "catching-up");
      },
    });
    this.#outbox.open(`${this.#prefix}outbox:${this.user.id}:`);
    this.#become("offline");
    this.#outbox.resume();
  }

  #leave(error) {
    this.#link.close();
    this.#deaf();
    this.#outbox.close();
    this.#follower = undefined;
    this.#forget();
    this.#typing.forget();
    this.#presence.forget();
    this.#become("signed-out", { error });
  }

  // Socket

  connect() {
    if (!this.user) throw signedOut();
    if (!this.#link.wanted) {
      this.#listen();
      this.#link.open();
      this.#outbox.resume();
    }
    const arrived = this.#arrival();
    arrived.catch(() => {}); // who does not wait is told by the status
    return arrived;
  }

  /** Until the client is live; rejected if it is stopped before. */
  #arrival() {
    if (this.#status === "live") return Promise.resolve();
    return new Promise((resolve, reject) => {
      const off = this.on("status", ({ status, error }) => {
        if (status === "live") resolve(undefined);
        else if (status === "offline" || status === "signed-out") reject(error ?? new ParlanceError("closed", "closed"));
        else return;
        off();
      });
    });
  }

  close() {
    this.#deaf();
    this.#forget();
    this.#outbox.pause();
    this.#link.close();
    this.#typing.close();
    this.#presence.close();
  }

  #listen() {
    this.#deaf(); // a socket that was stopped for good (44xx) has left its listeners
    const hurry = () => {
      this.#link.hurry();
      this.#outbox.wake();
    };
    const active = () => this.#presence.active();
    const seen = () => {
      if (globalThis.document?.visibilityState !== "visible") return;
      hurry();
      active();
    };
    const stored = ({ key, newValue }) => {
      this.#session.heard(key);
      const prefix = `${this.#prefix}outbox:${this.user?.id}:`;
      if (newValue === null && key?.startsWith(prefix)) this.#outbox.discard(key.slice(prefix.length));
    };
    /** @type {[any, string, any][]} */
    const heard = [
      [globalThis, "online", hurry],
      [globalThis, "offline", () => this.#link.hurry()],
      [globalThis, "storage", stored],
      [globalThis.document, "visibilitychange", seen],
    ];
    for (const type of USE) heard.push([globalThis.document, type, active]);
    const how = { capture: true, passive: true }; // whatever the page itself does with it
    for (const [target, type, listener] of heard) target?.addEventListener?.(type, listener, how);
    this.#deaf = () => {
      for (const [target, type, listener] of heard) target?.removeEventListener?.(type, listener, how);
      this.#deaf = () => {};
    };
  }

  #lost() {
    this.#follower?.lost();
    this.#typing.lost();
  }

  #frame(frame) {
    if (frame.type === "resync") this.#typing.lost(); // ends may be among what was left out
    this.#follower.take(frame);
  }

  #ready({ recovered }) {
    this.#become("catching-up");
    this.#presence.back();
    if (recovered !== true) this.#follower.done({ retryAfterMs: 0 });
    this.#outbox.wake();
    this.#outbox.flush();
  }

  #beat() {
    if (this.#session.stale) this.#session.renew().catch(() => {}); // tried again at the next beat
  }

  /** The socket lives as long as the session that was shown to it. */
  #show(token) {
    if (this.#link.ready) this.#link.ask("auth", { token }).catch(() => {}); // a refusal closes the socket
  }

  /**
   * Every conversation, so that none is missed whose first event comes later. One that becomes active while the
   * pages are read goes to the first of them, maybe before its own is read: so until nothing new is found.
   */
  async #all() {
    const all = new Map();
    for (let passes = 0, known = -1; known < all.size && passes < PASSES; passes++) {
      known = all.size;
      let pages = 0;
      for (const archived of [undefined, true]) {
        for (let cursor; ; ) {
          const page = await this.#session.request("GET", "/conversations", { query: { limit: 100, cursor, archived } });
          pages += 1;
          for (const one of page.items) if (!all.has(one.id)) all.set(one.id, one);
          cursor = page.nextCursor;
          if (!cursor) break;
        }
      }
      if (pages === 2) break; // each list came at once
    }
    return [...all.values()];
  }

  /** Messages that have come, told at most once a second; what a socket did not hear of, the next cursors say. */
  #has(conversationId, seq) {
    this.#received.set(conversationId, Math.max(seq, this.#received.get(conversationId) ?? 0));
    this.#telling ??= setTimeout(() => {
      this.#telling = undefined;
      const some = [...this.#received].slice(0, DELIVERED);
      for (const [key] of some) this.#received.delete(key);
      this.#link.ask("delivered", { conversations: Object.fromEntries(some) }).catch(() => {});
      const [next] = this.#received;
      if (next) this.#has(...next);
    }, DELIVERED_MS);
  }

  #forget() {
    clearTimeout(this.#telling);
    this.#telling = undefined;
    this.#received.clear();
  }

  // Who is there

  active() {
    this.#presence.active();
  }

  /** At every key stroke. It ends by itself, and with what is sent. */
  typing(conversationId, isTyping = true) {
    if (isTyping) this.#typing.typed(anId(conversationId));
    else this.#typing.stopped(anId(conversationId));
  }

  // Sending

  send(conversationId, message) {
    if (!this.user) throw signedOut();
    const given = typeof message === "string" ? { content: message } : message;
    const { content = "", type = "text", metadata, replyToId, clientMessageId = uuid() } = given ?? {};
    if (typeof content !== "string") throw new TypeError("content is a text");
    if (typeof clientMessageId !== "string" || !clientMessageId || clientMessageId.length > CLIENT_ID_CHARS) {
      throw new TypeError(`a clientMessageId is a text of 1 to ${CLIENT_ID_CHARS} characters`);
    }
    const at = new Date().toISOString();
    const entry = this.#outbox.add({
      clientMessageId, conversationId: anId(conversationId), type, content, metadata, replyToId, at,
    });
    this.#typing.stopped(conversationId);
    queueMicrotask(() => this.#outbox.flush());
    return entry;
  }

  retry(clientMessageId) {
    this.#outbox.retry(clientMessageId);
  }

  discard(clientMessageId) {
    this.#outbox.discard(clientMessageId);
  }

  #transmit({ conversationId, clientMessageId, type, content, metadata, replyToId }) {
    const body = { conversationId, clientMessageId, type, content, metadata, replyToId };
    if (this.#link.ready) return this.#link.ask("message.send", body);
    return this.#session.request("POST", "/messages", { body, tries: 1 });
  }

  // Calls (calls.js)

  async request(method, path, options) {
    if (!this.user) throw signedOut();
    if (typeof path !== "string" || !path.startsWith("/")) throw new TypeError(`not a path below /api/v1: ${path}`);
    return this.#session.request(method, path, options);
  }

  /** An answer that shows conversations: their events are told from there on. */
  async learning(asked) {
    const follower = this.#follower;
    const answer = await asked;
    if (follower && follower === this.#follower) {
      for (const conversation of answer.items ?? [answer]) follower.learn(conversation.id, conversation.rev);
    }
    return answer;
  }
}

/** @returns {never} */
function missing(name) {
  throw new TypeError(`the option ${name} is needed here`);
}
