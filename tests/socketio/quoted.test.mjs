// What events show that their frames only name: the message that is answered, whoever pinned. It is what REST
// shows, without what depends on who looks.

import assert from "node:assert/strict";
import { test } from "node:test";

import { pair } from "./support/people.mjs";
import { Phone, WAYS, fence, sleep } from "./support/phone.mjs";

/** Without how far the others have come: that is told to the sender alone. */
const anybodys = ({ status, ...message }) => message;

/**
 * Says something until all are shown what it quotes: where rows are read too slowly it is left out, and for some
 * seconds from then on (SOCKETIO.md). What they are shown in the end.
 * @param say says it, differently each time, and answers what each of the phones was told
 */
async function shown(say, quote) {
  const deadline = Date.now() + 30_000;
  for (let n = 0; ; n += 1) {
    const came = await say(n);
    if (came.every(quote) || Date.now() > deadline) return came;
    await sleep(1_000);
  }
}

const heard = (phones, event, part) => Promise.all(phones.map((phone) => phone.heard(event, part)));
const replyTo = (came) => came.replyTo;

for (const way of Object.keys(WAYS)) {
  test(`${way}: an answer shows the message that it quotes, as REST does`, async () => {
    const { alice, bob, direct } = await pair();
    const phones = await Promise.all([Phone.of(alice, { way }), Phone.of(bob, { way, node: 1 })]);
    const first = await alice.say(direct, 'the "first" one');
    const plain = await phones[1].heard("message:new", { id: first.id });
    assert.equal(plain.replyTo, null, "it answers none");
    let answer;
    const answers = await shown(async (n) => {
      answer = await bob.post("/messages", { conversationId: direct, content: `an answer, ${n}`, replyToId: first.id });
      return heard(phones, "message:new", { id: answer.id });
    }, replyTo);
    const quoted = (await bob.get(`/messages/${answer.id}`)).replyTo;
    assert.equal(quoted.content, 'the "first" one');
    for (const came of answers) {
      assert.deepEqual(anybodys(came.replyTo), anybodys(quoted));
      assert.deepEqual([came.replyTo.status, came.replyTo.sender.username], ["sent", alice.username]);
    }
    const edits = (words) => shown(async (n) => {
      await bob.put(`/messages/${answer.id}`, { content: `${words}, ${n}` });
      return heard(phones, "message:updated", { id: answer.id, content: `${words}, ${n}` });
    }, replyTo);
    await alice.put(`/messages/${first.id}`, { content: "edited" });
    for (const came of await edits("edited too")) assert.equal(came.replyTo.content, "edited", "as it is now");
    await alice.delete(`/messages/${first.id}`);
    await fence(alice, direct, ...phones);
    const last = await edits("and again");
    const gone = (await bob.get(`/messages/${answer.id}`)).replyTo;
    for (const came of last) {
      assert.deepEqual(anybodys(came.replyTo), anybodys(gone));
      assert.deepEqual([came.replyTo.content, came.replyTo.isDeleted], ["", true], "deleted is gone (G-27)");
    }
  });

  test(`${way}: a pin has the fields of the pin that REST shows`, async () => {
    const { alice, bob, direct } = await pair();
    const phones = await Promise.all([Phone.of(alice, { way }), Phone.of(bob, { way, node: 1 })]);
    const first = await alice.say(direct, "first");
    let pin;
    const pins = await shown(async (n) => {
      const { id } = await alice.post("/messages", { conversationId: direct, content: `keep ${n}`, replyToId: first.id });
      pin = await bob.post(`/messages/${id}/pin`);
      return heard(phones, "message:pinned", { conversationId: direct, messageId: id });
    }, ({ pinnedMessage }) => pinnedMessage.pinnedBy && pinnedMessage.message.replyTo);
    for (const { pinnedMessage } of pins) {
      const { message, pinnedBy, ...rest } = pinnedMessage;
      const { message: as, pinnedBy: by, ...all } = pin;
      assert.deepEqual(rest, all);
      assert.ok(pinnedBy, "nobody who pinned it is shown");
      assert.deepEqual(Object.keys(pinnedBy).sort(), Object.keys(by).sort());
      assert.deepEqual([pinnedBy.id, pinnedBy.username], [bob.id, bob.username]);
      assert.deepEqual([pinnedBy.isOnline, pinnedBy.lastSeen, pinnedBy.presenceStatus], [null, null, null]);
      assert.equal(message.replyTo.content, "first");
      for (const key of ["id", "rev", "content", "isPinned", "pinRev"]) assert.deepEqual(message[key], as[key], key);
    }
  });
}
