// How a connection begins and ends: transports, tokens, namespaces, reasons, and what is no event of ours.

import assert from "node:assert/strict";
import { test } from "node:test";

import { NODES, Person, forged, pair } from "./support/people.mjs";
import { Manager, PATIENCE, Phone, WAYS, fence, sleep, until } from "./support/phone.mjs";

/** The reason of a refusal. */
async function refused(who, options = {}) {
  const phone = new Phone(who, { reconnection: false, ...options });
  const error = await phone.heard("connect_error");
  assert.equal(phone.count("connect"), 0, "refused before anything else");
  assert.equal(phone.count("connected"), 0);
  phone.close();
  return error;
}

for (const way of Object.keys(WAYS)) {
  test(`${way}: who signs in is told who he is, on both namespaces`, async () => {
    const alice = await Person.called("alice");
    const phone = await Phone.of(alice, { way });
    const { userId, socketId } = await phone.heard("connected");
    assert.equal(userId, alice.id);
    assert.equal(socketId, phone.socket.id);
    const expected = way === "polling" ? "polling" : "websocket";
    await until(`the transport ${expected}`, () => phone.transport === expected);
    await Phone.of(alice, { way, namespace: "/presence" });
    await sleep(50);
    assert.equal(phone.transport, expected);
  });

  test(`${way}: a bad token is a connect_error with a reason, and nothing before it`, async () => {
    const alice = await Person.called("alice");
    const past = Math.floor(Date.now() / 1000) - 100_000;
    for (const namespace of ["/", "/presence"]) {
      for (const [token, message, code] of [
        [undefined, /Authentication token required/, "unauthenticated"],
        ["nonsense", /Invalid authentication token/, "unauthenticated"],
        [`${alice.token}x`, /Invalid authentication token/, "unauthenticated"],
        [forged(alice.token, { iat: past - 900, exp: past }), /./, "token_expired"],
      ]) {
        const error = await refused(token, { way, namespace, auth: token === undefined ? {} : { token } });
        assert.match(error.message, message);
        assert.equal(error.data?.code, code, JSON.stringify(error.data));
      }
    }
    await alice.post("/auth/logout", { refreshToken: alice.refreshToken });
    const error = await refused(alice, { way });
    assert.equal(error.data?.code, "session_ended", error.message);
  });
}

test("a token may also stand in the query or in a header, and that of auth goes first", async () => {
  const [alice, bob] = [await Person.called("alice"), await Person.called("bob")];
  for (const way of Object.keys(WAYS)) {
    const query = await Phone.of(undefined, { way, auth: {}, query: { token: alice.token } });
    assert.equal((await query.heard("connected")).userId, alice.id);
    const extraHeaders = { authorization: `Bearer ${alice.token}` };
    const header = await Phone.of(undefined, { way, auth: {}, extraHeaders });
    assert.equal((await header.heard("connected")).userId, alice.id);
    const both = await Phone.of(bob, { way, query: { token: alice.token }, extraHeaders });
    assert.equal((await both.heard("connected")).userId, bob.id);
  }
});

test("namespaces that are not there are refused by name, and one connection carries both that are", async (t) => {
  const { alice, bob, direct } = await pair();
  for (const namespace of ["/stories", "/notifications", "/admin"]) {
    assert.match((await refused(alice, { namespace })).message, /Invalid namespace/);
  }
  const manager = new Manager(NODES[0], { transports: ["websocket"] });
  t.after(() => manager._close());
  const [main, presence] = ["/", "/presence"].map((nsp) => manager.socket(nsp, { auth: { token: alice.token } }));
  await Promise.all([main, presence].map((socket) => new Promise((done, fail) => socket.once("connect", done).once("connect_error", fail))));
  let here = 0;
  main.on("message:new", () => (here += 1));
  presence.on("message:new", () => assert.fail("messages come on the main namespace alone"));
  assert.equal((await presence.timeout(PATIENCE).emitWithAck("activity:ping")).success, true);
  // Another user's token on the same connection is not let in beside the first.
  presence.disconnect();
  presence.auth = { token: bob.token };
  const error = await new Promise((done) => {
    presence.once("connect_error", done);
    presence.connect();
  });
  assert.ok(error.message);
  await bob.say(direct, "hello");
  await until("a message on the main namespace", () => here === 1);
});

test("events that nobody knows are answered if an answer was asked for, and cost nothing else", async () => {
  const phone = await Phone.of(await Person.called("alice"));
  const ack = await phone.ask("no:such:event", { a: 1 });
  assert.deepEqual([ack.success, ack.code], [false, "unsupported"], JSON.stringify(ack));
  phone.emit("no:such:event", { a: 1 });
  phone.emit("heartbeat");
  assert.equal((await phone.ask("heartbeat")).success, true);
  assert.equal(phone.count("exception"), 0, "an event without an answer is ignored in silence");
});

test("a mistake without an acknowledgement comes as an exception", async () => {
  const { bob, direct } = await pair();
  const stranger = await Phone.of(await Person.called("mallory"));
  const b = await Phone.of(bob);
  stranger.emit("message:send", { message: { conversationId: direct, content: "let me in" } });
  const { status, message, code } = await stranger.heard("exception");
  assert.equal(status, "error");
  assert.equal(typeof message, "string");
  assert.equal(code, "not_member");
  await fence(bob, direct, b);
  assert.equal(b.count("message:new"), 1, "the fence alone");
});

test("binary arguments are refused in words, on either transport, and the connection stays", async () => {
  for (const way of Object.keys(WAYS)) {
    const { alice, direct } = await pair();
    const phone = await Phone.of(alice, { way });
    const message = { conversationId: direct, content: Buffer.from([1, 2, 3]) };
    const ack = await phone.ask("message:send", { message });
    assert.equal(ack.success, false, JSON.stringify(ack));
    assert.match(ack.code, /^(unsupported|validation_failed)$/);
    assert.equal((await phone.ask("message:send", { message: { ...message, content: "text" } })).success, true);
  }
});

test("a user has at most 20 sockets; one more is refused in words or closes the oldest, and 20 stay whole", async () => {
  const { alice, bob, direct } = await pair();
  const phones = await Promise.all(Array.from({ length: 20 }, (_, n) => Phone.of(alice, { way: n % 2 ? "websocket" : "polling" })));
  const more = new Phone(alice, { reconnection: false });
  await until("an answer to the 21st", () => more.count("connect_error") || more.count("connect"));
  await fence(bob, direct, ...phones.filter((phone) => phone.socket.connected));
  assert.ok(phones.filter((phone) => phone.socket.connected).length + more.count("connect") <= 20);
  for (const phone of phones) assert.ok(phone.count("message:new") <= 1);
});

test("forty requests at once keep their order", async () => {
  const { alice, bob, direct } = await pair();
  for (const way of ["polling", "websocket"]) {
    const [a, b] = [await Phone.of(alice, { way }), await Phone.of(bob, { way, node: 1 })];
    // What was asked once more comes behind what was not: the order of such a batch says nothing.
    let [sent, repeats] = [[], -1];
    for (let batch = 0; a.repeats !== repeats; batch += 1) {
      assert.ok(batch < 5, "something of every batch had to be asked once more");
      repeats = a.repeats;
      sent = Array.from({ length: 40 }, (_, n) => `${way} ${batch} ${n}`);
      const acks = await Promise.all(sent.map((content) => a.ask("message:send", { message: { conversationId: direct, content } })));
      assert.ok(acks.every((ack) => ack.success), JSON.stringify(acks.find((ack) => !ack.success)));
    }
    await fence(alice, direct, b);
    const got = b.all("message:new").map((one) => one.data.content).filter((content) => sent.includes(content));
    assert.deepEqual(got, sent);
    a.close();
    b.close();
  }
});
