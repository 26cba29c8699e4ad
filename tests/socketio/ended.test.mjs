// G-25: an ended session ends its sockets within 5 s on every node, and its token is refused within 1 s.

import assert from "node:assert/strict";
import { test } from "node:test";

import { NODES, pair } from "./support/people.mjs";
import { Phone, WAYS, fence, until } from "./support/phone.mjs";
import { rounds } from "./support/rounds.mjs";

const CLOSED_MS = 5_000;
const REFUSED_MS = 1_000;
/** What a message may take to the other node, or the machine is too slow to measure on. */
const CONTROL_MS = 500;

/** Ways to end all that goes in on this session: what is to be done before, and the end. */
const ENDS = {
  logout: async (who) => () => who.post("/auth/logout", { refreshToken: who.refreshToken }),
  "change of the password": async (who) => {
    const other = await who.elsewhere();
    return () => other.put("/users/me/password", { currentPassword: "violet-kettle-81", newPassword: "violet-kettle-82" });
  },
  "deletion of the account": async (who) => () => who.delete("/users/me"),
};

/** Alice with sockets of all kinds on both nodes, and what became of them when her session ended. */
async function round(t, name, prepare) {
  const { alice, bob, direct } = await pair();
  const phones = [];
  for (const way of Object.keys(WAYS)) {
    for (const node of [0, 1]) {
      for (const namespace of ["/", "/presence"]) {
        const phone = await Phone.of(alice, { way, node, namespace, reconnection: false });
        phones.push(Object.assign(phone, { name: `${way} ${namespace} on node ${node}` }));
        if (way === "upgrade") await until("the upgrade", () => phone.transport === "websocket");
      }
    }
  }
  const b = await Phone.of(bob, { node: 1 });
  await fence(bob, direct, b);
  const end = await prepare(alice);
  await end();
  // It counts from the acknowledgement on. A message to the other node tells how fast the machine is just now.
  const began = performance.now();
  const control = async () => {
    const { id } = await bob.say(direct, "control");
    await b.heard("message:new", { id });
    return b.all("message:new", { id })[0].at - began;
  };
  const refused = async (node) => {
    await until("the token to be refused", async () => (await alice.ask("GET", "/users/me", undefined, { node })).status === 401);
    return performance.now() - began;
  };
  const [stall, ...tokens] = await Promise.all([control(), ...NODES.map((_, node) => refused(node))]);
  await Promise.all(phones.map((phone) => phone.heard("disconnect")));
  const closed = phones.map((phone) => phone.all("disconnect")[0].at - began);
  const told = (list) => `${Math.round(Math.max(...list))} ms`;
  t.diagnostic(`G-25 ${name}: tokens refused after ${told(tokens)}, ${phones.length} sockets closed after ${told(closed)}; control ${told([stall])}`);
  for (const phone of phones) {
    // The server's word, so that no client tries again by itself.
    assert.equal(phone.all("disconnect")[0].data, "io server disconnect", `${phone.name}, by ${phone.transport}`);
  }
  for (const node of [0, 1]) {
    const again = new Phone(alice, { node, reconnection: false });
    const error = await again.heard("connect_error");
    assert.match(error.data.code, /^(session_ended|unauthenticated)$/);
  }
  await fence(bob, direct, b);
  assert.equal(b.socket.connected, true, "others stay");
  assert.ok(phones.every((phone) => !phone.socket.connected));
  return {
    stall,
    most: CONTROL_MS,
    judge: () => {
      assert.ok(Math.max(...tokens) <= REFUSED_MS, told(tokens));
      assert.ok(Math.max(...closed) <= CLOSED_MS, told(closed));
    },
  };
}

for (const [name, prepare] of Object.entries(ENDS)) {
  test(`G-25 ${name}: sockets of all transports and namespaces are disconnected, and the token is refused`, (t) =>
    rounds(t, () => round(t, name, prepare)));
}
