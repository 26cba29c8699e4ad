// Existing clients send `presence:update` at every key stroke, mouse press, scroll and touch: that must cost nothing.

import assert from "node:assert/strict";
import { test } from "node:test";

import { counted, pair } from "./support/people.mjs";
import { Phone, WAYS, fence, sleep, until } from "./support/phone.mjs";

const PUBLISHED = "parlance_presence_transitions_total";
const RECORDS = 'parlance_records_total{pool="presence"}';
const STROKES = 300;

/** Nobody who was here before is about to be said to be gone: only Alice and Bob are here. */
async function quiet() {
  await until("all others to be gone", async () => (await counted("parlance_presence_users")) === 2, 75_000);
  return counted(PUBLISHED);
}

test("an update at every key stroke publishes nothing, tells nobody, and is not even a record", async (t) => {
  const { alice, bob, direct } = await pair();
  const b = await Phone.of(bob, { node: 1 });
  const phones = await Promise.all(Object.keys(WAYS).flatMap((way) => [
    Phone.of(alice, { way }), Phone.of(alice, { way, namespace: "/presence" }),
  ]));
  await b.heard("presence:update", { userId: alice.id, status: "online" });
  const before = await quiet();
  assert.ok(before > 0 && (await counted(RECORDS)) > 0, "the counters count");
  const [mark, records, began] = [b.mark, await counted(RECORDS), performance.now()];
  for (let n = 0; n < STROKES; n += 1) for (const phone of phones) phone.emit("presence:update", { status: "online" });
  for (const phone of phones) assert.equal((await phone.ask("presence:update", { status: "online" })).success, true);
  await fence(alice, direct, b);
  await sleep(500);
  assert.equal(b.count("presence:update", { userId: alice.id }, mark), 0);
  assert.equal(await counted(PUBLISHED), before, "transitions published");
  const grown = (await counted(RECORDS)) - records;
  // Nodes tell every 5 s how many devices they have, each to every partition.
  const heartbeats = (Math.ceil((performance.now() - began) / 5_000) + 1) * 2 * 8;
  t.diagnostic(`${STROKES * phones.length} updates: 0 transitions, ${grown} records (heartbeats: at most ${heartbeats})`);
  assert.ok(grown <= heartbeats, `${grown} records`);
});
