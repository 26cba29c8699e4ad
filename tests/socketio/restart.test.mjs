// A node is killed at once. The stock client comes back by itself, with the same token, and goes on; with a message
// sent meanwhile that is answered later it is told that nobody knows, and sends it again under the same id.

import assert from "node:assert/strict";
import { test } from "node:test";

import { friends, offline } from "./support/friends.mjs";
import { REAL, kill, pair } from "./support/people.mjs";
import { Phone, WAYS, fence, sleep } from "./support/phone.mjs";

/** People on the node that is killed, who do not come back, and somebody who watches them from the other one. */
async function left() {
  const { bob, all } = await friends(2);
  const watcher = await Phone.of(bob, { node: 0 });
  for (const [place, who] of all.entries()) {
    await Phone.of(who, { node: 1, way: place ? "polling" : "websocket", reconnection: false });
    await watcher.heard("presence:update", { userId: who.id, status: "online" });
  }
  const from = watcher.mark;
  const words = "kill -9 of the node that held the socket";
  return (t, began) => Promise.all(all.map((who) => offline(t, watcher, who, { from, began, words })));
}

test("kill -9 of the node: clients of every transport come back by themselves, and receive exactly once", { timeout: 120_000 }, async (t) => {
  const { alice, bob, direct } = await pair();
  const phones = [];
  for (const way of Object.keys(WAYS)) {
    phones.push(await Phone.of(bob, { way, node: 1 }));
    phones.push(await Phone.of(alice, { way, node: 1 }));
  }
  const beside = await Phone.of(bob, { node: 1, namespace: "/presence" });
  await fence(alice, direct, ...phones);
  const marks = phones.map((phone) => phone.mark);
  const leaves = REAL ? await left() : undefined;
  const began = performance.now();
  kill(1);
  await Promise.all([...phones, beside].map((phone, place) => phone.heard("disconnect", undefined, { from: marks[place] ?? 0, ms: 30_000 })));
  await Promise.all(phones.map((phone, place) => phone.heard("connected", undefined, { from: marks[place], ms: 60_000 })));
  t.diagnostic(`all sockets were back after ${Math.round(performance.now() - began)} ms`);
  for (const phone of phones) assert.notEqual(phone.all("disconnect")[0].data, "io server disconnect");
  // The pair's rows and sessions are as they were.
  for (let n = 0; ; n += 1) {
    try {
      await alice.say(direct, "back again");
      break;
    } catch (error) {
      if (n > 100) throw error;
      await sleep(200);
    }
  }
  await Promise.all(phones.map((phone, place) => phone.heard("message:new", { content: "back again" }, { from: marks[place], ms: 20_000 })));
  await fence(alice, direct, ...phones);
  for (const phone of phones) {
    const ids = phone.all("message:new").map((one) => one.data.id);
    assert.equal(new Set(ids).size, ids.length, "nothing came twice");
  }
  const sent = await phones[1].ask("message:send", { message: { conversationId: direct, content: "from the old socket" } });
  assert.equal(sent.success, true, JSON.stringify(sent));
  await phones[0].heard("message:new", { id: sent.data.id });
  await leaves?.(t, began);
});
