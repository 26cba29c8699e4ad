/**
 * Follows conversations and the feed over sockets that come and go: says where it stands, takes what was
 * missed, asks for gaps. One sync at a time. Without cursors it begins with the list of conversations. It never
 * tells a number twice, and never tells one before those below it.
 */

import { isCount, jitter } from "./base.js";
import { FEED, Positions } from "./positions.js";

const SYNC_CURSORS = 2_000; // of one sync
const LISTED = 2_000; // conversations that the server lists
const AHEAD = Number.MAX_SAFE_INTEGER; // no feed is as long: the server answers where it stands

export class Follower {
  #positions;
  #listed; // every conversation is known
  #running = null; // keys of the sync that runs
  #waiting; // timer of a sync or a list that has failed
  #tries = 0;
  #run = 0;

  /**
   * `on`: sync(data) → Promise, list() → Promise of conversations, found(conversations), tell(frame), reset(what),
   * ready(), live(boolean)
   */
  constructor(cursors, on) {
    this.#positions = new Positions(cursors);
    this.#listed = cursors?.feed !== undefined;
    this.on = on;
  }

  /** Without the feed until every conversation is known: else one could be missing for ever. */
  get cursors() {
    const all = this.#cut(this.#positions.conversations());
    if (this.#listed) all.feed = this.#positions.rev(FEED);
    return all;
  }

  #cut(keys) {
    const conversations = {};
    for (const key of keys) if (key !== FEED) conversations[key] = this.#positions.rev(key);
    return { conversations };
  }

  /** What the first frame of a socket says. */
  hello() {
    const all = this.#positions.conversations();
    all.slice(SYNC_CURSORS).forEach(this.#positions.want);
    return this.#begin([...all.slice(0, SYNC_CURSORS), FEED]);
  }

  #begin(keys) {
    this.#running = keys;
    this.#positions.asked(keys);
    const data = /** @type {any} */ (this.#cut(keys));
    if (keys.includes(FEED)) data.feed = this.#positions.rev(FEED) ?? AHEAD;
    return data;
  }

  /** The socket has gone: the next one begins with all cursors. */
  lost() {
    this.#run += 1;
    this.#running = null;
    clearTimeout(this.#waiting);
    this.#waiting = undefined;
  }

  /** A conversation as of `rev`, from the list or an answer. */
  learn(id, rev) {
    this.#positions.learn(id, rev);
    this.#next();
  }

  take(frame) {
    const { type, data } = frame;
    const run = this.#run;
    const going = () => run === this.#run; // a listener may close the client
    const take = (told) => going() && this.#positions.take(told, this.on.tell, going);
    if (type === "sync.changes") {
      for (const change of data) take(change);
    } else if (type === "sync.reset") {
      this.#reset(data);
    } else if (type === "sync.receipts") {
      for (const { conversationId, ...receipt } of data) {
        const { at } = receipt;
        this.on.tell({ type: "receipt", conversationId, at, data: { messageId: null, ...receipt } });
      }
    } else if (type === "sync.done") {
      if (this.#running) this.done(frame.ok ? undefined : frame.error);
    } else if (type === "resync") {
      this.#positions.wantAll();
      this.on.live(false);
      this.#next();
    } else if (type !== "welcome") {
      take(frame);
      if (this.#positions.waits) this.#next();
    }
  }

  #reset({ conversationId, rev, seq, conversation, removed, feed }) {
    if (conversationId === undefined) {
      this.#positions.reset(FEED, feed);
      this.#listed = false;
      this.on.reset({ feed });
    } else if (removed) {
      const known = this.#positions.rev(conversationId) !== undefined;
      this.#positions.forget(conversationId);
      if (known) this.on.reset({ conversationId, removed });
    } else {
      this.#positions.reset(conversationId, rev);
      this.on.reset({ conversationId, rev, seq, conversation });
    }
  }

  /** The sync is over. What it was to bring and is missing still is asked for again, after a pause. */
  done(error) {
    const keys = this.#running ?? [];
    this.#running = null;
    if (error) keys.forEach(this.#positions.want);
    const behind = new Set(this.#positions.behind());
    if (keys.some((key) => behind.has(key))) return this.#later(error);
    this.#tries = 0;
    this.#next();
  }

  #later(error) {
    this.on.live(false);
    const wait = Math.max(error?.retryAfterMs ?? 0, 100 + jitter(this.#tries++));
    this.#waiting = setTimeout(() => {
      this.#waiting = undefined;
      this.#next();
    }, wait);
  }

  #next() {
    if (!this.on.ready() || this.#running || this.#waiting !== undefined) return;
    const keys = this.#positions.behind().slice(0, SYNC_CURSORS);
    if (keys.length > 0) {
      void this.#sync(keys);
    } else if (!this.#listed) {
      void this.#list();
    } else {
      this.on.live(true);
    }
  }

  async #sync(keys) {
    const run = this.#run;
    try {
      await this.on.sync(this.#begin(keys));
    } catch (error) {
      if (run === this.#run && this.#running === keys) this.done(error);
    }
  }

  async #list() {
    const run = this.#run;
    const keys = (this.#running = [FEED]);
    let error;
    try {
      const all = await this.on.list();
      for (const { id, rev } of all) if (isCount(rev)) this.#positions.learn(id, rev);
      this.#positions.adopt = all.length >= LISTED;
      if (run !== this.#run) return;
      this.#listed = true;
      this.on.found(all);
    } catch (failed) {
      error = failed;
    }
    if (run !== this.#run || this.#running !== keys) return;
    this.#running = null;
    if (error) this.#later(error);
    else this.#next();
  }
}
