// What events show that their frames only name: the message that is answered, whoever pinned. It is what REST
// shows, without what depends on who looks.

import assert from "node:assert/strict";
import { test } from "node:test";

import { pair } from "./support/people.mjs";
import { Phone, WAYS, fence } from "./support/phone.mjs";

/** Without how far the others have come: that is told to the sender alone. */
const anybodys = ({ status, ...message }) => message;

for (const way of Object.keys(WAYS)) {
  test(`${way}: an answer shows the message that it quotes, as REST does`, async () => {
    const { alice, bob, direct } = await pair();
    const phones = await Promise.all([Phone.of(alice, { way }), Phone.of(bob, { way, node: 1 })]);
    const first = await alice.say(direct, 'the "first" one');
    const plain = await phones[1].heard("message:new", { id: first.id });
    assert.equal(plain.replyTo, null, "it answers none");
    const answer = await bob.post("/messages", { conversationId: direct, content: "an answer", replyToId: first.id });
    const { replyTo } = await bob.get(`/messages/${answer.id}`);
    assert.equal(replyTo.content, 'the "first" one');
    for (const phone of phones) {
      const came = await phone.heard("message:new", { id: answer.id });
      assert.deepEqual(anybodys(came.replyTo), anybodys(replyTo));
      assert.deepEqual([came.replyTo.status, came.replyTo.sender.username], ["sent", alice.username]);
    }
    await alice.put(`/messages/${first.id}`, { content: "edited" });
    await bob.put(`/messages/${answer.id}`, { content: "edited too" });
    for (const phone of phones) {
      const came = await phone.heard("message:updated", { id: answer.id });
      assert.equal(came.replyTo.content, "edited", "as it is now");
    }
    await alice.delete(`/messages/${first.id}`);
    await fence(alice, direct, ...phones);
    const marks = phones.map((phone) => phone.mark);
    await bob.put(`/messages/${answer.id}`, { content: "and again" });
    const shown = (await bob.get(`/messages/${answer.id}`)).replyTo;
    for (const [at, phone] of phones.entries()) {
      const came = await phone.heard("message:updated", { id: answer.id }, { from: marks[at] });
      assert.deepEqual(anybodys(came.replyTo), anybodys(shown));
      assert.deepEqual([came.replyTo.content, came.replyTo.isDeleted], ["", true], "deleted is gone (G-27)");
    }
  });

  test(`${way}: a pin has the fields of the pin that REST shows`, async () => {
    const { alice, bob, direct } = await pair();
    const phones = await Promise.all([Phone.of(alice, { way }), Phone.of(bob, { way, node: 1 })]);
    const first = await alice.say(direct, "first");
    const { id } = await alice.post("/messages", { conversationId: direct, content: "keep", replyToId: first.id });
    const pin = await bob.post(`/messages/${id}/pin`);
    for (const phone of phones) {
      const { pinnedMessage } = await phone.heard("message:pinned", { conversationId: direct, messageId: id });
      const { message, pinnedBy, ...rest } = pinnedMessage;
      const { message: shown, pinnedBy: by, ...all } = pin;
      assert.deepEqual(rest, all);
      assert.deepEqual(Object.keys(pinnedBy).sort(), Object.keys(by).sort());
      assert.deepEqual([pinnedBy.id, pinnedBy.username], [bob.id, bob.username]);
      assert.deepEqual([pinnedBy.isOnline, pinnedBy.lastSeen, pinnedBy.presenceStatus], [null, null, null]);
      assert.equal(message.replyTo.content, "first");
      for (const key of ["id", "rev", "content", "isPinned", "pinRev"]) assert.deepEqual(message[key], shown[key], key);
    }
  });
}
