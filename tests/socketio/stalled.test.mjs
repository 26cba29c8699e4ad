// G-17 for clients that poll: one that does not ask for what waits costs its queue, is closed within 15 s, and nobody
// else is slower for it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { NODES, Person } from "./support/people.mjs";
import { Phone, sleep } from "./support/phone.mjs";

const CLOSED_MS = 15_000;
const STALLED = 40;
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

/** Milliseconds from sending to receiving, of so many messages a second, for so long. */
async function measured(speaker, conversation, phones, ms, alongside = () => {}) {
  const [took, sent, until] = [[], new Map(), Date.now() + ms];
  const marks = phones.map((phone) => phone.mark);
  for (let n = 0; Date.now() < until; n += 1) {
    const content = `${conversation} ${n} ${Math.random()}`;
    sent.set(content, performance.now());
    await speaker.say(conversation, content);
    await alongside(n);
    await sleep(20);
  }
  await sleep(500);
  for (const [place, phone] of phones.entries()) {
    for (const one of phone.all("message:new", undefined, marks[place])) {
      const began = sent.get(one.data.content);
      if (began !== undefined) took.push(one.at - began);
    }
  }
  took.sort((a, b) => a - b);
  return took[Math.floor(took.length * 0.99)];
}

test("G-17: pollers that stall are closed within 15 s, cost their queues, and slow nobody down", { timeout: 90_000 }, async (t) => {
  const [alice, bob, ...slow] = await Promise.all(Array.from({ length: 2 + STALLED / 10 }, (_, n) => Person.called(`p${n}`)));
  const quiet = await alice.direct(bob);
  const crowd = await alice.group(...slow);
  const phones = await Promise.all(Array.from({ length: 10 }, (_, n) => Phone.of(bob, { way: n % 2 ? "polling" : "websocket" })));
  const large = "\u4e00".repeat(9_900);
  const push = (n) => (n % 2 ? undefined : alice.say(crowd, `${n} ${large}`));

  // The same load with and without those who do not read; first of all, so that the server is warm.
  await measured(alice, quiet, phones, 1_000, push);
  const alone = await measured(alice, quiet, phones, 4_000, push);
  const stalled = (await Promise.all(slow.map((who) => Promise.all(Array.from({ length: 10 }, () => stall(who)))))).flat();
  const before = resident();
  const began = performance.now();
  let most = before;
  const beside = await measured(alice, quiet, phones, 4_000, (n) => {
    most = Math.max(most, resident());
    return push(n);
  });
  t.diagnostic(`G-17 p99 of others: ${alone.toFixed(1)} ms alone, ${beside.toFixed(1)} ms beside ${STALLED} stalled pollers`);
  t.diagnostic(`G-17 memory: ${((most - before) / (1 << 20)).toFixed(1)} MiB more at most`);
  assert.ok(most - before <= STALLED * QUEUE_BYTES + SLACK_BYTES, `${most - before} bytes`);
  assert.ok(beside <= Math.max(2 * alone, 50), `${beside} ms beside stalled ones, ${alone} ms alone`);

  // 15 s from the first packet that waited; what was asked with a POST is no reading.
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
  for (const phone of phones) assert.equal(phone.count("disconnect"), 0, "readers stay");
});
