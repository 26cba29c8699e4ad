/**
 * One socket, again and again: opens it, says who it is, notices when it is dead, and comes back with
 * jitter. Requests that had no answer are rejected as lost when it goes. It knows nothing of what it carries.
 */

import { ParlanceError, jitter, network } from "./base.js";

const REQUEST_MS = 15_000; // until a request counts as lost
const OPEN_MS = 15_000; // for the handshake and the first answer
const QUIET_MS = 20_000; // silence until a sign of life is asked for
const PING_MS = 8_000; // until the socket is given up then
const BEAT_MS = 5_000;
const STEADY_MS = 10_000; // a socket that lived this long has not failed
const UNWELCOME = 3; // refusals of a fresh token in a row until that is believed
const CROWD = 2; // tries counted in advance where everybody has lost the socket at once

export class Link {
  #socket = null;
  #ready = false; // authenticated
  #wanted = false;
  #tries = 0;
  #unwelcome = 0; // refusals of a token in a row
  #asked = new Map();
  #number = 0;
  #heard = 0;
  #since = 0;
  #timer;
  #beat;
  #probe;
  #run = 0;

  /**
   * `on`: token(), renew(token), cursors(), ready(answer), frame(frame), lost(), state(name, more), ended(error), beat()
   */
  constructor({ url, WebSocket, device }, on) {
    this.url = url;
    this.WebSocket = WebSocket;
    this.device = device;
    this.on = on;
  }

  get ready() {
    return this.#ready;
  }

  get wanted() {
    return this.#wanted;
  }

  open() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.#tries = this.#unwelcome = 0;
    this.#beat = setInterval(() => this.#live(), BEAT_MS);
    void this.#connect("connecting");
  }

  /** Stops; `error` says why if that was not asked for. */
  close(error) {
    const was = this.#wanted;
    this.#wanted = false;
    clearInterval(this.#beat);
    clearTimeout(this.#timer);
    this.#drop();
    if (was) this.on.state("offline", { error });
  }

  /** Something has changed outside: does now what would be done later. */
  hurry() {
    if (!this.#wanted) return;
    if (this.#socket) return this.#ping();
    this.#tries = 0;
    clearTimeout(this.#timer);
    void this.#connect("reconnecting");
  }

  /** All that was missed has come: a network that breaks often is no reason to stay away for long. */
  well() {
    this.#tries = Math.min(this.#tries, 1);
  }

  /** Gives the socket up, and comes back. */
  lose(message) {
    if (this.#socket) this.#lost(1006, message);
  }

  /** A request, and its answer's data. */
  ask(type, data, { timeout = REQUEST_MS } = {}) {
    const id = String(++this.#number);
    const socket = this.#socket;
    if (!socket || (!this.#ready && type !== "auth")) return Promise.reject(network("the socket is not open"));
    return new Promise((resolve, reject) => {
      const lost = () => this.#settle(id, undefined, network(`no answer to ${type}`));
      const timer = timeout === Infinity ? undefined : setTimeout(lost, timeout);
      this.#asked.set(id, { resolve, reject, timer });
      socket.send(JSON.stringify({ id, type, data }));
    });
  }

  #settle(id, data, error) {
    const asked = this.#asked.get(id);
    if (asked === undefined) return;
    this.#asked.delete(id);
    clearTimeout(asked.timer);
    if (error) asked.reject(error);
    else asked.resolve(data);
  }

  async #connect(state) {
    const run = ++this.#run;
    this.on.state(state, {});
    let token;
    try {
      token = await this.on.token();
    } catch (error) {
      if (run === this.#run && this.#wanted) this.#again(error);
      return;
    }
    if (run !== this.#run || !this.#wanted) return;
    const socket = new this.WebSocket(this.url, ["parlance.v1"]);
    this.#socket = socket;
    this.#since = this.#heard = Date.now();
    this.#probe = setTimeout(() => this.lose("no answer to the handshake"), OPEN_MS);
    socket.onopen = () => {
      socket.onerror = () => {}; // a close with its code follows
      this.#hello(token);
    };
    socket.onmessage = ({ data }) => this.#take(data);
    socket.onerror = () => this.#lost(1006, "no connection"); // not every Node tells of a close after it
    socket.onclose = ({ code, reason }) => this.#lost(code, reason, token);
  }

  #hello(token) {
    const data = { token, cursors: this.on.cursors(), device: this.device };
    this.ask("auth", data, { timeout: OPEN_MS }).catch(() => {}); // a refusal closes the socket; its code says more
  }

  #take(text) {
    this.#heard = Date.now();
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return this.lose("not a frame");
    }
    if (!this.#ready && frame.ok) {
      clearTimeout(this.#probe);
      this.#probe = undefined;
      this.#ready = true;
      this.#unwelcome = 0;
      this.on.ready(frame.data);
    }
    if (frame.ok !== undefined) this.#settle(frame.id, frame.data, frame.ok ? undefined : refusal(frame.error));
    if (typeof frame.type === "string") this.on.frame(frame);
  }

  #ping() {
    if (!this.#ready || this.#probe !== undefined) return;
    const asked = this.#heard;
    this.#probe = setTimeout(() => {
      this.#probe = undefined;
      if (this.#heard === asked) this.lose("no sign of life");
    }, PING_MS);
    this.ask("ping").catch(() => {}); // looked at by what was heard
  }

  #live() {
    if (!this.#ready) return;
    this.on.beat();
    if (Date.now() - this.#heard > QUIET_MS) this.#ping();
  }

  #drop() {
    this.#run += 1;
    clearTimeout(this.#probe);
    this.#probe = undefined;
    this.#ready = false;
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      this.on.lost();
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.onerror = () => {};
      try {
        socket.close();
      } catch {
        // It was not open yet; it is let go of.
      }
    }
    for (const id of [...this.#asked.keys()]) this.#settle(id, undefined, network("the socket was lost"));
  }

  #lost(code, reason, token) {
    const error = new ParlanceError("closed", reason || `the socket was closed (${code})`, { closeCode: code });
    if (Date.now() - this.#since > STEADY_MS && this.#ready) this.#tries = 0;
    this.#drop();
    if (!this.#wanted) return;
    if ((code === 4401 || code === 4403) && ++this.#unwelcome < UNWELCOME) {
      // With another token, which is asked for now: if the session has ended, this says so and closes.
      const run = this.#run;
      const retry = () => run === this.#run && this.#wanted && this.#again(error);
      this.on.renew(token).then(retry, retry);
      return;
    }
    if (code === 4403) return this.on.ended(error);
    if (code >= 4400 && code < 4500) return this.close(error);
    if (code === 1012 || code === 1013 || code >= 4500) this.#tries = Math.max(this.#tries, CROWD);
    this.#again(error);
  }

  #again(error) {
    const retryInMs = Math.max(error.retryAfterMs ?? 0, 50 + Math.round(jitter(this.#tries++)));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#connect("reconnecting"), retryInMs);
    this.on.state("reconnecting", { error, retryInMs });
  }
}

/** @param {any} [error] of a frame */
export function refusal({ code, message, details, retryAfterMs } = { code: "internal", message: "no reason given" }) {
  return new ParlanceError(code, message, { details, retryAfterMs });
}
