// Who is there and who types, against a server that is played here, with a clock moved by hand.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Parlance } from "../../web/client/parlance.js";
import { Storage } from "./support/world.mjs";

const id = (n) => `00000000-0000-7000-8000-${String(n).padStart(12, "0")}`;
const [ME, ADA, BEN, ROOM, OTHER] = [1, 2, 3, 4, 5].map(id);
const settled = async () => {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
};

let sockets, calls, chat, told, answers;

/** Answers what is asked of it, and keeps it. */
class Fake {
  sent = [];
  constructor() {
    sockets.push(this);
    setImmediate(() => this.onopen?.());
  }
  send(text) {
    const { id: number, type, data } = JSON.parse(text);
    this.sent.push({ type, data, at: Date.now() });
    const answer = answers[type]?.(data) ?? { ok: true, data: {} };
    if (answer !== "none") setImmediate(() => this.say({ id: number, ...answer }));
  }
  say(frame) {
    this.onmessage?.({ data: JSON.stringify(frame) });
  }
  close() {}
  /** What was asked, of one type. */
  of(type) {
    return this.sent.filter((one) => one.type === type);
  }
}
const socket = () => sockets.at(-1);

async function fetched(url, { method, body }) {
  const { pathname, searchParams } = new URL(url);
  const path = pathname.replace("/api/v1", "");
  calls.push({ method, path, query: Object.fromEntries(searchParams), body: body && JSON.parse(body) });
  const data = rest(path, searchParams, body && JSON.parse(body));
  return new Response(JSON.stringify({ success: true, data }), { headers: { "Content-Type": "application/json" } });
}

function rest(path, query, body) {
  if (path === "/auth/login") return { user: { id: ME, username: "me" }, accessToken: "a", refreshToken: "r", expiresIn: "7d" };
  if (path === "/conversations") return { items: [], nextCursor: null };
  if (path === "/presence/users") return query.get("userIds").split(",").map((one) => view(one));
  if (path === "/presence/me") return { ...view(ME), ...body };
  throw new Error(`nobody answers ${path}`);
}

const view = (userId, more) => ({ userId, status: "online", customStatus: null, customStatusExpiresAt: null, lastSeenAt: null, ...more });
const iso = (ms = 0) => new Date(Date.now() + ms).toISOString();
const heard = (type) => told.filter((frame) => frame.type === type).map(({ data }) => data);

beforeEach(async () => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"], now: Date.parse("2026-11-26T12:00:00Z") });
  [sockets, calls, told] = [[], [], []];
  answers = {
    auth: () => ({ ok: true, data: { recovered: true } }),
    "presence.subscribe": ({ userIds }) => ({ ok: true, data: { presence: userIds.map((one) => view(one)), subscribedCount: userIds.length } }),
  };
  globalThis.document = Object.assign(new EventTarget(), { visibilityState: "visible" });
  chat = new Parlance({ url: "http://fake", storage: new Storage(), fetch: fetched, WebSocket: Fake, cursors: { feed: 0 } });
  chat.on("event", (frame) => told.push(frame));
  await chat.signIn({ identifier: "me", password: "x" });
  chat.connect();
  await settled();
});
afterEach(() => {
  chat.close();
  delete globalThis.document;
  mock.timers.reset();
});

/** In small steps, so that what a timer sets off happens at its time. */
async function pass(ms) {
  for (let passed = 0; passed < ms; passed += 500) {
    mock.timers.tick(500);
    await settled();
  }
}

async function reconnect() {
  const before = sockets.length;
  socket().onclose({ code: 1006, reason: "" });
  for (let i = 0; i < 100 && sockets.length === before; i++) await pass(500);
  await settled();
  assert.equal(sockets.length, before + 1);
}

const signals = (type = "typing") => socket().of(type).map(({ data, at }) => `${(at - Date.parse("2026-11-26T12:00:00Z")) / 1_000} ${data.isTyping}`);

test("key strokes are one signal in three seconds, and a stop when they end", async () => {
  for (let half = 0; half < 80; half++) {
    for (let i = 0; i < 5; i++) chat.typing(ROOM);
    await pass(500); // ten a second, for 40 seconds
  }
  const during = signals();
  assert.equal(during[0], "0 true");
  assert.ok(during.length >= 12 && during.length <= 14, `${during.length} signals in 40 s`);
  assert.ok(during.every((one) => one.endsWith("true")));
  await pass(10_000);
  const after = signals().slice(during.length);
  assert.equal(after.filter((one) => one.endsWith("false")).length, 1, after.join(", "));
  assert.equal(after.at(-1).split(" ")[1], "false");
  await pass(30_000);
  assert.equal(signals().length, during.length + after.length, "nothing more");
});

test("typing stops when it is said, when a text is sent, and not twice", async () => {
  chat.typing(ROOM);
  chat.typing(OTHER);
  chat.typing(ROOM, false);
  chat.typing(ROOM, false);
  await settled();
  const lines = () => socket().of("typing").map(({ data }) => `${data.conversationId === ROOM} ${data.isTyping}`);
  assert.deepEqual(lines(), ["true true", "false true", "true false"]);
  answers["message.send"] = () => "none";
  chat.send(OTHER, "done");
  await settled();
  assert.deepEqual(lines().slice(3), ["false false"]);
  const types = socket().sent.map(({ type }) => type);
  assert.ok(types.lastIndexOf("typing") < types.indexOf("message.send"), "before the text: else it would begin after it");
  await pass(20_000);
  assert.equal(lines().length, 4);
});

test("without a socket nothing is typed, and the first key stroke on the next one is told at once", async () => {
  chat.typing(ROOM);
  await reconnect();
  assert.deepEqual(socket().of("typing"), []);
  chat.typing(ROOM);
  assert.deepEqual(socket().of("typing").map(({ data }) => data), [{ conversationId: ROOM, isTyping: true }]);
  assert.throws(() => chat.typing("../users"), TypeError);
});

const types = (userId, isTyping = true, until = iso(10_000)) =>
  socket().say({ type: "typing", conversationId: ROOM, at: iso(), data: { userId, username: "x", isTyping, until: isTyping ? until : null } });
const typists = () => heard("typing").map(({ userId, isTyping }) => `${userId === ADA ? "ada" : "ben"} ${isTyping}`);

test("an indicator ends when that is said, once; going on is not told, so it stays as long as the socket", async () => {
  types(ADA);
  await pass(5_000);
  types(BEN);
  types(BEN, false);
  await pass(60_000);
  assert.deepEqual(typists(), ["ada true", "ben true", "ben false"]);
  types(ADA, false);
  await pass(180_000);
  assert.deepEqual(typists().slice(3), ["ada false"]);
  types(BEN);
  await pass(110_000);
  assert.deepEqual(typists().slice(4), ["ben true"]);
  await pass(12_000);
  assert.deepEqual(typists().slice(5), ["ben false"], "but not for ever");
  assert.deepEqual(heard("typing").at(-1), { userId: BEN, username: "x", isTyping: false, until: null });
});

test("without the socket it ends a little after its time, by the server's clock and not by this one", async () => {
  const hours = 5 * 3_600_000;
  const say = (userId, at) => socket().say({ type: "typing", conversationId: ROOM, at: iso(at), data: { userId, username: "x", isTyping: true, until: iso(at + 10_000) } });
  say(ADA, hours);
  await pass(5_000);
  say(BEN, -hours);
  socket().onclose({ code: 1006, reason: "" });
  await pass(4_500);
  assert.deepEqual(typists(), ["ada true", "ben true"]);
  await pass(3_000);
  assert.deepEqual(typists().slice(2), ["ada false"]);
  await pass(5_000);
  assert.deepEqual(typists().slice(3), ["ben false"]);
});

test("who was typing is not any more when the client is closed", async () => {
  types(ADA);
  chat.close();
  assert.deepEqual(typists(), ["ada true", "ada false"]);
  await pass(20_000);
  assert.equal(typists().length, 2);
});

test("subscriptions are told as events, kept over reconnects, and end when that is asked for", async () => {
  const views = await chat.presence.subscribe([ADA, BEN, ADA]);
  assert.deepEqual(views.map(({ userId }) => userId), [ADA, BEN]);
  assert.deepEqual(heard("presence").map(({ userId }) => userId), [ADA, BEN]);
  await reconnect();
  assert.deepEqual(socket().of("presence.subscribe").map(({ data }) => data), [{ userIds: [ADA, BEN] }]);
  assert.equal(heard("presence").length, 4);
  await chat.presence.unsubscribe([ADA, OTHER]);
  assert.deepEqual(socket().of("presence.unsubscribe").map(({ data }) => data), [{ userIds: [ADA] }]);
  await reconnect();
  assert.deepEqual(socket().of("presence.subscribe").map(({ data }) => data), [{ userIds: [BEN] }]);
});

test("a subscription that is busy is asked for again", async () => {
  let tries = 0;
  const good = answers["presence.subscribe"];
  answers["presence.subscribe"] = (data) => (tries++ === 0 ? { ok: false, error: { code: "overloaded", message: "busy", retryAfterMs: 2_000 } } : good(data));
  assert.deepEqual(await chat.presence.subscribe([ADA]), []);
  await pass(1_500);
  assert.equal(tries, 1);
  await pass(2_000);
  assert.equal(tries, 2);
  assert.deepEqual(heard("presence").map(({ userId }) => userId), [ADA]);
});

test("a socket that is lost meanwhile takes nothing with it", async () => {
  await chat.presence.subscribe([BEN]);
  const good = answers["presence.subscribe"];
  answers["presence.subscribe"] = answers["presence.unsubscribe"] = answers["presence.update"] = () => "none";
  const all = [chat.presence.subscribe([ADA]), chat.presence.unsubscribe([BEN]), chat.presence.here("away")];
  answers["presence.subscribe"] = good;
  await reconnect();
  assert.deepEqual(await Promise.all(all), [[], undefined, undefined]);
  assert.deepEqual(socket().sent.filter(({ type }) => type.startsWith("presence")).map(({ data }) => data), [{ status: "away" }, { userIds: [ADA] }]);
});

test("without a socket it waits for one; more than 200 are refused, and who is refused is not asked for again", async () => {
  const many = Array.from({ length: 200 }, (_, n) => id(1_000 + n));
  await chat.presence.subscribe(many);
  await assert.rejects(chat.presence.subscribe([ADA]), { code: "validation_failed" });
  await chat.presence.subscribe(many.slice(0, 5));
  await chat.presence.unsubscribe(many);
  answers["presence.subscribe"] = () => ({ ok: false, error: { code: "validation_failed", message: "no" } });
  await assert.rejects(chat.presence.subscribe([ADA]), { code: "validation_failed" });
  answers["presence.subscribe"] = ({ userIds }) => ({ ok: true, data: { presence: userIds.map((one) => view(one)) } });
  chat.close();
  assert.deepEqual(await chat.presence.subscribe([BEN]), []);
  chat.connect();
  await settled();
  assert.deepEqual(socket().of("presence.subscribe").map(({ data }) => data.userIds), [[BEN]]);
});

test("another user has none of the subscriptions of the one before", async () => {
  await chat.presence.subscribe([ADA]);
  await chat.presence.here("do_not_disturb");
  await chat.signIn({ identifier: "me", password: "x" });
  chat.connect();
  await settled();
  assert.deepEqual(socket().sent.filter(({ type }) => type.startsWith("presence")), []);
});

test("a custom status ends by itself, wherever it was read, and a newer one takes its place", async () => {
  const until = (ms) => ({ customStatus: "lunch", customStatusExpiresAt: iso(ms) });
  socket().say({ type: "presence", at: iso(), data: view(ADA, { status: "away", ...until(60_000) }) });
  socket().say({ type: "presence", at: iso(), data: view(BEN, until(60_000)) });
  await pass(30_000);
  socket().say({ type: "presence", at: iso(), data: view(BEN, { customStatus: "for good" }) });
  assert.equal(heard("presence").length, 3);
  await pass(30_500);
  assert.deepEqual(heard("presence").slice(3), [view(ADA, { status: "away" })]);
  const own = await chat.presence.update({ customStatus: "out", customStatusExpiresAt: new Date(Date.now() + 7_200_000) });
  assert.equal(own.customStatus, "out");
  assert.deepEqual(calls.at(-1), { method: "PUT", path: "/presence/me", query: {}, body: { customStatus: "out", customStatusExpiresAt: iso(7_200_000) } });
  mock.timers.tick(3_600_000);
  assert.equal(heard("presence").length, 4);
  mock.timers.tick(3_600_000);
  assert.deepEqual(heard("presence").slice(4), [view(ME)]);
});

test("many are read in pages of 100", async () => {
  const many = Array.from({ length: 150 }, (_, n) => id(1_000 + n));
  const views = await chat.presence.of([...many, ...many]);
  assert.deepEqual(views.map(({ userId }) => userId), many);
  const asked = calls.filter(({ path }) => path === "/presence/users").map(({ query }) => query.userIds.split(",").length);
  assert.deepEqual(asked, [100, 50]);
});

test("a user at work is one sign of life a minute; key strokes cost nothing more", async () => {
  const signs = () => socket().of("activity").length;
  const strike = () => globalThis.document.dispatchEvent(new Event("keydown"));
  for (let second = 0; second < 180; second++) {
    for (let i = 0; i < 8; i++) strike();
    globalThis.document.dispatchEvent(new Event("wheel"));
    await pass(1_000);
  }
  assert.ok(signs() >= 2 && signs() <= 3, `${signs()} in three minutes`);
  const before = signs();
  await pass(600_000);
  assert.equal(signs(), before, "who does nothing says nothing");
  strike();
  assert.equal(signs(), before + 1, "who comes back is there at once");
  chat.close();
  strike();
  chat.active();
  assert.equal(signs(), before + 1);
});

test("what this device says of itself is said again on each socket, until it is taken back", async () => {
  await chat.presence.here("away");
  await reconnect();
  assert.deepEqual(socket().of("presence.update").map(({ data }) => data), [{ status: "away" }]);
  await chat.presence.here("online");
  await reconnect();
  assert.deepEqual(socket().of("presence.update"), []);
});

test("a device is named at the handshake, if it has a name", async () => {
  assert.equal(socket().of("auth")[0].data.device, undefined);
  chat.close();
  chat = new Parlance({ url: "http://fake", storage: new Storage(), fetch: fetched, WebSocket: Fake, cursors: { feed: 0 }, device: { type: "mobile" } });
  await chat.signIn({ identifier: "me", password: "x" });
  chat.connect();
  await settled();
  assert.deepEqual(socket().of("auth")[0].data.device, { type: "mobile" });
});
