// The list of conversations, folded from views and events: unread, ticks, order, membership.

import assert from "node:assert/strict";
import { test } from "node:test";
import {
  fold, fromView, mayManageMember, mayWrite, ordered, tickOf, totalUnread, unreadOf, withRead, withReset, withStatuses, withView,
} from "../../../web/chat/state.js";

const ME = "me";
const HERE = "c1";
const user = (id) => ({ id, userId: id, role: "member", user: { id, username: id } });

function view(more = {}) {
  return {
    id: HERE, type: "direct", rev: 3, seq: 2, unreadCount: 0, memberCount: 2, participants: [user(ME), user("bob")],
    createdAt: "2026-11-23T10:00:00.000Z", lastMessageAt: "2026-11-23T10:05:00.000Z", lastMessage: null,
    userParticipant: { role: "member", unreadCount: more.unreadCount ?? 0, isMuted: false, isArchived: false, isPinned: false }, ...more,
  };
}

const listOf = (...views) => views.reduce((list, one) => withView(list, one), new Map());
const here = (list) => list.get(HERE);
const run = (list, ...events) => events.reduce((all, event) => fold(all, event, ME).list, list);
const said = (seq, senderId, rev = seq + 1) => ({
  type: "message.created", conversationId: HERE, rev, seq, at: `2026-11-23T11:00:0${seq % 10}.000Z`,
  data: { id: `m${seq}`, seq, rev, senderId, type: "text", content: `text ${seq}`, createdAt: `2026-11-23T11:00:0${seq % 10}.000Z` },
});
const receipt = (userId, kind, seq) => ({ type: "receipt", conversationId: HERE, data: { userId, kind, seq } });

test("unread is what the view says, and grows with messages of others", () => {
  const list = run(listOf(view({ unreadCount: 1, seq: 2 })), said(3, "bob"), said(4, "bob"));
  assert.equal(unreadOf(here(list)), 3);
});

test("sending reads everything before it", () => {
  const list = run(listOf(view()), said(3, "bob"), said(4, ME), said(5, "bob"));
  assert.equal(unreadOf(here(list)), 1);
});

test("a receipt of my own from another device reads, and an older one takes nothing back", () => {
  const list = run(listOf(view()), said(3, "bob"), said(4, "bob"), receipt(ME, "read", 4), receipt(ME, "read", 3));
  assert.equal(unreadOf(here(list)), 0);
});

test("that I received something does not make it read", () => {
  const list = run(listOf(view()), said(3, "bob"), receipt(ME, "delivered", 3));
  assert.equal(unreadOf(here(list)), 1);
});

test("what was read here is read at once, and a late view does not take it back", () => {
  let list = withRead(run(listOf(view()), said(3, "bob")), HERE, 3);
  list = withView(list, view({ rev: 4, seq: 3, unreadCount: 1 }));
  assert.equal(unreadOf(here(list)), 0);
});

test("a view that says nothing of unread leaves it as it is", () => {
  const neutral = view({ rev: 9, seq: 8 });
  delete neutral.unreadCount;
  delete neutral.userParticipant;
  const list = withView(run(listOf(view()), said(3, "bob")), neutral);
  assert.equal(unreadOf(here(list)), 6);
  assert.equal(unreadOf(fromView(neutral)), 0);
});

test("an event at or below the view's rev is a repetition", () => {
  const list = run(listOf(view({ rev: 5, seq: 4, unreadCount: 2 })), said(4, "bob", 5), said(3, "bob", 4));
  assert.equal(here(list).seq, 4);
  assert.equal(unreadOf(here(list)), 2);
});

test("a view that is older than what events told changes no message and keeps the members it shows", () => {
  const list = run(listOf(view()), said(3, "bob"));
  const after = withView(list, view({ rev: 3, participants: [user(ME), user("bob"), user("cleo")] }));
  assert.equal(here(after).seq, 3);
  assert.equal(here(after).participants.length, 3);
});

test("ticks follow the furthest of the others and never go back", () => {
  let list = run(listOf(view()), said(3, ME), said(4, ME));
  assert.equal(tickOf(here(list), 4), "sent");
  list = run(list, receipt("bob", "delivered", 4), receipt("bob", "read", 3), receipt("bob", "delivered", 3));
  assert.equal(tickOf(here(list), 3), "read");
  assert.equal(tickOf(here(list), 4), "delivered");
});

test("who has read has received", () => {
  const list = run(listOf(view()), said(3, ME), receipt("bob", "read", 3));
  assert.equal(here(list).delivered, 3);
});

test("the statuses of a page are ticks of one's own messages only", () => {
  const page = [{ seq: 1, senderId: ME, status: "read" }, { seq: 2, senderId: "bob", status: "read" }];
  const list = withStatuses(listOf(view()), HERE, page, ME);
  assert.equal(here(list).read, 1);
});

test("an edit or deletion of the last message shows in the preview, of an earlier one does not", () => {
  let list = run(listOf(view()), said(3, "bob"), said(4, "bob"));
  const change = (type, id, rev, more) => ({ type, conversationId: HERE, rev, data: { id, rev, ...more } });
  list = run(list, change("message.updated", "m3", 6, { content: "other" }));
  assert.equal(here(list).last.content, "text 4");
  list = run(list, change("message.deleted", "m4", 7, { isDeleted: true }));
  assert.equal(here(list).last.isDeleted, true);
});

test("a conversation that is not known is asked for, once it is named by an event", () => {
  const { list, ask } = fold(new Map(), said(3, "bob"), ME);
  assert.equal(ask, HERE);
  assert.equal(list.size, 0);
  assert.equal(fold(new Map(), receipt("bob", "read", 1), ME).ask, undefined);
});

test("a conversation that one has just left is not asked for", () => {
  const left = (userId) => ({ type: "member.removed", conversationId: HERE, rev: 9, data: { members: [{ userId }], memberCount: 1 } });
  assert.equal(fold(new Map(), left(ME), ME).ask, undefined);
  assert.equal(fold(new Map(), left("bob"), ME).ask, HERE);
});

test("conversation.added shows a direct conversation and asks for the members of a group", () => {
  const added = (more) => ({ type: "conversation.added", feed: 1, data: { conversationId: HERE, rev: 1, conversation: view({ rev: 1, seq: 0, ...more }) } });
  const direct = fold(new Map(), added({}), ME);
  assert.equal(direct.ask, undefined);
  assert.equal(direct.list.size, 1);
  const group = fold(new Map(), added({ type: "group", participants: [] }), ME);
  assert.equal(group.ask, HERE);
});

test("members come, change role and go; who is removed himself loses the conversation", () => {
  const group = listOf(view({ type: "group", name: "g" }));
  const event = (type, rev, data) => ({ type, conversationId: HERE, rev, data });
  let list = run(group, event("member.added", 4, { members: [user("cleo")], actorId: "bob" }));
  assert.equal(here(list).memberCount, 3);
  list = run(list, event("member.changed", 5, { members: [{ userId: ME, role: "admin" }], memberCount: 3 }));
  assert.equal(here(list).role, "admin");
  assert.ok(mayManageMember(here(list), here(list).participants[1], ME));
  assert.ok(!mayManageMember(here(list), { userId: ME, role: "member" }, ME));
  list = run(list, event("member.removed", 6, { members: [{ userId: "cleo" }], memberCount: 2 }));
  assert.equal(here(list).participants.length, 2);
  list = run(list, event("member.removed", 7, { members: [{ userId: ME }], memberCount: 1 }));
  assert.equal(list.size, 0);
});

test("the feed takes a conversation away, and so does its deletion", () => {
  const removed = { type: "conversation.removed", feed: 2, data: { conversationId: HERE, rev: 9 } };
  assert.equal(run(listOf(view()), removed).size, 0);
  assert.equal(run(listOf(view()), { type: "conversation.deleted", conversationId: HERE, rev: 4, data: { id: HERE } }).size, 0);
});

test("the list has pinned ones first, then the latest, and leaves archived ones out", () => {
  const list = listOf(
    view({ id: "old", lastMessageAt: "2026-11-01T00:00:00.000Z", userParticipant: { isPinned: true } }),
    view({ id: "new", lastMessageAt: "2026-11-22T00:00:00.000Z" }),
    view({ id: "newer", lastMessageAt: "2026-11-23T00:00:00.000Z" }),
    view({ id: "away", userParticipant: { isArchived: true } }),
  );
  assert.deepEqual(ordered(list).map((one) => one.id), ["old", "newer", "new"]);
});

test("a message moves its conversation up", () => {
  const list = run(listOf(view(), view({ id: "c2", lastMessageAt: "2026-11-23T10:30:00.000Z" })), said(3, "bob"));
  assert.equal(ordered(list)[0].id, HERE);
});

test("muted conversations are not counted in the title", () => {
  const muted = { userParticipant: { isMuted: true, unreadCount: 4 }, unreadCount: 4 };
  const list = listOf(view({ unreadCount: 2 }), view({ id: "c2", seq: 9, ...muted }));
  assert.equal(totalUnread(list), 2);
  const unmuted = fold(list, { type: "user.updated", data: { conversation: { conversationId: "c2", isMuted: false } } }, ME).list;
  assert.equal(totalUnread(unmuted), 6);
});

test("folding changes nothing that was there before", () => {
  const list = listOf(view());
  const before = JSON.stringify([...list]);
  run(list, said(3, "bob"), receipt("bob", "read", 2), { type: "conversation.updated", conversationId: HERE, rev: 9, data: { name: "x" } });
  assert.equal(JSON.stringify([...list]), before);
});

test("in a channel only those who run it write", () => {
  assert.ok(!mayWrite(fromView(view({ type: "channel" }))));
  assert.ok(mayWrite(fromView(view({ type: "channel", userParticipant: { role: "moderator" } }))));
  assert.ok(mayWrite(fromView(view({ type: "group" }))));
});

test("a reset takes back what lies beyond it: the server was restored from a backup", () => {
  const before = run(listOf(view({ rev: 9, seq: 8, unreadCount: 1 })), receipt("bob", "read", 8));
  const after = here(withReset(before, { ...view({ rev: 6, seq: 5 }), unreadCount: undefined, userParticipant: undefined }));
  assert.deepEqual([after.rev, after.seq, after.marker, unreadOf(after)], [6, 5, 5, 0]);
  const next = run(new Map([[HERE, after]]), said(6, "bob", 7));
  assert.equal(unreadOf(here(next)), 1);
  assert.equal(tickOf(here(next), 6), "sent", "nobody has read what is new");
});
