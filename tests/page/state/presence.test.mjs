// Who is there and who types, in values: what is kept of it, and in which words it is shown.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Presence } from "../../../web/chat/presence.js";
import { chosenOf, customOf, DURATIONS, endWords, lastSeen, statusOf, statusWords, typingWords } from "../../../web/chat/seen.js";

const NOW = new Date(2026, 10, 26, 15, 30);
const before = (minutes) => new Date(NOW - minutes * 60_000).toISOString();

test("when somebody was last seen is said as people say it", () => {
  assert.equal(lastSeen(before(0), NOW), "Last seen just now");
  assert.equal(lastSeen(before(-5), NOW), "Last seen just now", "another clock may be ahead");
  assert.equal(lastSeen(before(1), NOW), "Last seen 1 minute ago");
  assert.equal(lastSeen(before(59), NOW), "Last seen 59 minutes ago");
  assert.match(lastSeen(before(120), NOW), /^Last seen today at (13:30|1:30.PM)$/);
  assert.match(lastSeen(before(16 * 60), NOW), /^Last seen yesterday at (23:30|11:30.PM)$/);
  assert.match(lastSeen(before(9 * 1440), NOW), /^Last seen on .*17/);
  assert.match(lastSeen(before(400 * 1440), NOW), /2025/);
});

test("a status is one of four, and one that is hidden has no more than its word", () => {
  assert.equal(statusOf(undefined), undefined);
  assert.equal(statusOf({ status: "constructor" }), "offline");
  assert.equal(statusWords({ status: "do_not_disturb", lastSeenAt: before(1) }, NOW), "Do not disturb");
  assert.equal(statusWords({ status: "offline", lastSeenAt: null }, NOW), "Offline");
  assert.equal(statusWords({ status: "offline", lastSeenAt: before(3) }, NOW), "Last seen 3 minutes ago");
});

test("a custom status is one line, and does not turn what stands around it", () => {
  assert.equal(customOf({ customStatus: "out\n\n  for \u202elunch\u2066" }), "out for lunch");
  assert.equal(customOf({ customStatus: "\u200b \n" }), null);
  assert.equal(customOf({ customStatus: null }), null);
  assert.equal(customOf({ customStatus: "<b>x</b>" }), "<b>x</b>");
});

test("who types is named, up to two", () => {
  assert.equal(typingWords([]), "");
  assert.equal(typingWords(["Ada"]), "Ada is typing…");
  assert.equal(typingWords(["Ada", "Ben"]), "Ada and Ben are typing…");
  assert.equal(typingWords(["Ada", "Ben", "Cleo"]), "Ada, Ben and 1 other are typing…");
  assert.equal(typingWords(["Ada", "Ben", "Cleo", "Dan"]), "Ada, Ben and 2 others are typing…");
  assert.equal(typingWords(["Ada"], { direct: true }), "typing…");
});

test("idle is not chosen, and neither is offline of who has only just come", () => {
  const devices = (minutes) => [{ lastActive: before(minutes) }];
  assert.equal(chosenOf({ status: "online", devices: devices(0) }, +NOW), "online");
  assert.equal(chosenOf({ status: "away", devices: devices(20) }, +NOW), "online");
  assert.equal(chosenOf({ status: "away", devices: devices(1) }, +NOW), "away");
  assert.equal(chosenOf({ status: "do_not_disturb", devices: devices(1) }, +NOW), "do_not_disturb");
  assert.equal(chosenOf({ status: "offline", devices: [] }, +NOW), "online");
  assert.equal(chosenOf({ status: "offline", devices: devices(1) }, +NOW), "offline");
  assert.equal(chosenOf({ status: "offline", devices: null }, +NOW), "online");
});

test("a custom status ends when its words say so", () => {
  const ends = Object.fromEntries(Object.entries(DURATIONS).map(([name, [, end]]) => [name, end(NOW)]));
  assert.equal(ends.half - NOW, 1_800_000);
  assert.equal(ends.hour - NOW, 3_600_000);
  assert.deepEqual(ends.today, new Date(2026, 10, 27));
  assert.equal(ends.never, null);
  assert.equal(endWords(null, NOW), "");
  assert.match(endWords(ends.hour, NOW), /^until (16:30|4:30.PM)$/);
  assert.equal(endWords(ends.today, NOW), "until midnight");
  assert.match(endWords(new Date(2026, 10, 28, 9), NOW), /^until .*28/);
});

let session, presence, asked, answer;
const view = (userId, more) => ({ userId, status: "online", customStatus: null, customStatusExpiresAt: null, lastSeenAt: null, ...more });
const direct = (other) => ({ id: `with-${other}`, type: "direct", participants: [{ userId: "me", user: { id: "me" } }, { userId: other, user: { id: other } }] });

beforeEach(() => {
  asked = [];
  answer = async (userIds) => userIds.map((one) => view(one));
  const note = (what) => (userIds) => (asked.push([what, ...userIds]), Promise.resolve([]));
  const chat = { presence: {
    of: (userIds) => (asked.push(["of", ...userIds]), answer(userIds)), me: async () => view("me"),
    subscribe: note("subscribe"), unsubscribe: note("unsubscribe"), update: async (fields) => view("me", fields),
  } };
  session = { me: "me", chat, conversations: [], connection: { status: "live" }, changes: 0, changed: () => (session.changes += 1) };
  presence = new Presence(session);
});
const told = (userId, more) => presence.event({ type: "presence", data: view(userId, more) });

test("what came as an event is not replaced by an answer that was asked for before it", async () => {
  session.conversations = [direct("ada"), direct("ben")];
  let give;
  answer = () => new Promise((resolve) => (give = resolve));
  const done = presence.refresh();
  told("ada", { status: "do_not_disturb" });
  give([view("ada", { status: "offline" }), view("ben", { status: "away" })]);
  await done;
  assert.equal(presence.of("ada").status, "do_not_disturb");
  assert.equal(presence.of("ben").status, "away");
});

test("a new connection forgets who is not known any more; one that failed keeps nobody for sure", async () => {
  told("ada");
  session.conversations = [direct("ben")];
  await presence.refresh();
  assert.equal(presence.of("ada"), undefined);
  assert.equal(presence.of("ben").status, "online");
  answer = async () => { throw new Error("busy"); };
  await presence.refresh();
  assert.equal(presence.of("ben"), undefined);
  answer = async (userIds) => userIds.map((one) => view(one));
  const times = () => asked.filter(([what]) => what === "of").length;
  presence.look("ben");
  assert.equal(times(), 2, "a server that failed is not asked at every look");
  presence.look("cleo");
  presence.look("cleo");
  await new Promise(setImmediate);
  assert.equal(presence.of("cleo").status, "online");
  assert.equal(times(), 3, "looked at twice, asked once");
});

test("a view of a conversation says the least: only of who is not known", () => {
  told("ada", { status: "away", customStatus: "tea" });
  const user = (id, presenceStatus) => ({ userId: id, user: { id, presenceStatus, lastSeen: null } });
  presence.seed({ participants: [user("ada", "online"), user("ben", "online"), user("cleo", null)] });
  assert.equal(presence.of("ada").customStatus, "tea");
  assert.equal(presence.of("ben").status, "online");
  assert.equal(presence.of("cleo"), undefined);
});

const types = (userId, isTyping = true, conversationId = "room") =>
  presence.event({ type: "typing", conversationId, data: { userId, username: `@${userId}`, isTyping } });

test("who types is there until he stops, sends, or leaves; never oneself", () => {
  types("ada");
  types("ben");
  types("cleo");
  types("me");
  types("ada", true, "other");
  assert.deepEqual(presence.typists("room").map(({ userId }) => userId), ["ada", "ben", "cleo"]);
  types("ada", false);
  presence.event({ type: "message.created", conversationId: "room", data: { senderId: "ben" } });
  presence.event({ type: "member.removed", conversationId: "room", data: { members: [{ userId: "cleo" }] } });
  assert.deepEqual(presence.typists("room"), []);
  assert.equal(presence.typists("other").length, 1);
  presence.event({ type: "conversation.removed", data: { conversationId: "other" } });
  assert.deepEqual(presence.typists("other"), []);
});

test("who is looked at is subscribed to once, and no more when nobody looks", () => {
  presence.follow("group", ["ada", "ben", "me"]);
  presence.follow("info", ["ben", "cleo"]);
  presence.follow("group", null);
  presence.follow("group", null);
  presence.follow("info", null);
  assert.deepEqual(asked, [["subscribe", "ada", "ben"], ["subscribe", "cleo"], ["unsubscribe", "ada"], ["unsubscribe", "ben", "cleo"]]);
  presence.follow("group", Array.from({ length: 500 }, (_, n) => `user ${n}`));
  assert.equal(asked.at(-1).length, 201, "at most 200");
});

test("how many are online is said where all are known", () => {
  const group = { participants: ["me", "ada", "ben"].map((userId) => ({ userId })), memberCount: 3 };
  told("ada");
  told("ben", { status: "away" });
  told("me");
  assert.equal(presence.onlineIn(group), 1);
  assert.equal(presence.onlineIn({ ...group, memberCount: 4 }), undefined);
});

test("a choice shows at once, and goes back if it is refused", async () => {
  const done = presence.choose("do_not_disturb");
  assert.equal(presence.chosen, "do_not_disturb");
  await done;
  assert.equal(presence.mine.status, "do_not_disturb");
  session.chat.presence.update = async () => { throw new Error("no"); };
  await assert.rejects(presence.choose("offline"));
  assert.equal(presence.chosen, "do_not_disturb");
  presence.event({ type: "user.updated", data: { presence: { status: "away" } } });
  assert.equal(presence.chosen, "away", "another device has chosen");
  presence.event({ type: "user.updated", data: { presence: {} } });
  assert.equal(presence.chosen, "online");
});
