// Typing on both namespaces: to who has the conversation on screen, on every node, and ended by the server.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Person, pair } from "./support/people.mjs";
import { Phone, WAYS, sleep } from "./support/phone.mjs";

const join = async (phone, conversationId) => assert.equal((await phone.ask("conversation:join", { conversationId })).success, true);

// They wait for most of their time.
describe("typing", { concurrency: true }, () => {
  for (const way of Object.keys(WAYS)) {
    test(`${way}: start and stop come to those who have joined, and on the main namespace not to who types`, async () => {
      const { alice, bob, direct: conversationId } = await pair();
      const [a, b, aside, beside, own] = await Promise.all([
        Phone.of(alice, { way }), Phone.of(bob, { way, node: 1 }), Phone.of(bob, { way }),
        Phone.of(bob, { way, node: 1, namespace: "/presence" }), Phone.of(alice, { way, namespace: "/presence" }),
      ]);
      for (const phone of [a, b, beside, own]) await join(phone, conversationId);
      assert.equal((await a.ask("typing:start", { conversationId })).success, true);
      const here = await b.heard("typing:start", { conversationId, userId: alice.id });
      assert.deepEqual([here.username, here.avatarUrl], [alice.username, null]);
      for (const phone of [beside, own]) await phone.heard("typing:start", { conversationId, userId: alice.id });
      const listed = await bob.get(`/presence/conversations/${conversationId}/typing`, { node: 1 });
      assert.deepEqual(listed.map(({ userId, isTyping }) => [userId, isTyping]), [[alice.id, true]]);
      assert.equal((await a.ask("typing:stop", { conversationId })).success, true);
      for (const phone of [b, beside, own]) await phone.heard("typing:stop", { conversationId, userId: alice.id });
      assert.equal(b.count("typing:start"), 1);
      assert.deepEqual([a.count("typing:start"), a.count("typing:stop")], [0, 0], "not to who types");
      assert.equal(aside.count("typing:start"), 0, "not on screen");
      assert.deepEqual(await bob.get(`/presence/conversations/${conversationId}/typing`), []);
    });
  }

  test("typing ends by itself 10 s ± 1 s after the last signal, on every node (G-24)", async (t) => {
    const { alice, bob, direct: conversationId } = await pair();
    const phones = await Promise.all([Phone.of(bob), Phone.of(bob, { node: 1 }), Phone.of(bob, { node: 1, way: "polling" })]);
    const a = await Phone.of(alice);
    for (const phone of [a, ...phones]) await join(phone, conversationId);
    // As clients do while somebody types: again and again.
    for (let n = 0; n < 5; n += 1) {
      await a.ask("typing:start", { conversationId });
      await sleep(400);
    }
    const last = performance.now() - 400;
    await Promise.all(phones.map((phone) => phone.heard("typing:stop", { conversationId }, { ms: 15_000 })));
    const took = phones.map((phone) => phone.all("typing:stop")[0].at - last);
    t.diagnostic(`G-24 typing ended after ${took.map((ms) => `${Math.round(ms)} ms`).join(", ")}`);
    for (const [place, ms] of took.entries()) {
      assert.ok(ms >= 9_000 && ms <= 11_000, `socket ${place}: ${ms} ms`);
      // Told again at most every 3 s: clients of the predecessor drop an indicator after 5 s.
      assert.ok(phones[place].count("typing:start") <= 2, "five signals are not pushed five times");
      assert.equal(phones[place].count("typing:stop"), 1);
    }
  });

  test("who is blocked, who has left and who does not want it known is not told of", async () => {
    const { alice, bob, direct } = await pair();
    const carol = await Person.called("carol");
    const crew = await alice.group(bob, carol);
    const [a, b, c] = [await Phone.of(alice), await Phone.of(bob, { node: 1 }), await Phone.of(carol, { node: 1 })];
    for (const phone of [a, b, c]) await join(phone, crew);
    for (const phone of [a, b]) await join(phone, direct);
    await bob.post(`/users/${alice.id}/block`);
    assert.equal((await a.ask("typing:start", { conversationId: direct })).success, true, "no oracle");
    assert.equal((await a.ask("typing:start", { conversationId: crew })).success, true);
    await c.heard("typing:start", { conversationId: crew, userId: alice.id });
    await sleep(500);
    assert.equal(b.count("typing:start"), 0);
    await alice.put("/users/me/settings", { showTypingIndicator: false });
    await a.ask("typing:stop", { conversationId: crew });
    await sleep(1_000);
    const from = c.mark;
    assert.equal((await a.ask("typing:start", { conversationId: crew })).success, true);
    await sleep(1_000);
    assert.equal(c.count("typing:start", undefined, from), 0);
    const stranger = await Phone.of(await Person.called("mallory"));
    assert.equal((await stranger.ask("typing:start", { conversationId: crew })).success, false);
  });

  test("in a conversation of more than 64 members it comes to who has it on screen, on every node", async () => {
    const people = [];
    while (people.length < 67) people.push(...await Promise.all(["alice", "bob", "carol", "dave"].map((name) => Person.called(name))));
    const [alice, bob, carol, dave, ...others] = people;
    const crowd = await alice.group(bob, carol, dave, ...others);
    const [a, b, aside, c, d] = await Promise.all([
      Phone.of(alice), Phone.of(bob, { node: 1 }), Phone.of(bob, { node: 1 }), Phone.of(carol, { way: "polling" }), Phone.of(dave, { node: 1 }),
    ]);
    await dave.post(`/users/${alice.id}/block`);
    for (const phone of [a, b, c, d]) await join(phone, crowd);
    assert.equal((await a.ask("typing:start", { conversationId: crowd })).success, true);
    for (const phone of [b, c]) await phone.heard("typing:start", { conversationId: crowd, userId: alice.id });
    assert.equal((await a.ask("typing:stop", { conversationId: crowd })).success, true);
    for (const phone of [b, c]) await phone.heard("typing:stop", { conversationId: crowd, userId: alice.id });
    assert.equal(aside.count("typing:start"), 0, "not on screen");
    assert.deepEqual([a.count("typing:start"), d.count("typing:start")], [0, 0], "neither to who types nor to who has blocked him");
  });
});
