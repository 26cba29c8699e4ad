// What the tests of the client share: people, waiting with a deadline, randomness with a seed, and a fold.

import { after } from "node:test";

import { Parlance } from "../../../web/client/parlance.js";

export const PASSWORD = "violet-kettle-81";
let number = Math.floor(Date.now() / 1_000) % 1_000_000;

/** What a browser's window says; Node has none. `signals.dispatchEvent(new Event("online"))`. */
export const signals = new EventTarget();
globalThis.addEventListener ??= signals.addEventListener.bind(signals);
globalThis.removeEventListener ??= signals.removeEventListener.bind(signals);

/** A network that is back says so at once, most of the time; else the client comes back by itself. */
export function hasten(client, dice) {
  client.on("status", ({ status }) => {
    if (status === "reconnecting" && dice.next() < 0.9) setImmediate(() => signals.dispatchEvent(new Event("online")));
  });
}

/** Web Storage in memory; two clients on one are two tabs without locks. */
export class Storage {
  map = new Map();
  get length() {
    return this.map.size;
  }
  key(i) {
    return [...this.map.keys()][i] ?? null;
  }
  getItem(key) {
    return this.map.get(key) ?? null;
  }
  setItem(key, value) {
    this.map.set(key, String(value));
  }
  removeItem(key) {
    this.map.delete(key);
  }
}

/** A client that ends with the file, also where its test has failed. */
export class Client extends Parlance {
  static made = [];
  constructor(options) {
    super(options);
    Client.made.push(this);
  }
}
after(() => Client.made.forEach((client) => client.close()));

export async function person(name, options) {
  const client = new Client({ storage: new Storage(), ...options });
  const username = `${name}_${(number += 1)}`;
  const words = { username, email: `${username}@example.org`, password: PASSWORD };
  await client.signUp({ ...words, firstName: name, lastName: "Test" });
  return client;
}

/** Waits for a condition; what it was waiting for is in the failure. */
export async function until(what, condition, ms = 15_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const live = (client) => client.connect();

/** Mulberry32: small, and the same everywhere. */
export function random(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  return { next, below: (n) => Math.floor(next() * n), pick: (list) => list[Math.floor(next() * list.length)] };
}

/** The seed of this run: SEED=… repeats one. */
export function seeded(t) {
  const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
  t.diagnostic(`SEED=${seed}`);
  return random(seed);
}

/** Follows a client: checks that every number comes once and in order, and folds what came into messages. */
export class Fold {
  constructor(client) {
    this.mistakes = [];
    this.revs = new Map();
    this.messages = new Map();
    this.resets = [];
    this.events = [];
    client.on("event", (event) => this.take(event));
    client.on("reset", (what) => {
      this.resets.push(what);
      if (what.feed !== undefined) this.feed = what.feed;
      else if (what.removed) this.revs.delete(what.conversationId);
      else this.revs.set(what.conversationId, what.rev);
    });
  }

  take(event) {
    const { type, conversationId, rev, feed, data } = event;
    this.events.push(event);
    if (feed !== undefined) {
      if (this.feed !== undefined && feed !== this.feed + 1) this.mistakes.push(`feed ${this.feed} → ${feed}`);
      this.feed = feed;
      const known = this.revs.get(data.conversationId);
      if (type === "conversation.added" && known === undefined) this.revs.set(data.conversationId, data.rev);
      if (type === "conversation.removed") this.revs.delete(data.conversationId);
    }
    if (rev === undefined) return;
    const last = this.revs.get(conversationId);
    if (last !== undefined && rev !== last + 1) this.mistakes.push(`${conversationId}: ${last} → ${rev} (${type})`);
    this.revs.set(conversationId, rev);
    this.fold(type, data);
  }

  fold(type, data) {
    if (type === "message.created") this.messages.set(data.id, { ...data, reactionCounts: {} });
    const message = this.messages.get(data.messageId ?? data.id);
    if (!message) return;
    if (type === "message.updated") Object.assign(message, data);
    if (type === "message.deleted") Object.assign(message, data, { reactionCounts: {} });
    if (type === "message.reaction") message.reactionCounts = data.counts;
  }

  /** What two views of a conversation have to agree on. */
  static view(messages) {
    const part = ({ id, seq, content, isEdited, isDeleted, isPinned, reactionCounts }) => ({
      id, seq, content, isEdited, isDeleted, isPinned, reactionCounts: Object.fromEntries(Object.entries(reactionCounts ?? {}).sort()),
    });
    return [...messages].sort((a, b) => a.seq - b.seq).map(part);
  }

  of(conversationId) {
    return Fold.view([...this.messages.values()].filter((m) => m.conversationId === conversationId));
  }
}

/** All of a conversation, as REST shows it. */
export async function shown(client, conversationId) {
  const all = [];
  for (let after = 0; after !== null; ) {
    const page = await client.history(conversationId, { after, limit: 100 });
    all.push(...page.messages);
    after = page.nextAfter;
  }
  return Fold.view(all);
}
