// Messages, reactions, receipts and pins: every event of API 11.2 and 11.3 that is about them, for each way of
// transport, between two nodes. Everything comes to every socket of every member exactly once, joined or not.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Person, again, pair } from "./support/people.mjs";
import { Phone, WAYS, fence, sleep } from "./support/phone.mjs";

const absent = "00000000-0000-4000-8000-000000000000";

/** Alice on one node, Bob on the other with two sockets, of which one has the conversation on screen. */
async function stage(way) {
  const { alice, bob, direct } = await pair();
  const [a, b, joined] = await Promise.all([
    Phone.of(alice, { way }), Phone.of(bob, { way, node: 1 }), Phone.of(bob, { way, node: 1 }),
  ]);
  const ack = await joined.ask("conversation:join", { conversationId: direct });
  assert.equal(ack.success, true, JSON.stringify(ack));
  assert.equal(typeof ack.message, "string");
  return { alice, bob, direct, a, b, joined, all: [a, b, joined] };
}

for (const way of Object.keys(WAYS)) {
  test(`${way}: a message is acknowledged, and comes to every socket of every member exactly once`, async () => {
    const { alice, bob, direct, a, b, joined, all } = await stage(way);
    const message = { conversationId: direct, content: "Hello, Bob", messageType: "text", metadata: { mood: "fine" } };
    const ack = await a.ask("message:send", { userId: bob.id, message });
    assert.equal(ack.success, true, JSON.stringify(ack));
    const { data } = ack;
    assert.equal(data.senderId, alice.id, "the sender is the token's user, whatever the payload says");
    assert.deepEqual([data.content, data.type, data.messageType], ["Hello, Bob", "text", "text"]);
    assert.deepEqual(data.metadata, { mood: "fine" });

    for (const phone of all) {
      const came = await phone.heard("message:new", { id: data.id });
      for (const key of ["id", "conversationId", "senderId", "seq", "rev", "content", "messageType", "createdAt"]) {
        assert.deepEqual(came[key], data[key], key);
      }
      assert.equal(came.sender.username, alice.username);
      assert.equal(came.sender.email, undefined);
    }
    const rest = await bob.get(`/messages/${data.id}`, { node: 1 });
    assert.equal(rest.content, "Hello, Bob", "what was pushed can be read (G-11)");

    const answer = await joined.ask("message:send", { message: { conversationId: direct, content: "Hi", replyToId: data.id } });
    assert.equal(answer.data.replyToId, data.id);
    await alice.say(direct, "and by REST");
    await fence(alice, direct, ...all);
    const contents = (phone) => phone.all("message:new").map((one) => one.data.content.split(" ")[0]);
    for (const phone of all) assert.deepEqual(contents(phone), ["Hello,", "Hi", "and", "fence"]);
    const seqs = b.all("message:new").map((one) => one.data.seq);
    assert.deepEqual(seqs, [1, 2, 3, 4], "in the order of the conversation");
  });

  test(`${way}: edits, deletions and pins come to all`, async () => {
    const { alice, direct, all } = await stage(way);
    const { id } = await alice.say(direct, "first");
    await alice.put(`/messages/${id}`, { content: "second" });
    for (const phone of all) {
      const changed = await phone.heard("message:updated", { id, content: "second" });
      assert.deepEqual([changed.conversationId, changed.isEdited], [direct, true]);
    }
    await alice.post(`/messages/${id}/pin`);
    for (const phone of all) {
      const { pinnedMessage } = await phone.heard("message:pinned", { conversationId: direct, messageId: id });
      assert.equal(typeof pinnedMessage, "object");
    }
    await alice.delete(`/messages/${id}/pin`);
    for (const phone of all) await phone.heard("message:unpinned", { conversationId: direct, messageId: id });
    await alice.delete(`/messages/${id}`);
    for (const phone of all) {
      const gone = await phone.heard("message:deleted", { messageId: id, conversationId: direct });
      assert.equal(JSON.stringify(gone).includes("second"), false, "deleted is gone (G-27)");
    }
    await fence(alice, direct, ...all);
    for (const phone of all) {
      for (const event of ["message:pinned", "message:unpinned", "message:deleted"]) assert.equal(phone.count(event), 1, event);
    }
  });

  test(`${way}: reactions of a socket and of REST come under both names, and are counted once each`, async () => {
    const { alice, bob, direct, a, b, all } = await stage(way);
    const { id } = await alice.say(direct, "well?");
    const ack = await b.ask("message:react", { userId: alice.id, messageId: id, reaction: { emoji: "👍" } });
    assert.equal(ack.success, true, JSON.stringify(ack));
    assert.deepEqual([ack.data.emoji, ack.data.userId, ack.data.messageId], ["👍", bob.id, id]);
    await alice.post(`/messages/${id}/reactions`, { emoji: "🎉" });
    for (const phone of all) {
      for (const event of ["message:reaction", "message:reaction:added"]) {
        for (const [emoji, userId] of [["👍", bob.id], ["🎉", alice.id]]) {
          const part = { messageId: id, conversationId: direct, reaction: { emoji, userId } };
          await phone.heard(event, part);
        }
      }
    }
    await alice.delete(`/messages/${id}/reactions/${encodeURIComponent("🎉")}`);
    const removed = { messageId: id, conversationId: direct, userId: alice.id, emoji: "🎉" };
    for (const phone of all) await phone.heard("message:reaction:removed", removed);
    await fence(alice, direct, ...all);
    for (const phone of all) {
      for (const [event, count] of [["message:reaction", 2], ["message:reaction:added", 2], ["message:reaction:removed", 1]]) {
        assert.equal(phone.count(event), count, event);
      }
    }
    const none = await a.ask("message:react", { messageId: absent, reaction: { emoji: "👍" } });
    assert.equal(none.success, false);
    assert.equal(typeof none.error, "string");
  });

  test(`${way}: a receipt comes to the author`, async () => {
    const { alice, bob, direct, a, b } = await stage(way);
    const { id } = await alice.say(direct, "read me");
    const ack = await b.ask("message:read", { userId: alice.id, messageId: id });
    assert.equal(ack.success, true, JSON.stringify(ack));
    const receipt = await a.heard("message:read:receipt", { messageId: id });
    assert.deepEqual([receipt.userId, receipt.conversationId], [bob.id, direct]);
    assert.ok(!Number.isNaN(Date.parse(receipt.readAt)), receipt.readAt);
    const own = await a.ask("message:read", { messageId: id });
    assert.equal(own.success, true, "one's own message needs no receipt, and is no mistake");
  });
}

test("what is refused says why in the acknowledgement, with a code, and has no effect", async () => {
  const { alice, direct, a } = await stage("websocket");
  const stranger = await Person.called("mallory");
  const m = await Phone.of(stranger);
  const { id } = await alice.say(direct, "for Bob");
  for (const [phone, event, payload, code] of [
    [m, "message:send", { message: { conversationId: direct, content: "let me in" } }, "not_member"],
    [m, "conversation:join", { conversationId: direct }, undefined],
    [m, "message:react", { messageId: id, reaction: { emoji: "👍" } }, undefined],
    [m, "message:read", { messageId: id }, undefined],
    [m, "typing:start", { conversationId: direct }, undefined],
    [a, "message:send", { message: { conversationId: direct, content: "" } }, "empty_message"],
    [a, "message:send", { message: { conversationId: "x", content: "y" } }, undefined],
    [a, "message:send", {}, undefined],
    [a, "message:send", null, undefined],
    [a, "message:send", [1, 2], undefined],
    [a, "message:send", "text", undefined],
    [a, "message:send", { message: { conversationId: direct, content: "y".repeat(10_001) } }, undefined],
    [a, "presence:update", { status: "dancing" }, undefined],
    [a, "presence:subscribe", { userIds: "all" }, undefined],
  ]) {
    const ack = await phone.ask(event, payload);
    const told = `${event} ${JSON.stringify(payload)?.slice(0, 80)} ${JSON.stringify(ack)}`;
    assert.equal(ack.success, false, told);
    assert.equal(typeof ack.error, "string", told);
    assert.match(ack.code, /^[a-z_]+$/, told);
    if (code) assert.equal(ack.code, code, told);
  }
  assert.equal(m.socket.connected && a.socket.connected, true, "a mistake costs no connection");
  await fence(alice, direct, a);
  assert.equal(a.count("message:new"), 2);
  assert.equal(m.count("message:new"), 0);
});

test("a message may be sent again under its client's id, and is one", async () => {
  const { alice, direct, a, b } = await stage("websocket");
  const message = { conversationId: direct, content: "once", clientMessageId: "sio-1" };
  const [first, again] = [await a.ask("message:send", { message }), await a.ask("message:send", { message })];
  assert.equal(first.data.id, again.data.id);
  await fence(alice, direct, b);
  assert.equal(b.count("message:new", { content: "once" }), 1);
});

test("a message needs no id of its client's", async () => {
  const { direct, a, b } = await stage("websocket");
  const message = { conversationId: direct, content: "nameless" };
  const since = Date.now();
  let ack = await a.askOnce("message:send", { message });
  for (let tries = 1; again(ack.code, tries, since); tries += 1) {
    await sleep(1_000);
    ack = await a.askOnce("message:send", { message });
  }
  assert.equal(ack.success, true, JSON.stringify(ack));
  await b.heard("message:new", { id: ack.data.id, content: "nameless" });
});

test("membership: who is added hears it, who is removed hears nothing of what follows", async () => {
  const { alice, bob, a, b } = await stage("websocket");
  const carol = await Person.called("carol");
  const c = await Phone.of(carol, { node: 1 });
  const crew = await alice.group(bob);
  await alice.say(crew, "two of us");
  await b.heard("message:new", { conversationId: crew });
  await alice.post(`/conversations/${crew}/participants`, { userIds: [carol.id] });
  for (const phone of [a, b, c]) await phone.heard("conversation:participant_added", { conversationId: crew, userId: carol.id });
  await a.heard("conversation:updated", { conversationId: crew });
  await alice.put(`/conversations/${crew}`, { name: "Crew of three" });
  for (const phone of [a, b, c]) {
    await phone.heard("conversation:updated", { conversationId: crew });
    await phone.heard("group:updated", { groupId: crew });
  }
  await fence(alice, crew, a, b, c);
  await alice.delete(`/conversations/${crew}/participants/${carol.id}`);
  for (const phone of [a, b, c]) await phone.heard("conversation:participant_removed", { conversationId: crew, userId: carol.id });
  const { id } = await alice.say(crew, "behind the wall");
  await b.heard("message:new", { id });
  const refused = await c.ask("message:send", { message: { conversationId: crew, content: "still here?" } });
  assert.equal(refused.success, false);
  assert.equal(c.count("message:new", { id }), 0, "removal is a wall (G-15)");
});

test("a conversation that is left is off the screen, and its messages come all the same", async () => {
  const { alice, direct, joined } = await stage("websocket");
  assert.equal((await joined.ask("conversation:leave", { conversationId: direct })).success, true);
  await fence(alice, direct, joined);
});
