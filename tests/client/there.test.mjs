// Who is there and who types, between clients of a real server.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Network, Server } from "./support/server.mjs";
import { live, person, signals, until } from "./support/world.mjs";

let server, network, ann, bob, cleo, direct;
const told = [];
before(async () => {
  server = await Server.start();
  network = await Network.to(server);
  [ann, bob, cleo] = [await person("ann", { url: network.url }), await person("bob", { url: server.url }), await person("cleo", { url: server.url })];
  direct = (await ann.openDirect(bob.user.id)).id;
  ann.on("presence", (frame) => told.push(frame));
  ann.on("typing", (frame) => told.push(frame));
  await live(ann);
});
after(async () => {
  network.stop();
  await server.stop();
});

/** What was told last of somebody, in a few words. */
const last = ({ user }) => {
  const data = told.findLast(({ type, data: { userId } }) => type === "presence" && userId === user.id)?.data;
  return data && [data.status, data.customStatus].filter(Boolean).join(" ");
};
const becomes = (who, words, ms) => until(`${who.user.username} is ${words}, not ${last(who)}`, () => last(who) === words, ms);
const typing = () => told.filter(({ type }) => type === "typing").map(({ conversationId, data }) => `${conversationId === direct} ${data.username === bob.user.username} ${data.isTyping}`);

test("who comes is told to whom he talks with, and to nobody else unless they ask", async () => {
  await live(bob);
  await becomes(bob, "online");
  await live(cleo);
  const [seen] = await ann.presence.subscribe([cleo.user.id]);
  assert.equal(seen.userId, cleo.user.id);
  await becomes(cleo, "online");
  await cleo.presence.here("do_not_disturb");
  await becomes(cleo, "do_not_disturb");
  const bobs = [];
  bob.on("presence", ({ data: { userId, status } }) => userId === cleo.user.id && bobs.push(status));
  await bob.presence.subscribe([cleo.user.id]);
  await ann.presence.unsubscribe([cleo.user.id]);
  const since = told.length;
  await cleo.presence.here("online");
  await bob.presence.update({ status: "away" });
  await becomes(bob, "away");
  await bob.presence.update({ status: "online" });
  await becomes(bob, "online");
  // Whoever asked for it is told; on one's own socket it would have come before this answer.
  await until("cleo is told to bob", () => bobs.at(-1) === "online");
  const [again] = await ann.presence.subscribe([cleo.user.id]);
  const hers = told.slice(since).filter(({ type, data: { userId } }) => type === "presence" && userId === cleo.user.id);
  assert.deepEqual(hers.map(({ data }) => data), [again]);
  assert.equal(again.status, "online");
  await ann.presence.unsubscribe([cleo.user.id]);
});

test("a custom status is told to others and to oneself, and ends", async () => {
  const out = (ms) => ({ customStatus: "out", customStatusExpiresAt: new Date(Date.now() + ms) });
  const own = await bob.presence.update(out(60_000));
  assert.deepEqual([own.userId, own.customStatus], [bob.user.id, "out"]);
  await becomes(bob, "online out");
  assert.equal((await ann.presence.of([bob.user.id]))[0].customStatus, "out");
  assert.equal((await bob.presence.me()).customStatus, "out");
  await bob.presence.update(out(2_000));
  await becomes(bob, "online");
  assert.equal((await bob.presence.me()).customStatus, null);
  await assert.rejects(bob.presence.update({ customStatus: "x".repeat(201) }), { code: "validation_failed" });
  await assert.rejects(bob.presence.update({ status: "busy" }), { code: "validation_failed" });
});

test("typing begins, is listed, and ends by what is sent", async () => {
  for (let i = 0; i < 20; i++) bob.typing(direct);
  await until("it is told", () => typing().length === 1);
  const [typist] = await until("it is listed", async () => {
    const list = await ann.typists(direct);
    return list.length > 0 && list;
  });
  assert.equal(typist.userId, bob.user.id);
  await bob.send(direct, "here").done;
  await until("it ends", () => typing().length === 2);
  assert.deepEqual(typing(), ["true true true", "true true false"]);
  bob.typing(direct);
  await until("it begins again", () => typing().length === 3);
  await until("it ends by itself", () => typing().length === 4);
  assert.deepEqual(typing().slice(2), ["true true true", "true true false"]);
});

test("after a cut it is told anew", async () => {
  await ann.presence.subscribe([cleo.user.id]);
  await becomes(cleo, "online");
  network.part();
  await until("noticed", () => ann.status === "reconnecting");
  await cleo.presence.here("away");
  network.join();
  signals.dispatchEvent(new Event("online"));
  await becomes(cleo, "away");
  bob.close();
  await becomes(bob, "offline", 20_000);
});
