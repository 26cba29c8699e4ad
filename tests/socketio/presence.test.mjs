// Presence on both namespaces (API 11.2 to 11.4): who shares a direct conversation or has subscribed is told of
// transitions, and of nothing else. (What a client repeats at every key stroke: keystrokes.test.mjs.)

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Person, pair } from "./support/people.mjs";
import { PATIENCE, Phone, WAYS, sleep } from "./support/phone.mjs";
import { rounds } from "./support/rounds.mjs";

/** Who goes is said to be gone when he has not come back for so long; what a program says too often is held for so long. */
const GRACE_MS = 5_000;

/** What a node has written to a socket has come. */
const passed = async (phone) => assert.equal((await phone.ask("heartbeat")).success, true);

/** Alice says what she does again and again, then decides; Carol decides at the same moment, and Bob sees both. */
async function decided(t) {
  const { alice, bob } = await pair();
  const carol = await Person.called("carol");
  await carol.direct(bob);
  const [one, two] = await Promise.all([Phone.of(alice), Phone.of(alice, { node: 1 }), Phone.of(carol)]);
  const b = await Phone.of(bob, { node: 1 });
  const says = async (phone, customStatus) => {
    assert.equal((await phone.ask("presence:update", { status: "online", customStatus })).success, true);
    assert.equal((await bob.get(`/presence/users/${alice.id}`, { node: 1 })).customStatus, customStatus);
  };
  for (let n = 0; n < 6; n += 1) await says(one, `t${n}`);
  for (const [phone, text] of [[one, "A"], [two, "B"], [one, "A"]]) await says(phone, text);
  await alice.put("/presence/me", { customStatus: "Y" });
  await says(two, "B");
  const [from, began] = [b.mark, performance.now()];
  const tells = async (who) => {
    const part = { userId: who.id, status: "do_not_disturb", customStatus: "last" };
    await who.put("/presence/me", { status: part.status, customStatus: part.customStatus });
    await b.heard("presence:update", part, { from });
    return b.all("presence:update", part, from)[0].at - began;
  };
  const [took, control] = await Promise.all([tells(alice), tells(carol)]);
  t.diagnostic(`what a user decides was told after ${Math.round(took)} ms, of one who had said nothing after ${Math.round(control)} ms`);
  await alice.put("/presence/me", { status: "online" });
  assert.equal((await alice.get("/presence/me", { node: 1 })).status, "online");
  return { stall: control, most: 1_000, judge: () => assert.ok(took < GRACE_MS - 1_000, `held for ${took} ms`) };
}

/** Alice comes back three times, and does not disturb; what Bob was told, and the longest that she was away. */
async function comesBack() {
  const { alice, bob } = await pair();
  const b = await Phone.of(bob, { node: 1 });
  let a = await Phone.of(alice);
  await b.heard("presence:update", { userId: alice.id, status: "online" });
  const mark = b.mark;
  let away = 0;
  for (const node of [1, 0, 1]) {
    const since = performance.now();
    a.close();
    await sleep(300);
    a = await Phone.of(alice, { node });
    away = Math.max(away, performance.now() - since);
  }
  await sleep(GRACE_MS + 1_000);
  // Told in its order: behind this nothing more of that can come.
  assert.equal((await a.ask("presence:update", { status: "do_not_disturb" })).success, true);
  await b.heard("presence:update", { userId: alice.id, status: "do_not_disturb" }, { from: mark });
  const told = b.all("presence:update", { userId: alice.id }, mark).map((one) => one.data.status);
  return { stall: away, most: GRACE_MS - 1_000, judge: () => assert.deepEqual(told, ["do_not_disturb"]) };
}

// They wait for most of their time.
describe("presence", { concurrency: true }, () => {
  for (const way of Object.keys(WAYS)) {
    test(`${way}: a peer is told what changes: coming, do not disturb, a text, going`, async () => {
      const { alice, bob } = await pair();
      const b = await Phone.of(bob, { way, node: 1 });
      const beside = await Phone.of(bob, { way, node: 1, namespace: "/presence" });
      const a = await Phone.of(alice, { way });
      const told = async (part, wait) => {
        const here = await b.heard("presence:update", { userId: alice.id, ...part }, wait);
        assert.ok("customStatus" in here, JSON.stringify(here));
        const there = await beside.heard("presence:update", { userId: alice.id, ...part });
        assert.ok("lastSeenAt" in there && "customStatus" in there, JSON.stringify(there));
      };
      await told({ status: "online" });
      assert.equal((await a.ask("presence:update", { status: "do_not_disturb" })).success, true);
      await told({ status: "do_not_disturb" });
      assert.equal((await a.ask("presence:update", { status: "online", customStatus: "In a meeting" })).success, true);
      await told({ status: "online", customStatus: "In a meeting" });
      const shown = await bob.get(`/presence/users/${alice.id}`, { node: 1 });
      assert.deepEqual([shown.userId, shown.status, shown.customStatus], [alice.id, "online", "In a meeting"]);
      a.close();
      await told({ status: "offline" }, { ms: GRACE_MS + PATIENCE });
      assert.equal((await bob.get(`/presence/users/${alice.id}`)).status, "offline");
      assert.equal(b.count("presence:update", { userId: alice.id, status: "offline" }), 1);
    });
  }

  test("who subscribes gets one batch, then what changes; who has unsubscribed gets nothing more", async () => {
    const [alice, carol] = [await Person.called("alice"), await Person.called("carol")];
    const a = await Phone.of(alice);
    const unknown = "00000000-0000-4000-8000-000000000000";
    for (const node of [0, 1]) {
      const c = await Phone.of(carol, { node });
      const ack = await c.ask("presence:subscribe", { userIds: [alice.id, unknown] });
      assert.deepEqual([ack.success, ack.subscribedCount], [true, 2], JSON.stringify(ack));
      const batch = await c.heard("presence:batch");
      assert.equal(Array.isArray(batch), true);
      assert.deepEqual(batch.map(({ userId }) => userId).sort(), [alice.id, unknown].sort());
      assert.equal(batch.find(({ userId }) => userId === unknown).status, "offline", "unknown is like hidden");
      const away = { status: node ? "online" : "do_not_disturb" };
      await a.ask("presence:update", away);
      await c.heard("presence:update", { userId: alice.id, ...away });
      const gone = await c.ask("presence:unsubscribe", { userIds: [alice.id] });
      assert.deepEqual([gone.success, gone.unsubscribedCount], [true, 1], JSON.stringify(gone));
    }
    const c = await Phone.of(carol);
    assert.equal((await c.ask("presence:subscribe", { userIds: [alice.id] })).success, true);
    assert.equal((await c.ask("presence:unsubscribe", { userIds: [alice.id] })).success, true);
    const d = await Phone.of(await Person.called("dave"));
    assert.equal((await d.ask("presence:subscribe", { userIds: [alice.id] })).success, true);
    const mark = c.mark;
    await a.ask("presence:update", { status: "do_not_disturb" });
    await d.heard("presence:update", { userId: alice.id, status: "do_not_disturb" });
    await passed(c);
    assert.equal(c.count("presence:update", { userId: alice.id }, mark), 0);
  });

  test("at most 200 are subscribed to by a socket", async () => {
    const c = await Phone.of(await Person.called("carol"));
    const ids = (from, count) => Array.from({ length: count }, (_, n) => `00000000-0000-4000-8000-${String(from + n).padStart(12, "0")}`);
    assert.equal((await c.ask("presence:subscribe", { userIds: ids(0, 200) })).subscribedCount, 200);
    const ack = await c.ask("presence:subscribe", { userIds: ids(200, 1) });
    assert.deepEqual([ack.success, ack.code], [false, "validation_failed"], JSON.stringify(ack));
  });

  test("strangers are told nothing, and who is blocked sees nobody online", async () => {
    const { alice, bob } = await pair();
    const carol = await Person.called("carol");
    await carol.direct(alice);
    const stranger = await Phone.of(await Person.called("mallory"));
    const [b, c, beside] = [await Phone.of(bob, { node: 1 }), await Phone.of(carol, { node: 1 }), await Phone.of(bob)];
    const a = await Phone.of(alice);
    await b.heard("presence:update", { userId: alice.id, status: "online" });
    await a.ask("presence:update", { status: "do_not_disturb" });
    for (const phone of [b, c, beside]) await phone.heard("presence:update", { userId: alice.id, status: "do_not_disturb" });
    await passed(stranger);
    assert.equal(stranger.count("presence:update", { userId: alice.id }), 0);
    const mark = b.mark;
    await alice.post(`/users/${bob.id}/block`);
    await b.heard("presence:update", { userId: alice.id, status: "offline" }, { from: mark });
    const shown = await bob.get(`/presence/users/${alice.id}`);
    assert.deepEqual([shown.status, shown.customStatus, shown.lastSeenAt], ["offline", null, null]);
    const [from, seen] = [b.mark, c.mark];
    await a.ask("presence:update", { status: "online" });
    await c.heard("presence:update", { userId: alice.id, status: "online" }, { from: seen });
    await passed(b);
    assert.equal(b.count("presence:update", { userId: alice.id, status: "online" }, from), 0, "behind a block nothing is told");
    await alice.delete(`/users/${bob.id}/block`);
    await b.heard("presence:update", { userId: alice.id, status: "online" }, { from });
  });

  test("the namespace /presence: update, activity, join and leave are acknowledged as its document says", async () => {
    const { alice, bob, direct } = await pair();
    for (const way of Object.keys(WAYS)) {
      const a = await Phone.of(alice, { way, namespace: "/presence" });
      for (const [event, payload] of [
        ["presence:update", { status: "online", customStatus: null }], ["activity:ping", undefined],
        ["conversation:join", { conversationId: direct }], ["conversation:leave", { conversationId: direct }],
        ["typing:start", { conversationId: direct, isTyping: true }], ["typing:stop", { conversationId: direct, isTyping: false }],
      ]) {
        const ack = payload === undefined ? await a.ask(event) : await a.ask(event, payload);
        assert.equal(ack.success, true, `${event} ${JSON.stringify(ack)}`);
      }
      const ack = await a.ask("presence:update", { status: "dancing" });
      assert.equal(typeof ack.error, "string", JSON.stringify(ack));
      a.close();
    }
    assert.ok(bob);
  });

  test("coming back within the grace is no change: nobody is told of it", (t) => rounds(t, comesBack));

  test("several devices: the one that disturbs nobody decides, and he is offline when the last one goes", async () => {
    const { alice, bob } = await pair();
    const b = await Phone.of(bob, { node: 1 });
    const first = await Phone.of(alice);
    await b.heard("presence:update", { userId: alice.id, status: "online" });
    const second = await Phone.of(await alice.elsewhere(), { node: 1, way: "polling" });
    await second.ask("presence:update", { status: "do_not_disturb" });
    await b.heard("presence:update", { userId: alice.id, status: "do_not_disturb" });
    const me = await alice.get("/presence/me");
    assert.equal(me.devices.length, 2, JSON.stringify(me.devices));
    for (const device of me.devices) assert.match(device.type, /^(web|mobile|desktop)$/);
    assert.equal((await bob.get(`/presence/users/${alice.id}`)).devices, null, "devices are one's own");
    const from = b.mark;
    second.close();
    await b.heard("presence:update", { userId: alice.id, status: "online" }, { from, ms: 15_000 });
    first.close();
    await b.heard("presence:update", { userId: alice.id, status: "offline" }, { from, ms: 15_000 });
  });

  test("the text that was acknowledged last is the one that stands, and what a user decides is told at once however often", (t) =>
    rounds(t, () => decided(t)));
});
