// What was written is sent once, in order, whatever happens to answers, sockets, tabs and servers.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { Network, Server } from "./support/server.mjs";
import { Client, PASSWORD, Storage, hasten, live, person, seeded, shown, until } from "./support/world.mjs";

let server, network, ann, bob, talk;
before(async () => {
  server = await Server.start();
  network = await Network.to(server);
  bob = await person("bob", { url: server.url });
  ann = await person("ann", { url: network.url });
  talk = (await ann.openDirect(bob.user.id)).id;
});
afterEach(() => {
  network.up = network.down = undefined;
  network.join();
  ann.close();
});
after(async () => {
  network.stop();
  await server.stop();
});

/** A conversation that only this test writes to. */
const group = async (...members) =>
  (await ann.createGroup({ name: "test", participantIds: [bob, ...members].map(({ user }) => user.id) })).id;
const texts = async (conversationId) => (await shown(bob, conversationId)).map(({ content }) => content);

test("over REST: an answer that is lost does not make a second message", async () => {
  const id = await group();
  let lost = 0;
  network.up = (text, link) => void (link.sends ||= text.startsWith("POST /api/v1/messages"));
  network.down = (_, link) => (link.sends && lost++ < 2 ? "cut" : undefined);
  const message = await ann.send(id, "once").done;
  assert.ok(lost >= 2, `${lost} answers were lost`);
  assert.equal(message.seq, 1);
  assert.deepEqual(await texts(id), ["once"]);
});

test("over a socket: an answer that is lost does not make a second message", async () => {
  const id = await group();
  await live(ann);
  let lost = 0;
  network.down = (text) => (/"id":"\d+","ok":true,"data":\{"id"/.test(text) && lost++ === 0 ? "cut" : undefined);
  const entry = ann.send(id, "once, on a socket");
  const states = [];
  ann.on("outbox", ({ clientMessageId, state }) => clientMessageId === entry.clientMessageId && states.push(state));
  const message = await entry.done;
  assert.equal(lost > 0, true, "an answer was lost");
  assert.deepEqual([entry.state, entry.message, message.seq], ["sent", message, 1]);
  assert.deepEqual([...new Set(states)], ["sending", "queued", "sent"]);
  assert.deepEqual(ann.outbox, []);
  assert.deepEqual(await texts(id), ["once, on a socket"]);
});

test("the order of a conversation is kept, however often its connection breaks", async (t) => {
  const dice = seeded(t);
  hasten(ann, dice);
  const [one, two] = [await group(), await group()];
  await live(ann);
  network.down = () => (dice.next() < 0.08 ? "cut" : undefined);
  const wanted = Array.from({ length: 40 }, (_, i) => `text ${i}`);
  const entries = wanted.flatMap((text) => [ann.send(one, text), ann.send(two, text)]);
  await Promise.all(entries.map(({ done }) => done));
  network.down = undefined;
  assert.deepEqual(await texts(one), wanted);
  assert.deepEqual(await texts(two), wanted);
});

test("a text that is refused for now is not overtaken by the next one", async () => {
  const storage = new Storage();
  const finn = await person("finn", { url: server.url, storage });
  const id = await group(finn);
  const refused = [];
  const fetched = async (url, init) => {
    const { content } = init.body ? JSON.parse(init.body) : {};
    if (content === "first" && refused.push(content) <= 2) {
      const answer = { statusCode: 503, code: "overloaded", message: { message: "not now" } };
      return new Response(JSON.stringify(answer), { status: 503 });
    }
    return fetch(url, init);
  };
  const client = new Client({ url: server.url, storage, fetch: fetched });
  await client.restore();
  await Promise.all(["first", "second", "third"].map((text) => client.send(id, text).done));
  assert.deepEqual([refused.length, await texts(id)], [3, ["first", "second", "third"]]);
});

test("what something between answers is no refusal", async () => {
  const storage = new Storage();
  const gus = await person("gus", { url: server.url, storage });
  const id = await group(gus);
  const pages = [[200, "<h1>Sign in to this network</h1>"], [403, "<h1>Forbidden</h1>"], [404, "no backend"]];
  const client = new Client({
    url: server.url,
    storage,
    fetch: async (url, init) => {
      const [status, body] = (url.endsWith("/messages") && pages.shift()) || [];
      return status ? new Response(body, { status }) : fetch(url, init);
    },
  });
  await client.restore();
  await Promise.all(["first", "second"].map((text) => client.send(id, text).done));
  assert.deepEqual([pages, await texts(id)], [[], ["first", "second"]]);
});

test("what was written offline is sent by a new client on the same storage", async () => {
  const storage = new Storage();
  const cleo = await person("cleo", { url: network.url, storage });
  const id = await group(cleo);
  network.part();
  cleo.connect();
  for (const text of ["first", "second", "third"]) cleo.send(id, text);
  await until("a try has failed", () => cleo.outbox[0].error);
  cleo.close();
  assert.deepEqual(cleo.outbox.map(({ state }) => state), ["queued", "queued", "queued"]);

  const next = new Client({ url: network.url, storage });
  assert.equal(await next.restore(), true);
  assert.deepEqual(next.outbox.map(({ content }) => content), ["first", "second", "third"]);
  next.connect();
  network.join();
  await Promise.all(next.outbox.map(({ done }) => done));
  assert.deepEqual(await texts(id), ["first", "second", "third"]);
  assert.equal([...storage.map.keys()].filter((key) => key.includes(":outbox:")).length, 0);
  next.close();
});

test("two clients on one storage send each text once, and in order", async () => {
  const storage = new Storage();
  const dora = await person("dora", { url: network.url, storage });
  const id = await group(dora);
  network.part();
  const wanted = Array.from({ length: 10 }, (_, i) => `text ${i}`);
  for (const text of wanted) dora.send(id, text);
  const twin = new Client({ url: network.url, storage });
  await twin.restore();
  assert.equal(twin.outbox.length, 10);
  network.join();
  dora.connect();
  twin.connect();
  await until("both are empty", () => dora.outbox.length + twin.outbox.length === 0);
  assert.deepEqual(await texts(id), wanted);
  dora.close();
  twin.close();
});

test("a refusal for good fails the entry and lets the next ones pass; it can be tried again", async () => {
  const id = await group();
  await live(ann);
  const bad = ann.send(id, { content: "an answer to nothing", replyToId: talk });
  const good = ann.send(id, "passes");
  await assert.rejects(bad.done, { code: "not_found" });
  await good.done;
  assert.deepEqual([bad.state, bad.error.code, ann.outbox], ["failed", "not_found", [bad]]);
  ann.retry(bad.clientMessageId);
  await assert.rejects(bad.done, { code: "not_found" });
  ann.discard(bad.clientMessageId);
  assert.deepEqual([bad.state, ann.outbox], ["discarded", []]);
  assert.deepEqual(await texts(id), ["passes"]);
});

test("a failed entry survives a reload with its error, and is not sent by itself", async () => {
  const storage = new Storage();
  const edda = await person("edda", { url: server.url, storage });
  const entry = edda.send(talk, "to a conversation that is not hers");
  await assert.rejects(entry.done, { code: "not_member" });
  const next = new Client({ url: server.url, storage });
  await next.restore();
  const [again] = next.outbox;
  assert.deepEqual([again.state, again.error.code, again.content], ["failed", "not_member", entry.content]);
  next.discard(again.clientMessageId);
  const third = new Client({ url: server.url, storage });
  await third.restore();
  assert.deepEqual(third.outbox, []);
});

test("the texts of one user are never sent by another on the same storage", async () => {
  const storage = new Storage();
  const [fay, gail] = [await person("fay", { url: server.url }), await person("gail", { url: server.url })];
  const id = await group(fay, gail);
  const shared = new Client({ url: network.url, storage });
  await shared.signIn({ identifier: fay.user.username, password: PASSWORD });
  network.part();
  shared.send(id, "of fay");
  await assert.rejects(shared.signOut());
  network.join();
  await shared.signIn({ identifier: gail.user.username, password: PASSWORD });
  assert.deepEqual(shared.outbox, []);
  await shared.send(id, "of gail").done;
  assert.deepEqual(await texts(id), ["of gail"]);
  await shared.signIn({ identifier: fay.user.username, password: PASSWORD });
  await until("fay's text is sent", () => shared.outbox.length === 0);
  const [, late] = (await bob.history(id)).messages;
  assert.deepEqual([late.content, late.senderId], ["of fay", fay.user.id]);
});

test("a user who signs in while a text of another is on its way does not send it", async () => {
  const storage = new Storage();
  const [hilda, ida] = [await person("hilda", { url: server.url }), await person("ida", { url: server.url })];
  const id = await group(hilda, ida);
  const shared = new Client({ url: server.url, storage });
  await shared.signIn({ identifier: hilda.user.username, password: PASSWORD });
  // The token is refreshed first, and that takes until somebody else is signed in.
  const key = [...storage.map.keys()].find((name) => name.endsWith(":session"));
  storage.map.set(key, JSON.stringify({ ...JSON.parse(storage.map.get(key)), expiresAt: 0 }));
  const held = new Client({
    url: server.url,
    storage,
    fetch: async (url, init) => {
      if (url.endsWith("/auth/refresh")) await signedIn;
      return fetch(url, init);
    },
  });
  let go;
  const signedIn = new Promise((resolve) => (go = resolve));
  const restored = held.restore();
  held.send(id, "of hilda");
  await held.signIn({ identifier: ida.user.username, password: PASSWORD });
  go();
  await assert.rejects(restored, { code: "signed_out" });
  await held.send(id, "of ida").done;
  const all = (await bob.history(id)).messages.map(({ content, senderId }) => [content, senderId]);
  assert.deepEqual(all, [["of ida", ida.user.id]]);
});

test("signing out can throw the texts away", async () => {
  const storage = new Storage();
  const jana = await person("jana", { url: network.url, storage });
  network.part();
  const entry = jana.send(talk, "never");
  await assert.rejects(jana.signOut({ discard: true }));
  assert.equal(entry.state, "discarded");
  assert.equal([...storage.map.keys()].length, 0);
});

test("a full outbox takes nothing more, and says so", async () => {
  const storage = new Storage();
  const kim = await person("kim", { url: network.url, storage });
  network.part();
  for (let i = 0; i < 1_000; i++) kim.send(talk, `text ${i}`);
  assert.throws(() => kim.send(talk, "one more"), { code: "outbox_full" });
  assert.equal(kim.outbox.length, 1_000);
  kim.close();
  const full = new Storage();
  const lena = await person("lena", { url: server.url, storage: full });
  full.setItem = () => {
    throw new DOMException("the quota", "QuotaExceededError");
  };
  assert.throws(() => lena.send(talk, "no room"), { code: "outbox_full" });
  assert.deepEqual(lena.outbox, []);
});

test("a long queue is no flood: a server with its usual limits refuses nothing of it", async (t) => {
  const strict = await Server.start({ PARLANCE_LIMITS__ENABLED: "true" });
  t.after(() => strict.stop());
  const [moa, nils] = [await person("moa", { url: strict.url }), await person("nils", { url: strict.url })];
  const ids = [];
  for (let i = 0; i < 8; i++) ids.push((await moa.createGroup({ name: `${i}`, participantIds: [nils.user.id] })).id);
  await live(moa);
  const errors = [];
  moa.on("outbox", ({ error }) => error && errors.push(error));
  moa.on("status", ({ error }) => error && errors.push(error));
  const entries = Array.from({ length: 160 }, (_, i) => moa.send(ids[i % 8], `text ${i}`));
  await Promise.all(entries.map(({ done }) => done));
  // A slow disk may be told, too: that is no limit.
  const refused = errors.filter(({ code, closeCode }) => code === "rate_limited" || closeCode === 4429);
  assert.deepEqual(refused, []);
  moa.close();
});

test("one clientMessageId is one entry and one message", async () => {
  const id = await group();
  await live(ann);
  const [one, two] = [0, 1].map(() => ann.send(id, { content: "named", clientMessageId: "a-name" }));
  assert.equal(one, two);
  await one.done;
  const again = await ann.send(id, { content: "named", clientMessageId: "a-name" }).done;
  assert.equal(again.seq, 1);
  await assert.rejects(ann.send(id, { content: "other", clientMessageId: "a-name" }).done, { code: "idempotency_mismatch" });
  ann.discard("a-name");
  assert.deepEqual(await texts(id), ["named"]);
});

test("a server that is killed while texts are sent has each of them once", async () => {
  const id = await group();
  await live(ann);
  const wanted = Array.from({ length: 60 }, (_, i) => `text ${i}`);
  const entries = wanted.map((text) => ann.send(id, text));
  await entries[10].done;
  await server.kill();
  await server.up();
  await Promise.all(entries.map(({ done }) => done));
  assert.deepEqual(await texts(id), wanted);
});
