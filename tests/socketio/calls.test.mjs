// Calls: what their members tell each other is relayed between nodes, to those who have joined, and to nobody else.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { Person } from "./support/people.mjs";
import { Phone, WAYS, sleep } from "./support/phone.mjs";

for (const way of Object.keys(WAYS)) {
  test(`${way}: joining, offers, answers, candidates, media, the screen and leaving are relayed`, async () => {
    const [alice, bob, carol, dave] = await Promise.all(["alice", "bob", "carol", "dave"].map((name) => Person.called(name)));
    for (const other of [bob, dave]) await alice.direct(other);
    const [a, b, c] = [await Phone.of(alice, { way }), await Phone.of(bob, { way, node: 1 }), await Phone.of(carol, { way, node: 1 })];
    const callId = randomUUID();
    const ask = async (phone, event, payload) => {
      const ack = await phone.ask(event, { callId, ...payload });
      assert.equal(ack.success, true, `${event} ${JSON.stringify(ack)}`);
    };
    await ask(a, "call:join");
    await ask(b, "call:join");
    await a.heard("call:participant:joined", { callId, userId: bob.id });
    await ask(a, "call:offer", { targetUserId: bob.id, offer: { sdp: "o", type: "offer" } });
    await b.heard("call:offer:received", { callId, fromUserId: alice.id, offer: { sdp: "o", type: "offer" } });
    await ask(b, "call:answer", { targetUserId: alice.id, answer: { sdp: "a" } });
    await a.heard("call:answer:received", { callId, fromUserId: bob.id, answer: { sdp: "a" } });
    await ask(a, "call:ice-candidate", { targetUserId: bob.id, candidate: { candidate: "x" } });
    await b.heard("call:ice-candidate:received", { callId, fromUserId: alice.id, candidate: { candidate: "x" } });
    await ask(b, "call:media:toggle", { mediaType: "audio", enabled: false });
    await a.heard("call:media:toggled", { callId, userId: bob.id, mediaType: "audio", enabled: false });
    await ask(a, "call:screen:start");
    await b.heard("call:screen:started", { callId, userId: alice.id });
    await ask(a, "call:screen:stop");
    await b.heard("call:screen:stopped", { callId, userId: alice.id });
    const refused = await c.ask("call:offer", { callId, targetUserId: alice.id, offer: { sdp: "evil" } });
    assert.equal(refused.success, false, JSON.stringify(refused));
    await ask(b, "call:leave");
    await a.heard("call:participant:left", { callId, userId: bob.id });
    const later = await a.ask("call:offer", { callId, targetUserId: bob.id, offer: { sdp: "late" } });
    assert.equal(later.success, false, "he has left");
    // Somebody else on their node hears of the call: what was not for Bob or Carol has passed them by.
    const d = await Phone.of(dave, { way, node: 1 });
    await ask(d, "call:join");
    await a.heard("call:participant:joined", { callId, userId: dave.id });
    await ask(a, "call:media:toggle", { mediaType: "video", enabled: true });
    await d.heard("call:media:toggled", { callId, userId: alice.id, mediaType: "video", enabled: true });
    for (const phone of [b, c]) await ask(phone, "heartbeat");
    const calls = (phone) => phone.log.filter((one) => one.event.startsWith("call:")).map(({ event, data }) => `${event} ${data.userId}`);
    assert.deepEqual(calls(c), []);
    // What was asked once more may have been done twice.
    const repeats = [a, b, d].reduce((sum, phone) => sum + phone.repeats, 0);
    for (const phone of [a, b]) assert.ok(calls(phone).length <= new Set(calls(phone)).size + repeats, `each comes once: ${calls(phone)}`);
    assert.ok(!calls(b).includes(`call:media:toggled ${alice.id}`), "he has left");
  });
}

test("whose connection ends has left his calls, unless he is in them on another one", async () => {
  const [alice, bob] = await Promise.all(["alice", "bob"].map((name) => Person.called(name)));
  await alice.direct(bob);
  const [a, b, again] = [await Phone.of(alice), await Phone.of(bob, { node: 1 }), await Phone.of(bob, { node: 1 })];
  const callId = randomUUID();
  for (const phone of [a, b, again]) assert.equal((await phone.ask("call:join", { callId })).success, true);
  await a.heard("call:participant:joined", { callId, userId: bob.id });
  again.close();
  await sleep(1_000);
  // What his node tells her now comes behind what it had to tell of the end of a connection.
  const toggles = async (phone, mediaType) => {
    assert.equal((await phone.ask("call:media:toggle", { callId, mediaType, enabled: false })).success, true);
    await a.heard("call:media:toggled", { callId, userId: bob.id, mediaType });
  };
  await toggles(b, "audio");
  assert.equal(a.count("call:participant:left"), 0, "his other connection is in it");
  b.close();
  await a.heard("call:participant:left", { callId, userId: bob.id });
  const back = await Phone.of(bob, { node: 1 });
  assert.equal((await back.ask("call:join", { callId })).success, true);
  await toggles(back, "video");
  assert.equal(a.count("call:participant:left"), 1);
});
