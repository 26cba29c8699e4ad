// What happens is told once and in order, whatever happens to sockets and servers.

import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { Network, Server } from "./support/server.mjs";
import { Client, Fold, Storage, hasten, live, person, seeded, shown, until } from "./support/world.mjs";

const EMOJI = ["👍", "❤️", "🎉"];
let server, network, ann, bob;
before(async () => {
  server = await Server.start();
  network = await Network.to(server);
  bob = await person("bob", { url: server.url });
});
afterEach(() => {
  network.up = network.down = undefined;
  network.join();
  ann?.close();
});
after(async () => {
  network.stop();
  await server.stop();
});

/** Ann behind the network that is spoilt, and her fold. */
async function fresh() {
  ann = await person("ann", { url: network.url });
  const fold = new Fold(ann);
  return fold;
}

const group = async (name = "test") => (await bob.createGroup({ name, participantIds: [ann.user.id] })).id;
const rev = async (id) => (await bob.conversation(id)).rev;
const caughtUp = async (fold, id) => {
  const last = await rev(id);
  await until(`change ${last} of ${id}`, () => fold.revs.get(id) === last);
};

/** Bob does something in a conversation: what it is comes from the dice. */
async function act(dice, id, mine) {
  const roll = dice.next();
  if (mine.length === 0 || roll < 0.5) {
    const { id: sent } = await bob.request("POST", "/messages", { body: { conversationId: id, content: `${roll}` }, key: true });
    mine.push(sent);
  } else if (roll < 0.65) await bob.edit(dice.pick(mine), `edited ${roll}`);
  else if (roll < 0.72) await bob.remove(mine.splice(dice.below(mine.length), 1)[0]);
  else if (roll < 0.85) await bob.react(dice.pick(mine), dice.pick(EMOJI));
  else if (roll < 0.92) await bob.unreact(dice.pick(mine), dice.pick(EMOJI)).catch(expected("not_found"));
  else await bob.pin(dice.pick(mine));
}
const expected = (code) => (error) => assert.equal(error.code, code);

test("what is missed while the network is away comes once and in order", async () => {
  const fold = await fresh();
  const id = await group();
  await live(ann);
  network.part();
  await until("noticed", () => ann.status === "reconnecting");
  for (let i = 0; i < 10; i++) await bob.send(id, `missed ${i}`).done;
  network.join();
  await caughtUp(fold, id);
  const came = fold.events.filter(({ type }) => type === "message.created").map(({ data }) => data.content);
  assert.deepEqual(came, Array.from({ length: 10 }, (_, i) => `missed ${i}`));
  assert.deepEqual(fold.mistakes, []);
});

test("a socket that breaks at random: every change once, in order, and the fold is what REST shows", async (t) => {
  const dice = seeded(t);
  const fold = await fresh();
  const ids = [await group("one"), await group("two"), await group("three")];
  await live(ann);
  let cuts = 0;
  hasten(ann, dice);
  network.down = (text) => (dice.next() < 0.06 && ++cuts ? "cut" : undefined);
  const mine = ids.map(() => []);
  // As many as it takes: what is cut comes from the dice.
  for (let i = 0; i < 220 || (cuts <= 5 && i < 2_000); i++) {
    const at = dice.below(ids.length);
    await act(dice, ids[at], mine[at]);
    if (dice.next() < 0.03) network.cut();
    // Else most of it would happen in one absence.
    if (i % 8 === 0) await until("the client is back", () => ann.status === "live");
  }
  // One that begins while the socket breaks, too.
  ids.push(await group("late"));
  await act(dice, ids[3], []);
  network.down = undefined;
  t.diagnostic(`${cuts} cuts, ${fold.events.length} events, ${fold.resets.length} resets`);
  for (const id of ids) {
    await caughtUp(fold, id);
    assert.deepEqual(fold.of(id), await shown(bob, id));
  }
  assert.deepEqual(fold.mistakes, []);
  assert.ok(cuts > 5, `${cuts} cuts`);
});

test("the sender hears of his own messages once, too", async (t) => {
  const dice = seeded(t);
  const fold = await fresh();
  const id = await group();
  await live(ann);
  hasten(ann, dice);
  network.down = () => (dice.next() < 0.1 ? "cut" : undefined);
  const entries = Array.from({ length: 30 }, (_, i) => ann.send(id, `mine ${i}`));
  await Promise.all(entries.map(({ done }) => done));
  network.down = undefined;
  await caughtUp(fold, id);
  const came = fold.events.filter(({ type }) => type === "message.created").map(({ data }) => data.clientMessageId);
  assert.deepEqual(came, entries.map(({ clientMessageId }) => clientMessageId));
});

test("a server that is killed and started again goes on where it was", async () => {
  const fold = await fresh();
  const id = await group();
  await live(ann);
  for (let round = 0; round < 2; round++) {
    const entries = Array.from({ length: 20 }, (_, i) => bob.send(id, `text ${round} ${i}`));
    await entries[5].done;
    await server.kill();
    await server.up();
    await Promise.all(entries.map(({ done }) => done));
  }
  await caughtUp(fold, id);
  assert.deepEqual(fold.of(id), await shown(bob, id));
  assert.deepEqual(fold.mistakes, []);
});

test("a stop of the server (1012) is no end", async () => {
  const fold = await fresh();
  const id = await group();
  await live(ann);
  const codes = [];
  ann.on("status", ({ error }) => error && codes.push(error.closeCode));
  await server.kill("SIGTERM");
  await server.up();
  await bob.send(id, "back").done;
  await caughtUp(fold, id);
  assert.equal(codes[0], 1012);
});

test("more than 1,000 missed changes are a reset, and what follows is told", async () => {
  const fold = await fresh();
  const id = await group();
  await live(ann);
  ann.close();
  const send = (i) => bob.request("POST", "/messages", { body: { conversationId: id, content: `${i}` }, key: true });
  for (let i = 0; i < 1_010; i += 30) await Promise.all(Array.from({ length: 30 }, (_, j) => send(i + j)));
  ann.connect();
  await until("reset", () => fold.resets.some(({ conversationId }) => conversationId === id));
  const reset = fold.resets.at(-1);
  assert.deepEqual([reset.rev, reset.seq, reset.conversation.id], [await rev(id), 1_020, id]);
  await bob.send(id, "after").done;
  await caughtUp(fold, id);
  assert.deepEqual(fold.of(id).map(({ content }) => content), ["after"]);
  assert.deepEqual(fold.mistakes, []);
});

test("who is removed hears nothing more; who is added again begins anew", async () => {
  const fold = await fresh();
  const id = await group();
  await live(ann);
  await bob.send(id, "before").done;
  await caughtUp(fold, id);
  await bob.removeMember(id, ann.user.id);
  const fed = (type) => fold.events.filter((event) => event.type === type && event.feed !== undefined).length;
  await until("removed", () => fed("conversation.removed") === 1);
  assert.equal(ann.cursors.conversations[id], undefined);
  await bob.send(id, "not hers").done;
  await bob.addMembers(id, [ann.user.id]);
  await bob.send(id, "hers again").done;
  await caughtUp(fold, id);
  const came = fold.events.filter(({ type }) => type === "message.created").map(({ data }) => data.content);
  assert.deepEqual(came, ["before", "hers again"]);
  assert.deepEqual(fold.mistakes, []);
});

test("who is removed, and another who is added, while the socket is away", async () => {
  const fold = await fresh();
  const [gone, kept] = [await group("gone"), await group("kept")];
  await live(ann);
  ann.close();
  await bob.removeMember(gone, ann.user.id);
  await bob.removeMember(kept, ann.user.id);
  await bob.addMembers(kept, [ann.user.id]);
  const added = await group("added");
  await bob.send(added, "in the new one").done;
  await bob.send(kept, "in the old one").done;
  await live(ann);
  await caughtUp(fold, added);
  await caughtUp(fold, kept);
  assert.deepEqual(Object.keys(ann.cursors.conversations).sort(), [added, kept].sort());
  assert.deepEqual(fold.mistakes, []);
  const came = fold.events.filter(({ type }) => type === "message.created").map(({ data }) => data.content);
  assert.deepEqual(came.sort(), ["in the new one", "in the old one"]);
});

test("a client that is given cursors goes on where the other one stopped", async () => {
  const fold = await fresh();
  const id = await group();
  await live(ann);
  await bob.send(id, "one").done;
  await caughtUp(fold, id);
  const saved = JSON.parse(JSON.stringify(ann.cursors));
  const { username } = ann.user;
  ann.close();
  await bob.send(id, "two").done;
  const other = await group("other");
  await bob.send(other, "three").done;
  ann = new Client({ url: network.url, storage: new Storage(), cursors: saved });
  await ann.signIn({ identifier: username, password: "violet-kettle-81" });
  const next = new Fold(ann);
  await live(ann);
  await until("all", () => next.events.filter(({ type }) => type === "message.created").length === 2);
  const came = next.events.filter(({ type }) => type === "message.created").map(({ data }) => data.content);
  assert.deepEqual(came.sort(), ["three", "two"]);
  assert.deepEqual(next.resets, []);
  // Those of another user mean nothing.
  const eve = await person("eve", { url: network.url, cursors: saved });
  const hers = new Fold(eve);
  await live(eve);
  assert.deepEqual(hers.resets.map(({ feed }) => feed !== undefined), [true]);
  assert.deepEqual(eve.cursors.conversations, {});
  eve.close();
});

test("a new client knows every conversation, archived ones too, and none is told twice", async () => {
  const fold = await fresh();
  const ids = [];
  for (let i = 0; i < 5; i++) ids.push(await group(`number ${i}`));
  await ann.setConversation(ids[0], { isArchived: true });
  await live(ann);
  assert.deepEqual(Object.keys(ann.cursors.conversations).sort(), [...ids].sort());
  ann.close();
  for (const id of ids) await bob.send(id, "while away").done;
  await live(ann);
  for (const id of ids) await caughtUp(fold, id);
  assert.deepEqual(fold.mistakes, []);
});

test("what was sent before the first start has come when the client is live", async () => {
  await fresh();
  const { id } = await bob.openDirect(ann.user.id);
  const message = await bob.send(id, "before").done;
  assert.equal((await bob.message(message.id)).status, "sent");
  await live(ann);
  await until("it is told", async () => (await bob.message(message.id)).status === "delivered");
});

test("what the user changes on another device is his here, too", async () => {
  await fresh();
  await live(ann);
  const heard = new Promise((resolve) => ann.on("user.updated", () => resolve(ann.user.bio)));
  const { user } = ann;
  const other = new Client({ url: server.url, storage: new Storage() });
  await other.signIn({ identifier: user.username, password: "violet-kettle-81" });
  await other.updateMe({ bio: "Elsewhere" });
  assert.equal(await heard, "Elsewhere");
  assert.equal(ann.user.email, user.email, "and the rest is as it was");
});

test("what was received and read is told to who wrote it", async (t) => {
  await fresh();
  const id = (await bob.openDirect(ann.user.id)).id;
  t.after(() => bob.close());
  await live(bob);
  const receipts = [];
  bob.on("receipt", ({ conversationId, data }) => {
    if (conversationId === id && data.userId === ann.user.id) receipts.push(`${data.kind} ${data.seq}`);
  });
  await live(ann);
  const begun = performance.now();
  const { id: first } = await bob.send(id, "one").done;
  for (let i = 0; i < 20; i++) await bob.send(id, `more ${i}`).done;
  await until("received", () => receipts.includes("delivered 21"));
  // Told together: at most once a second.
  const most = 2 + Math.ceil((performance.now() - begun) / 1_000);
  assert.ok(receipts.length <= most, `${receipts.length}, not ${most}: ${receipts}`);
  await ann.read(id, first);
  await until("read", () => receipts.includes("read 1"));
  assert.equal((await bob.message(first)).status, "read");
});

test("a conversation that becomes active while the list is read at the first start is not missed", async () => {
  await fresh();
  const ids = [];
  for (let i = 0; i < 101; i++) ids.push(await group(`${i}`)); // two pages, the first one made on the second
  const write = (content) => bob.request("POST", "/messages", { body: { conversationId: ids[0], content }, key: true });
  let asked = 0;
  const moving = new Client({
    url: server.url,
    storage: new Storage(),
    fetch: async (url, init) => {
      const answer = await fetch(url, init);
      if (url.includes("/conversations?") && asked++ === 0) await write("between two pages");
      return answer;
    },
  });
  await moving.signIn({ identifier: ann.user.username, password: "violet-kettle-81" });
  const came = [];
  moving.on("message.created", ({ data }) => came.push(data.content));
  await live(moving);
  assert.equal(Object.keys(moving.cursors.conversations).length, ids.length);
  await write("after it");
  await until("it is told", () => came.includes("after it"));
  moving.close();
});
