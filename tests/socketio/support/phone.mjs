// A stock Socket.IO client that remembers everything that it was told.

import { randomUUID } from "node:crypto";
import { createRequire } from "node:module";
import { join } from "node:path";
import { after } from "node:test";
import { setImmediate as turn } from "node:timers/promises";

import { NODES, again } from "./people.mjs";

const installed = createRequire(join(process.env.PARLANCE_NODE_MODULES, "installed.js"));
export const { io, Manager } = installed("socket.io-client");

/** What applications choose of: long polling alone, websocket alone, and the default, which begins with the one. */
export const WAYS = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };

/** Longest wait for what has to come at once, on a machine that is shared. */
export const PATIENCE = 10_000;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for a condition; what it was waiting for is in the failure. */
export async function until(what, condition, ms = PATIENCE) {
  const deadline = Date.now() + ms;
  for (;;) {
    const late = Date.now() > deadline;
    // Behind a stall of this process the clock is ahead of what lies in its sockets: they are read first.
    if (late) await turn();
    const value = await condition();
    if (value) return value;
    if (late) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await sleep(5);
  }
}

/** A message with an id of its client's, so that it may come again. */
const named = (payload) =>
  typeof payload?.message === "object" && payload.message !== null
    ? { ...payload, message: { clientMessageId: randomUUID(), ...payload.message } }
    : payload;

const holds = (value, part) =>
  part === value ||
  (typeof part === "object" && part !== null && typeof value === "object" && value !== null &&
    Object.entries(part).every(([key, inner]) => holds(value[key], inner)));

export class Phone {
  static #all = [];

  /**
   * A socket that is not connected yet.
   * @param {{way?: keyof WAYS, node?: number, namespace?: string, at?: string, manager?: object}} options more go to the client
   */
  constructor(who, { way = "websocket", node = 0, namespace = "/", at = NODES[node], ...options } = {}) {
    this.log = [];
    /** How often something was asked once more. */
    this.repeats = 0;
    const auth = { token: typeof who === "string" ? who : who?.token };
    this.socket = io(`${at}${namespace}`, {
      transports: WAYS[way], auth, forceNew: true, reconnectionDelay: 100, reconnectionDelayMax: 500, ...options,
    });
    const note = (event, ...args) => this.log.push({ event, args, data: args[0], at: performance.now() });
    this.socket.onAny(note);
    for (const event of ["connect", "disconnect", "connect_error"]) this.socket.on(event, (...args) => note(event, ...args));
    Phone.#all.push(this);
  }

  /** A socket that is connected. */
  static async of(who, options) {
    const phone = new Phone(who, options);
    await phone.heard("connect");
    return phone;
  }

  /** Asks until it is known what became of it, as applications do: the last acknowledgement. */
  async ask(event, ...payload) {
    const [same, since] = [event === "message:send" ? payload.map(named) : payload, Date.now()];
    for (let tries = 1; ; tries += 1) {
      const ack = await this.askOnce(event, ...same);
      if (!again(ack?.code, tries, since)) return ack;
      this.repeats += 1;
      await sleep(ack.retryAfterMs ?? 1_000);
    }
  }

  /** Asks, and waits for the acknowledgement, whatever it is. */
  askOnce(event, ...payload) {
    return this.socket.timeout(PATIENCE).emitWithAck(event, ...payload);
  }

  emit(event, ...payload) {
    this.socket.emit(event, ...payload);
  }

  /** All that came under a name, with this in it. */
  all(event, part = undefined, from = 0) {
    return this.log.slice(from).filter((one) => one.event === event && (part === undefined || holds(one.data, part)));
  }

  count(event, part, from) {
    return this.all(event, part, from).length;
  }

  /** Waits until something came, now or before; what it says. */
  async heard(event, part = undefined, { from = 0, ms = PATIENCE } = {}) {
    try {
      return (await until("", () => this.all(event, part, from)[0], ms)).data;
    } catch (error) {
      const came = this.log.slice(-12).map((one) => `${one.event} ${JSON.stringify(one.data)?.slice(0, 160)}`);
      error.message = `waited ${ms} ms in vain for ${event} ${JSON.stringify(part) ?? ""}; the last that came:\n  ${came.join("\n  ")}`;
      throw error;
    }
  }

  /** Where the log is now: `{ from: phone.mark }` looks only behind it. */
  get mark() {
    return this.log.length;
  }

  /** Which transport is spoken. */
  get transport() {
    return this.socket.io.engine?.transport.name;
  }

  close() {
    this.socket.disconnect();
  }

  static closeAll() {
    for (const phone of Phone.#all) phone.close();
  }
}

after(() => Phone.closeAll());

/** Every one of these sockets has got what was said before this: behind it nothing more can come of that. */
export async function fence(speaker, conversation, ...phones) {
  const { id } = await speaker.say(conversation, `fence ${Math.random()}`);
  await Promise.all(phones.map((phone) => phone.heard("message:new", { id })));
}
