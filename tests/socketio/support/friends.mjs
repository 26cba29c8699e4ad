// Friends of somebody who watches them, and how long it takes until he knows that they are gone (G-24).

import assert from "node:assert/strict";

import { Person } from "./people.mjs";

const OFFLINE_MS = 60_000;

/** Bob, and so many who have a direct conversation with him. */
export async function friends(count) {
  const bob = await Person.called("bob");
  const all = await Promise.all(Array.from({ length: count }, () => Person.called("alice")));
  for (const one of all) await one.direct(bob);
  return { bob, all };
}

/** Waits until the watcher is told that somebody is offline; `began`: when he was gone. */
export async function offline(t, watcher, who, { from, began, words }) {
  await watcher.heard("presence:update", { userId: who.id, status: "offline" }, { from, ms: OFFLINE_MS + 5_000 });
  const took = watcher.all("presence:update", { userId: who.id, status: "offline" }, from)[0].at - began;
  t.diagnostic(`G-24 offline ${Math.round(took)} ms after ${words}`);
  assert.ok(took <= OFFLINE_MS, `${words}: ${took} ms`);
}
