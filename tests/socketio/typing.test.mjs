// Typing on both namespaces: to who has the conversation on screen, on every node, and ended by the server.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Person, pair } from "./support/people.mjs";
import { PATIENCE, Phone, WAYS, sleep, until } from "./support/phone.mjs";
import { Ticker, rounds } from "./support/rounds.mjs";

const ENDS_MS = 10_000;
/** A test process or a server that stalls for longer has measured itself. */
const STALL_MS = 500;

const join = async (phone, conversationId) => assert.equal((await phone.ask("conversation:join", { conversationId })).success, true);

/** Somebody types as clients do, again and again, until the others hear of it. */
async function types(phone, conversationId, who, ...others) {
  const marks = others.map(({ mark }) => mark);
  const heard = () => others.every((other, at) => other.count("typing:start", { conversationId, userId: who.id }, marks[at]));
  await until("others to hear that somebody types", async () => {
    assert.equal((await phone.ask("typing:start", { conversationId })).success, true);
    for (let n = 0; n < 20 && !heard(); n += 1) await sleep(50);
    return heard();
  }, 2 * PATIENCE);
}

/** What a node has written to a socket has come. */
const passed = async (phone) => assert.equal((await phone.ask("heartbeat")).success, true);

/** The signals that one types, and how long after them all others were told of the end. */
async function signals(t, ticker) {
  const { alice, bob, direct: conversationId } = await pair();
  const phones = await Promise.all([Phone.of(bob), Phone.of(bob, { node: 1 }), Phone.of(bob, { node: 1, way: "polling" })]);
  const a = await Phone.of(alice);
  for (const phone of [a, ...phones]) await join(phone, conversationId);
  const began = performance.now();
  let [sent, acked] = [0, 0];
  // As clients do while somebody types: again and again.
  for (let n = 0; n < 5; n += 1) {
    if (n > 0) await sleep(400);
    sent = performance.now();
    assert.equal((await a.ask("typing:start", { conversationId })).success, true);
    acked = performance.now();
  }
  await Promise.all(phones.map((phone) => phone.heard("typing:stop", { conversationId }, { ms: ENDS_MS + PATIENCE })));
  const ends = phones.map((phone) => phone.all("typing:stop")[0].at);
  t.diagnostic(`G-24 typing ended after ${ends.map((at) => `${Math.round(at - acked)} ms`).join(", ")}`);
  return {
    stall: Math.max(acked - sent, ticker.stall(sent, acked), ticker.stall(Math.min(...ends) - STALL_MS, Math.max(...ends))),
    most: STALL_MS,
    judge: () => {
      for (const [place, at] of ends.entries()) {
        assert.ok(at - sent >= 9_000 && at - acked <= 11_000, `socket ${place}: ${at - sent} ms, ${at - acked} ms`);
        // Told again at most every 3 s: clients of the predecessor drop an indicator after 5 s.
        const starts = phones[place].count("typing:start");
        assert.ok(starts <= 1 + Math.ceil((acked - began) / 3_000), `five signals are pushed ${starts} times`);
        assert.equal(phones[place].count("typing:stop"), 1);
      }
    },
  };
}

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
      // What was asked once more may have been told twice.
      assert.ok(b.count("typing:start") <= 1 + a.repeats);
      assert.deepEqual([a.count("typing:start"), a.count("typing:stop")], [0, 0], "not to who types");
      assert.equal(aside.count("typing:start"), 0, "not on screen");
      assert.deepEqual(await bob.get(`/presence/conversations/${conversationId}/typing`), []);
    });
  }

  test("typing ends by itself 10 s ± 1 s after the last signal, on every node (G-24)", async (t) => {
    const ticker = new Ticker();
    t.after(() => ticker.stop());
    await rounds(t, () => signals(t, ticker));
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
    // Carol is on his node: what it had to say of this to Bob comes before the answer to what he asks now.
    await passed(b);
    assert.equal(b.count("typing:start"), 0);
    await bob.delete(`/users/${alice.id}/block`);
    await types(a, direct, alice, b);
    await alice.put("/users/me/settings", { showTypingIndicator: false });
    await a.ask("typing:stop", { conversationId: crew });
    await c.heard("typing:stop", { conversationId: crew, userId: alice.id });
    const from = c.mark;
    assert.equal((await a.ask("typing:start", { conversationId: crew })).success, true);
    await types(b, crew, bob, c);
    await passed(c);
    assert.equal(c.count("typing:start", { userId: alice.id }, from), 0);
    await alice.put("/users/me/settings", { showTypingIndicator: true });
    await types(a, crew, alice, c);
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
    await types(a, crowd, alice, b, c);
    assert.equal((await a.ask("typing:stop", { conversationId: crowd })).success, true);
    for (const phone of [b, c]) await phone.heard("typing:stop", { conversationId: crowd, userId: alice.id });
    // Bob and Carol are on their nodes, and have heard of it.
    for (const phone of [aside, a, d]) await passed(phone);
    assert.equal(aside.count("typing:start"), 0, "not on screen");
    assert.deepEqual([a.count("typing:start"), d.count("typing:start")], [0, 0], "neither to who types nor to who has blocked him");
  });
});
