// G-17 for clients that poll: one that does not ask for what waits costs its queue, is closed within 15 s, and nobody
// else is slower for it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { NODES, Person } from "./support/people.mjs";
import { Phone, sleep, until } from "./support/phone.mjs";

const CLOSED_MS = 15_000;
const STALLED = 40;
const WINDOWS = 3;
/** In a window. */
const MESSAGES = 300;
/** What a stalled one may cost: its queue, and what a session and an allocator take anyway. */
const QUEUE_BYTES = 256 << 10;
const SLACK_BYTES = 48 << 20;

/** A client that opens a session by hand, polls until it is in, and never again. */
async function stall(person) {
  const url = `${NODES[0]}/socket.io/?EIO=4&transport=polling`;
  const poll = async (sid) => (await fetch(`${url}&sid=${sid}`)).text();
  const { sid } = JSON.parse((await (await fetch(url)).text()).slice(1));
  await fetch(`${url}&sid=${sid}`, { method: "POST", body: `40${JSON.stringify({ token: person.token })}` });
  while (!(await poll(sid)).includes("connected"));
  return { sid, alive: async () => (await fetch(`${url}&sid=${sid}`, { method: "POST", body: "2" })).status === 200 };
}

const resident = () => {
  const pid = readFileSync(process.env.PARLANCE_PIDS.split(" ")[0], "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024;
};

/** Milliseconds from sending a message until the last has received it: the 99th percentile of so many, of every one. */
async function measured(speaker, conversation, phones, count, alongside = () => {}) {
  const sent = new Map();
  const marks = phones.map((phone) => phone.mark);
  for (let n = 0; n < count; n += 1) {
    const content = `${conversation} ${n} ${Math.random()}`;
    sent.set(content, performance.now());
    await speaker.say(conversation, content);
    await alongside(n);
    await sleep(10);
  }
  const slowest = new Map();
  for (const [place, phone] of phones.entries()) {
    const came = () => phone.all("message:new", undefined, marks[place]).filter((one) => sent.has(one.data.content));
    await until("every message at every reader", () => came().length >= count, 30_000);
    for (const { data, at } of came()) {
      slowest.set(data.content, Math.max(slowest.get(data.content) ?? 0, at - sent.get(data.content)));
    }
  }
  assert.equal(slowest.size, count);
  return [...slowest.values()].sort((a, b) => a - b)[Math.floor(count * 0.99)];
}

/** Of three windows the one in the middle: a stall of the machine is in one of them. */
const middle = (windows) => windows.toSorted((a, b) => a - b)[1];
const words = (windows) => windows.map((ms) => `${ms.toFixed(1)} ms`).join(", ");

/** Waits until those who stalled since then are closed: 15 s from the first packet that waited; a POST is no reading. */
async function closed(t, stalled, began) {
  await sleep(Math.max(0, CLOSED_MS - (performance.now() - began)));
  let open = stalled;
  const deadline = began + CLOSED_MS + 3_000;
  while (open.length > 0 && performance.now() < deadline) {
    const alive = await Promise.all(open.map((one) => one.alive()));
    open = open.filter((_, place) => alive[place]);
    await sleep(250);
  }
  t.diagnostic(`G-17 all ${STALLED} were closed ${Math.round(performance.now() - began)} ms after the load began`);
  assert.equal(open.length, 0, `${open.length} stalled pollers are still open`);
}

test("G-17: pollers that stall are closed within 15 s, cost their queues, and slow nobody down", { timeout: 150_000 }, async (t) => {
  const [alice, bob] = await Promise.all([Person.called("alice"), Person.called("bob")]);
  const quiet = await alice.direct(bob);
  const phones = await Promise.all(Array.from({ length: 10 }, (_, n) => Phone.of(bob, { way: n % 2 ? "polling" : "websocket" })));
  const large = "\u4e00".repeat(9_900);
  // Each window has those who stall in it to itself: they are closed before long.
  const crowds = await Promise.all(Array.from({ length: WINDOWS }, async () => {
    const slow = await Promise.all(Array.from({ length: STALLED / 10 }, (_, n) => Person.called(`p${n}`)));
    return { slow, crowd: await alice.group(...slow) };
  }));
  const push = (crowd) => (n) => (n % 2 ? undefined : alice.say(crowd, `${n} ${large}`));

  // The same load with and without those who do not read; first of all, so that the server is warm.
  await measured(alice, quiet, phones, 50, push(crowds[0].crowd));
  const [alone, beside, closing] = [[], [], []];
  for (const { crowd } of crowds) alone.push(await measured(alice, quiet, phones, MESSAGES, push(crowd)));
  for (const { slow, crowd } of crowds) {
    const stalled = (await Promise.all(slow.map((who) => Promise.all(Array.from({ length: 10 }, () => stall(who)))))).flat();
    const [before, began] = [resident(), performance.now()];
    closing.push(closed(t, stalled, began));
    let most = before;
    beside.push(await measured(alice, quiet, phones, MESSAGES, (n) => {
      most = Math.max(most, resident());
      return push(crowd)(n);
    }));
    t.diagnostic(`G-17 memory: ${((most - before) / (1 << 20)).toFixed(1)} MiB more at most`);
    assert.ok(most - before <= STALLED * QUEUE_BYTES + SLACK_BYTES, `${most - before} bytes`);
  }
  t.diagnostic(`G-17 p99 of others: ${words(alone)} alone, ${words(beside)} beside ${STALLED} stalled pollers`);
  assert.ok(middle(beside) <= Math.max(2 * middle(alone), 50), `${words(beside)} beside stalled ones, ${words(alone)} alone`);
  await Promise.all(closing);
  for (const phone of phones) assert.equal(phone.count("disconnect"), 0, "readers stay");
});
