/**
 * Who is typing, both ways. One's own key strokes become at most one signal in three seconds, and a stop when they
 * end. An indicator of somebody else ends when the server says so, which tells a beginning and an end and nothing
 * between; when the socket is lost it ends a little after its time. None stays for ever, whatever the network does.
 */

const EVERY_MS = 3_000; // between two signals of one conversation
const IDLE_MS = 5_000; // without a key stroke: not typing any more
const OWN = 32; // conversations that are typed in at once
const SLACK_MS = 2_000; // what comes next may be late
const LASTS_MS = 10_000; // of an indicator that does not say
const LONGEST_MS = 120_000; // without a word from a server that is there
const SHOWN = 1_000; // indicators of others

export class Typing {
  #own = new Map(); // conversation → {typed, told, timer}
  #others = new Map(); // conversation and user → {due, timer, end}

  /** `on`: ready(), signal(conversationId, isTyping), tell(frame) */
  constructor(on) {
    this.on = on;
  }

  /** At every key stroke, as often as it likes. */
  typed(conversationId) {
    const typed = Date.now();
    const own = this.#own.get(conversationId);
    if (own) {
      own.typed = typed;
    } else if (this.on.ready()) {
      if (this.#own.size >= OWN) this.stopped(this.#own.keys().next().value);
      this.#own.set(conversationId, { typed, told: typed, timer: this.#later(conversationId, IDLE_MS) });
      this.on.signal(conversationId, true);
    }
  }

  #later(conversationId, ms) {
    return setTimeout(() => this.#look(conversationId), Math.min(ms, EVERY_MS));
  }

  #look(conversationId) {
    const own = this.#own.get(conversationId);
    const now = Date.now();
    if (now - own.typed >= IDLE_MS) return this.stopped(conversationId);
    if (own.typed > own.told && now - own.told >= EVERY_MS) {
      own.told = now;
      this.on.signal(conversationId, true);
    }
    own.timer = this.#later(conversationId, own.typed + IDLE_MS - now);
  }

  stopped(conversationId) {
    const own = this.#own.get(conversationId);
    if (!own) return;
    clearTimeout(own.timer);
    this.#own.delete(conversationId);
    if (this.on.ready()) this.on.signal(conversationId, false);
  }

  /** A frame that is told: what it begins is ended here if nobody else does. */
  take({ conversationId, at, data }) {
    const key = `${conversationId} ${data.userId}`;
    clearTimeout(this.#others.get(key)?.timer);
    this.#others.delete(key);
    if (!data.isTyping) return;
    if (this.#others.size >= SHOWN) this.#others.values().next().value.end();
    // By the server's own clock; the one here may be wrong.
    const left = Date.parse(data.until) - Date.parse(at);
    const lasts = left >= 0 ? Math.min(left, LONGEST_MS) : LASTS_MS;
    const end = () => {
      clearTimeout(this.#others.get(key)?.timer);
      this.#others.delete(key);
      const over = { ...data, isTyping: false, until: null };
      this.on.tell({ type: "typing", conversationId, at: new Date().toISOString(), data: over });
    };
    // Going on is not told: while the socket lives, the end will be.
    const timer = setTimeout(end, LONGEST_MS);
    this.#others.set(key, { due: Date.now() + lasts + SLACK_MS, timer, end });
  }

  /** The socket has gone: the server ends what it was told, and the next key stroke begins anew. */
  lost() {
    for (const { timer } of this.#own.values()) clearTimeout(timer);
    this.#own.clear();
    for (const other of this.#others.values()) {
      clearTimeout(other.timer);
      other.timer = setTimeout(other.end, Math.max(0, other.due - Date.now()));
    }
  }

  /** Nobody listens to the server any more: nobody is seen typing. */
  close() {
    this.lost();
    for (const { end } of [...this.#others.values()]) end();
  }

  forget() {
    this.lost();
    for (const { timer } of this.#others.values()) clearTimeout(timer);
    this.#others.clear();
  }
}
