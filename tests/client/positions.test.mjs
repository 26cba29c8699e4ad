// The rule for numbers, without a server: frames in any order, repeated and lost, against a plain list.

import assert from "node:assert/strict";
import { test } from "node:test";

import { FEED, Positions } from "../../web/client/positions.js";
import { Client, Storage, seeded, until } from "./support/world.mjs";

const C = "b3f7c1de-0a6b-4f4e-9d2c-6a1e5b7f9c03";
const D = "0199c2a4-7f10-7c35-9a53-5b1f6f1a2b3c";
const change = (rev, conversationId = C, type = "message.created", data = {}) => ({ type, conversationId, rev, data });
const entry = (feed, type, conversationId, rev) => ({ type, feed, data: { conversationId, rev } });
const known = (rev) => new Positions({ conversations: { [C]: rev }, feed: 3 });

/** What is told of these frames. */
function told(positions, frames) {
  const out = [];
  for (const frame of frames) positions.take(frame, (next) => out.push(next.rev ?? next.feed));
  return out;
}

test("the next number is told, a lower one is a repetition, a higher one waits and is asked for", () => {
  const positions = known(4);
  assert.deepEqual(told(positions, [change(5), change(5), change(3), change(8), change(7)]), [5]);
  assert.deepEqual(positions.behind(), [C]);
  assert.deepEqual(told(positions, [change(6)]), [6, 7, 8]);
  positions.asked([C]);
  assert.deepEqual([positions.behind(), positions.waits], [[], false]);
});

test("what a listener sees of the cursor holds what it is told, and nothing more", () => {
  const positions = known(0);
  const seen = [];
  const take = (rev) => positions.take(change(rev), () => seen.push(positions.rev(C)));
  [2, 3, 1].forEach(take);
  assert.deepEqual(seen, [1, 2, 3]);
});

test("a conversation begins with its first change or with the entry of the feed, whichever comes first", () => {
  const first = new Positions({ conversations: {}, feed: 3 });
  assert.deepEqual(told(first, [change(1, D, "member.added"), entry(4, "conversation.added", D, 1), change(2, D)]), [1, 4, 2]);
  const second = new Positions({ conversations: {}, feed: 3 });
  assert.deepEqual(told(second, [entry(4, "conversation.added", D, 1), change(1, D, "member.added"), change(2, D)]), [4, 2]);
});

test("events of a conversation that is not known are not told, and brought when it is", () => {
  const positions = new Positions({ conversations: {}, feed: 3 });
  assert.deepEqual(told(positions, [change(9, D), change(10, D)]), []);
  assert.deepEqual(positions.behind(), []);
  assert.deepEqual(told(positions, [entry(4, "conversation.added", D, 8)]), [4]);
  assert.deepEqual([positions.rev(D), positions.behind()], [8, [D]]);
});

test("a removal forgets, unless the client knows of a later time", () => {
  const positions = known(6);
  told(positions, [entry(4, "conversation.removed", C, 5)]);
  assert.equal(positions.rev(C), 6);
  told(positions, [entry(5, "conversation.removed", C, 7), change(7), change(8)]);
  assert.equal(positions.rev(C), undefined);
  told(positions, [entry(6, "conversation.added", C, 9)]);
  assert.equal(positions.rev(C), 9);
});

test("being added to what is known already asks for what lies between", () => {
  const positions = known(6);
  told(positions, [entry(4, "conversation.added", C, 9)]);
  assert.deepEqual([positions.rev(C), positions.behind()], [6, [C]]);
});

test("frames without a number are told as they are, also those of later versions", () => {
  const positions = known(1);
  const frames = [{ type: "typing", conversationId: C, data: {} }, { type: "presence", data: {} }];
  const out = [];
  frames.forEach((frame) => positions.take(frame, (next) => out.push(next)));
  assert.deepEqual(out, frames);
  assert.deepEqual(told(positions, [{ type: "message.translated", conversationId: C, rev: 2, data: {} }]), [2]);
});

test("what waits is bounded: beyond it is left to the sync", () => {
  const positions = known(0);
  assert.deepEqual(told(positions, Array.from({ length: 2_000 }, (_, i) => change(i + 2))), []);
  assert.deepEqual(positions.behind(), [C]);
  positions.asked([C]);
  const out = told(positions, Array.from({ length: 2_001 }, (_, i) => change(i + 1)));
  assert.deepEqual(out, Array.from({ length: 2_001 }, (_, i) => i + 1));
  assert.equal(positions.waits, false);
});

test("a listener that stops the client is told nothing more", () => {
  const positions = known(0);
  const out = [];
  const take = (rev) => positions.take(change(rev), (next) => out.push(next.rev), () => out.length < 2);
  [2, 3, 1].forEach(take);
  assert.deepEqual([out, positions.rev(C)], [[1, 2], 2]);
});

test("any order, with repetitions: each number once and in order", (t) => {
  const dice = seeded(t);
  for (let round = 0; round < 200; round++) {
    const n = 1 + dice.below(60);
    const frames = [];
    for (let rev = 1; rev <= n; rev++) {
      for (let copies = 1 + dice.below(3); copies > 0; copies--) frames.push(dice.next() < 0.5 ? change(rev) : { type: "user.updated", feed: rev, data: {} });
    }
    for (let i = frames.length - 1; i > 0; i--) {
      const j = dice.below(i + 1);
      [frames[i], frames[j]] = [frames[j], frames[i]];
    }
    const positions = new Positions({ conversations: { [C]: 0 }, feed: 0 });
    const out = { [C]: [], [FEED]: [] };
    for (const frame of frames) positions.take(frame, (next) => out[next.rev ? C : FEED].push(next.rev ?? next.feed));
    for (const key of [C, FEED]) {
      const has = new Set(frames.filter((f) => (f.rev ? C : FEED) === key).map((f) => f.rev ?? f.feed));
      let upto = 0;
      while (has.has(upto + 1)) upto += 1;
      assert.deepEqual(out[key], Array.from({ length: upto }, (_, i) => i + 1));
      assert.equal(positions.rev(key), upto);
      assert.equal(positions.behind().includes(key), has.size > 0 && Math.max(...has) > upto);
    }
  }
});

/** A server of one conversation that loses, repeats and mixes what it pushes, but answers syncs as it should. */
class Fake {
  static made = [];
  static log = 0; // changes that there are
  static dice;
  constructor() {
    Fake.made.push(this);
    this.live = false;
    setImmediate(() => this.onopen?.());
  }
  say(frame) {
    if (this.gone) return;
    setImmediate(() => this.onmessage?.({ data: JSON.stringify(frame) }));
  }
  close() {
    this.gone = true;
  }
  break() {
    this.gone = true;
    this.onclose?.({ code: 1006, reason: "" });
  }
  send(text) {
    const { id, type, data } = JSON.parse(text);
    if (type === "auth") {
      this.say({ id, ok: true, data: { recovered: true } });
      this.live = true;
      this.sync(id, data.cursors);
    } else if (type === "sync") this.sync(id, data);
    else this.say({ id, ok: true, data: {} });
  }
  sync(id, { conversations, feed }) {
    if (Fake.dice.next() < 0.2) {
      return this.say({ id, type: "sync.done", ok: false, error: { code: "overloaded", message: "no", retryAfterMs: 1 } });
    }
    if (feed > 3) this.say({ id, type: "sync.reset", data: { feed: 3, recovered: false } });
    const from = conversations[C];
    for (let rev = (from ?? Fake.log) + 1; rev <= Fake.log; rev += 7) {
      const data = [];
      for (let next = rev; next < rev + 7 && next <= Fake.log; next++) data.push(change(next));
      this.say({ id, type: "sync.changes", conversationId: C, data });
    }
    this.say({ id, type: "sync.done", ok: true, data: { cursors: { conversations: {}, feed } } });
  }
  push(rev) {
    const { dice } = Fake;
    if (dice.next() < 0.2) return; // lost
    if (dice.next() < 0.1) this.say({ type: "resync" });
    for (let copies = 1 + dice.below(2); copies > 0; copies--) {
      if (dice.next() < 0.7) this.say(change(rev));
      else setImmediate(() => this.say(change(rev)));
    }
  }
}

test("over a socket that loses, repeats and mixes: each number once and in order", async (t) => {
  Fake.dice = seeded(t);
  const { dice } = Fake;
  const client = new Client({
    url: "http://fake",
    storage: new Storage(),
    WebSocket: Fake,
    cursors: { conversations: { [C]: 0 }, feed: 3 },
    fetch: async () => new Response(JSON.stringify({ success: true, data: { user: { id: D }, accessToken: "t", refreshToken: "r", expiresIn: "15m" } })),
  });
  t.after(() => client.close());
  const out = [];
  client.on("message.created", ({ rev }) => out.push(rev));
  await client.signIn({ identifier: "i", password: "p" });
  client.connect();
  for (let rev = 1; rev <= 400; rev++) {
    Fake.log = rev;
    const socket = Fake.made.at(-1);
    if (socket?.live && !socket.gone) socket.push(rev);
    if (dice.next() < 0.02) socket?.break();
    if (dice.next() < 0.2) await new Promise(setImmediate);
    if (rev % 100 === 0) await until("live", () => client.status === "live");
  }
  // The last may be lost too: nothing says so but the next one.
  while (out.length < Fake.log) {
    Fake.log += 1;
    Fake.made.at(-1).say(change(Fake.log));
    await until("caught up", () => out.length === Fake.log);
  }
  assert.deepEqual(out, Array.from({ length: out.length }, (_, i) => i + 1));
});

/** A client on sockets that do nothing by themselves, and what was asked on them. */
async function scripted(t, cursors, fetched = []) {
  const asked = [];
  class Socket {
    constructor() {
      asked.socket = this;
      setImmediate(() => this.onopen?.());
    }
    send(text) {
      asked.push(JSON.parse(text));
      if (asked.at(-1).type === "auth") this.say({ id: asked.at(-1).id, ok: true, data: { recovered: true } });
    }
    say = (frame) => setImmediate(() => this.onmessage?.({ data: JSON.stringify(frame) }));
    close() {}
  }
  const tokens = { user: { id: D }, accessToken: "t", refreshToken: "r", expiresIn: "15m" };
  const client = new Client({
    url: "http://fake",
    storage: new Storage(),
    WebSocket: Socket,
    cursors,
    fetch: async (url) => {
      if (!url.includes("/auth/")) await new Promise((resolve) => fetched.push({ url, resolve }));
      const data = url.includes("/auth/") ? tokens : { items: url.includes("archived") ? [] : [{ id: C, rev: 7 }], nextCursor: null };
      return new Response(JSON.stringify({ success: true, data }));
    },
  });
  t.after(() => client.close());
  await client.signIn({ identifier: "i", password: "p" });
  client.connect().catch(() => {});
  await until("the first frame", () => asked.length === 1);
  return { client, asked, say: (frame) => asked.socket.say(frame) };
}
const done = (asked, cursors = {}) => ({ id: asked.id, type: "sync.done", ok: true, data: { cursors } });

test("a sync that failed is asked for again, from where the client stands", async (t) => {
  const { client, asked, say } = await scripted(t, { conversations: { [C]: 2 }, feed: 3 });
  assert.deepEqual(asked[0].data.cursors, { conversations: { [C]: 2 }, feed: 3 });
  say({ id: asked[0].id, type: "sync.changes", conversationId: C, data: [change(3), change(4)] });
  say({ id: asked[0].id, type: "sync.done", ok: false, error: { code: "overloaded", message: "no", retryAfterMs: 5 } });
  await until("asked again", () => asked.length === 2);
  assert.deepEqual([asked[1].type, asked[1].data], ["sync", { conversations: { [C]: 4 }, feed: 3 }]);
  assert.equal(client.status, "catching-up");
  say(done(asked[1]));
  await until("live", () => client.status === "live");
});

test("a refused sync is asked for again, too", async (t) => {
  const { client, asked, say } = await scripted(t, { conversations: { [C]: 2 }, feed: 3 });
  say(done(asked[0]));
  say(change(5));
  await until("asked", () => asked.length === 2);
  assert.deepEqual(asked[1].data, { conversations: { [C]: 2 } });
  say({ id: asked[1].id, ok: false, error: { code: "conflict", message: "another one runs" } });
  await until("asked again", () => asked.length === 3);
  say({ id: asked[2].id, type: "sync.changes", conversationId: C, data: [change(3), change(4)] });
  say(done(asked[2]));
  await until("live", () => client.status === "live");
  assert.equal(client.cursors.conversations[C], 5);
});

test("a resync asks with all cursors, after the sync that runs", async (t) => {
  const { client, asked, say } = await scripted(t, { conversations: { [C]: 2, [D]: 0 }, feed: 3 });
  say({ type: "resync" });
  await new Promise(setImmediate);
  await new Promise(setImmediate);
  assert.equal(asked.length, 1, "one at a time");
  say(done(asked[0]));
  await until("asked", () => asked.length === 2);
  assert.deepEqual([asked[1].type, asked[1].data], ["sync", { conversations: { [C]: 2, [D]: 0 }, feed: 3 }]);
  say(done(asked[1]));
  await until("live", () => client.status === "live");
  say({ type: "resync" });
  await until("asked again", () => asked.length === 3);
  assert.equal(client.status, "catching-up");
});

test("cursors have no feed until every conversation is known: else one could be missing for ever", async (t) => {
  const listing = [];
  const { client, asked, say } = await scripted(t, undefined, listing);
  const resets = [];
  client.on("reset", (what) => resets.push(what));
  assert.ok(asked[0].data.cursors.feed > 1e15, "ahead: where does it stand?");
  say({ id: asked[0].id, type: "sync.reset", data: { feed: 9, recovered: false } });
  say(done(asked[0]));
  await until("the list is asked for", () => listing.length === 1);
  assert.deepEqual([resets, client.status], [[{ feed: 9 }], "catching-up"]);
  assert.deepEqual(client.cursors, { userId: D, conversations: {} });
  listing[0].resolve();
  await until("the archived ones, too", () => listing.length === 2);
  assert.match(listing[1].url, /archived=true/);
  listing[1].resolve();
  await until("live", () => client.status === "live");
  assert.deepEqual(client.cursors, { userId: D, conversations: { [C]: 7 }, feed: 9 });
});
