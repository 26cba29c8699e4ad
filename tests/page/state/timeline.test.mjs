// The window over a conversation's messages: pages and events in any order, bounds, rows.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as line from "../../../web/chat/timeline.js";

const ME = "me";
const AT = Date.parse("2026-11-23T10:00:00.000Z");

function message(seq, more = {}) {
  return {
    id: `m${seq}`, seq, rev: seq, senderId: "bob", type: "text", content: `text ${seq}`, createdAt: new Date(AT + seq * 1_000).toISOString(),
    replyToId: null, isDeleted: false, isEdited: false, reactions: [], reactionCounts: {}, replyTo: null, ...more,
  };
}

const pageOf = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => message(from + index));
const created = (seq, more) => ({ type: "message.created", seq, rev: seq, data: message(seq, { reactions: undefined, reactionCounts: undefined, ...more }) });
const seqs = (timeline) => line.rows(timeline, { me: ME, tick: () => "sent" }).filter((row) => row.kind === "message").map((row) => row.message.seq);

function timelineOf(from, to, newest = to) {
  const timeline = line.createTimeline(newest);
  line.takePage(timeline, pageOf(from, to), { me: ME });
  return timeline;
}

test("pages join at both ends and overlap without doubles", () => {
  const timeline = timelineOf(11, 20, 30);
  line.takePage(timeline, pageOf(1, 12), { me: ME });
  line.takePage(timeline, pageOf(21, 30), { me: ME });
  assert.deepEqual(seqs(timeline), pageOf(1, 30).map((one) => one.seq));
  assert.ok(line.atStart(timeline) && line.atEnd(timeline));
});

test("a page that does not touch the window takes its place, so there is never a gap", () => {
  const timeline = timelineOf(100, 150, 500);
  line.takePage(timeline, pageOf(1, 10), { me: ME });
  assert.deepEqual([timeline.first, timeline.last], [1, 10]);
  assert.equal(seqs(timeline).length, 10);
  assert.ok(!line.atEnd(timeline));
});

test("a message that comes while its page is on the way is there once", () => {
  const timeline = line.createTimeline(3);
  const since = line.mark(timeline);
  line.foldEvent(timeline, created(4), ME);
  line.takePage(timeline, pageOf(1, 3), { me: ME, since });
  assert.deepEqual(seqs(timeline), [1, 2, 3, 4]);
  line.takePage(timeline, pageOf(1, 4), { me: ME, since });
  assert.deepEqual(seqs(timeline), [1, 2, 3, 4]);
});

test("a page can not take back an edit, deletion or reaction that came while it was on the way", () => {
  const timeline = timelineOf(1, 3);
  const since = line.mark(timeline);
  line.foldEvent(timeline, { type: "message.updated", data: message(1, { rev: 10, isEdited: true, content: "edited" }) }, ME);
  line.foldEvent(timeline, { type: "message.deleted", data: message(2, { rev: 11, isDeleted: true, content: null }) }, ME);
  line.foldEvent(timeline, { type: "message.reaction", data: { messageId: "m3", userId: ME, emoji: "👍", added: true, counts: { "👍": 1 } } }, ME);
  line.takePage(timeline, pageOf(1, 3), { me: ME, since });
  assert.equal(line.bySeq(timeline, 1).content, "edited");
  assert.equal(line.bySeq(timeline, 2).isDeleted, true);
  assert.deepEqual(line.bySeq(timeline, 3).shownReactions, [{ emoji: "👍", count: 1, mine: true }]);
});

test("a page is asked for again if more came meanwhile than is kept", () => {
  const timeline = timelineOf(1, 2);
  const since = line.mark(timeline);
  for (let seq = 3; seq < 1_010; seq += 1) line.foldEvent(timeline, created(seq), ME);
  assert.equal(line.takePage(timeline, pageOf(1, 2), { me: ME, since }), false);
  assert.equal(line.takePage(timeline, pageOf(1, 2), { me: ME, since: line.mark(timeline) }), true);
});

test("a message beyond a window that is not at the end is only counted", () => {
  const timeline = timelineOf(1, 50, 100);
  line.foldEvent(timeline, created(101), ME);
  assert.equal(timeline.last, 50);
  assert.equal(timeline.newest, 101);
});

test("the first message of an empty conversation is shown", () => {
  const timeline = line.createTimeline(0);
  line.takePage(timeline, [], { me: ME });
  line.foldEvent(timeline, created(1), ME);
  assert.deepEqual(seqs(timeline), [1]);
});

test("an edit keeps reactions and quote; a deletion takes them", () => {
  const timeline = line.createTimeline(2);
  const reacted = message(2, { replyToId: "m1", replyTo: message(1), reactions: [{ userId: ME, emoji: "❤️" }], reactionCounts: { "❤️": 2 } });
  line.takePage(timeline, [message(1), reacted], { me: ME });
  line.foldEvent(timeline, { type: "message.updated", data: { ...message(2, { rev: 9, content: "x", replyToId: "m1" }), reactions: undefined, reactionCounts: undefined, replyTo: undefined } }, ME);
  assert.deepEqual(line.bySeq(timeline, 2).shownReactions, [{ emoji: "❤️", count: 2, mine: true }]);
  assert.equal(line.bySeq(timeline, 2).replyTo.id, "m1");
  line.foldEvent(timeline, { type: "message.deleted", data: message(2, { rev: 10, isDeleted: true, content: null }) }, ME);
  assert.deepEqual(line.bySeq(timeline, 2).shownReactions, []);
});

test("reactions keep their places, and my own are marked until I take them back", () => {
  const timeline = timelineOf(1, 1);
  const react = (userId, emoji, added, counts) => line.foldEvent(timeline, { type: "message.reaction", data: { messageId: "m1", userId, emoji, added, counts } }, ME);
  react("bob", "👍", true, { "👍": 1 });
  react(ME, "🎉", true, { "🎉": 1, "👍": 1 });
  react(ME, "👍", true, { "🎉": 1, "👍": 2 });
  react(ME, "👍", false, { "🎉": 1, "👍": 1 });
  assert.deepEqual(line.bySeq(timeline, 1).shownReactions, [{ emoji: "👍", count: 1, mine: false }, { emoji: "🎉", count: 1, mine: true }]);
  react("bob", "👍", false, { "🎉": 1 });
  assert.deepEqual(line.bySeq(timeline, 1).shownReactions.map((one) => one.emoji), ["🎉"]);
});

test("an answer shows the message it answers: held, asked for, and as it is after an edit or deletion", () => {
  const timeline = timelineOf(5, 6, 6);
  line.foldEvent(timeline, created(7, { replyToId: "m5" }), ME);
  line.foldEvent(timeline, created(8, { replyToId: "m1" }), ME);
  assert.deepEqual(line.missingQuotes(timeline), ["m1"]);
  assert.equal(line.bySeq(timeline, 7).replyTo.content, "text 5");
  assert.ok(line.takeQuoted(timeline, message(1)));
  assert.deepEqual(line.missingQuotes(timeline), []);
  line.foldEvent(timeline, { type: "message.updated", data: message(1, { rev: 20, isEdited: true, content: "other" }) }, ME);
  assert.equal(line.bySeq(timeline, 8).replyTo.content, "other");
  line.foldEvent(timeline, { type: "message.deleted", data: message(5, { rev: 21, isDeleted: true, content: null }) }, ME);
  assert.equal(line.bySeq(timeline, 7).replyTo.isDeleted, true);
});

test("the window is bounded at the end that the reader is not at", () => {
  const timeline = timelineOf(1, 400, 400);
  assert.ok(line.trim(timeline, "newest"));
  assert.deepEqual([timeline.first, timeline.last, timeline.messages.size, timeline.seqOf.size], [1, line.WINDOW, line.WINDOW, line.WINDOW]);
  const other = timelineOf(1, 400, 400);
  line.trim(other, "oldest");
  assert.deepEqual([other.first, other.last], [101, 400]);
  assert.ok(!line.trim(other, "oldest"));
});

test("rows: a day once, groups by sender and time, the divider where reading stopped", () => {
  const timeline = line.createTimeline(5);
  line.takePage(timeline, [
    message(1), message(2), message(3, { senderId: ME }),
    message(4, { senderId: ME, createdAt: new Date(AT + 3_600_000).toISOString() }),
    message(5, { createdAt: new Date(AT + 40 * 3_600_000).toISOString() }),
  ], { me: ME });
  const rows = line.rows(timeline, { me: ME, tick: () => "read", divider: 4 });
  assert.deepEqual(rows.map((row) => row.kind), ["day", "message", "message", "message", "message", "day", "new", "message"]);
  const shape = rows.filter((row) => row.kind === "message").map((row) => [row.startsGroup, row.endsGroup, row.tick]);
  assert.deepEqual(shape, [[true, false, null], [false, true, null], [true, true, "read"], [true, true, "read"], [true, true, null]]);
});

test("no divider stands at the top of a window that begins after it", () => {
  const rows = line.rows(timelineOf(50, 60, 60), { me: ME, tick: () => "sent", divider: 10 });
  assert.ok(!rows.some((row) => row.kind === "new"));
});

test("what waits to be sent stands at the end, and keeps its key when it is a message", () => {
  const timeline = timelineOf(1, 2);
  const outbox = [{ clientMessageId: "x", content: "hi" }];
  const before = line.rows(timeline, { me: ME, tick: () => "sent", outbox });
  assert.equal(before.at(-1).kind, "pending");
  line.foldEvent(timeline, created(3, { senderId: ME, clientMessageId: "x" }), ME);
  const after = line.rows(timeline, { me: ME, tick: () => "sent", outbox });
  assert.equal(after.at(-1).kind, "message");
  assert.equal(after.at(-1).key, before.at(-1).key);
  assert.equal(after.length, before.length);
});

test("another's message with the client id of mine is not mine", () => {
  const timeline = timelineOf(1, 1);
  line.foldEvent(timeline, created(2, { senderId: "bob", clientMessageId: "x" }), ME);
  const rows = line.rows(timeline, { me: ME, tick: () => "sent", outbox: [{ clientMessageId: "x", content: "hi" }] });
  assert.deepEqual(rows.map((row) => row.kind), ["day", "message", "message", "pending"]);
  assert.equal(new Set(rows.map((row) => row.key)).size, rows.length);
});

test("what waits is not shown in the middle of history", () => {
  const rows = line.rows(timelineOf(1, 10, 50), { me: ME, tick: () => "sent", outbox: [{ clientMessageId: "x" }] });
  assert.ok(!rows.some((row) => row.kind === "pending"));
});

test("the last message to edit is mine, a text, and not deleted", () => {
  const timeline = line.createTimeline(4);
  const mine = (seq, more) => message(seq, { senderId: ME, ...more });
  line.takePage(timeline, [mine(1), mine(2, { type: "location" }), mine(3, { isDeleted: true }), message(4)], { me: ME });
  assert.equal(line.lastOwn(timeline, ME).seq, 1);
});

test("any split of history into pages and events gives the same rows", () => {
  const whole = seqs(timelineOf(1, 40));
  for (let cut = 1; cut < 40; cut += 1) {
    const timeline = line.createTimeline(cut);
    const since = line.mark(timeline);
    for (let seq = cut + 1; seq <= 40; seq += 1) line.foldEvent(timeline, created(seq), ME);
    const reach = 1 + (cut * 7) % 40;
    line.takePage(timeline, pageOf(1, Math.max(cut, reach)), { me: ME, since });
    assert.deepEqual(seqs(timeline), whole, `cut at ${cut}, page to ${reach}`);
  }
});

test("what waits is shown while history cannot be read", () => {
  const rows = line.rows(line.createTimeline(50), { me: ME, tick: () => "sent", outbox: [{ clientMessageId: "x" }] });
  assert.deepEqual(rows.map((row) => row.kind), ["pending"]);
});

test("a page that nothing follows is the end, whatever was thought: else more would be asked for without end", () => {
  const timeline = timelineOf(1, 5, 8);
  assert.equal(line.atEnd(timeline), false);
  line.foldEvent(timeline, created(6), ME);
  const since = line.mark(timeline);
  line.foldEvent(timeline, created(7), ME);
  line.takePage(timeline, [], { me: ME, since, atNewest: true });
  assert.deepEqual([line.atEnd(timeline), timeline.newest, seqs(timeline).at(-1)], [true, 7, 7]);
});
