// G-25: an ended session ends its sockets within 5 s on every node, and its token is refused within 1 s.

import assert from "node:assert/strict";
import { test } from "node:test";

import { NODES, pair } from "./support/people.mjs";
import { Phone, WAYS, fence, sleep } from "./support/phone.mjs";

const CLOSED_MS = 5_000;
const REFUSED_MS = 1_000;

/** Ways to end all that goes in on this session. */
const ENDS = {
  logout: (who) => who.post("/auth/logout", { refreshToken: who.refreshToken }),
  "change of the password": async (who) => {
    const other = await who.elsewhere();
    await other.put("/users/me/password", { currentPassword: "violet-kettle-81", newPassword: "violet-kettle-82" });
  },
  "deletion of the account": (who) => who.delete("/users/me"),
};

for (const [name, end] of Object.entries(ENDS)) {
  test(`G-25 ${name}: sockets of all transports and namespaces are disconnected, and the token is refused`, async (t) => {
    const { alice, bob, direct } = await pair();
    const phones = [];
    for (const way of Object.keys(WAYS)) {
      for (const node of [0, 1]) {
        for (const namespace of ["/", "/presence"]) {
          const phone = await Phone.of(alice, { way, node, namespace, reconnection: false });
          phones.push(Object.assign(phone, { name: `${way} ${namespace} on node ${node}` }));
        }
      }
    }
    const b = await Phone.of(bob, { node: 1 });
    await fence(bob, direct, b);
    const began = performance.now();
    await end(alice);
    const refused = async (node) => {
      for (;;) {
        const { status } = await alice.ask("GET", "/users/me", undefined, { node });
        if (status === 401) return performance.now() - began;
        await sleep(10);
      }
    };
    const tokens = await Promise.all(NODES.map((_, node) => refused(node)));
    await Promise.all(phones.map((phone) => phone.heard("disconnect", undefined, { ms: CLOSED_MS + 2_000 })));
    const closed = phones.map((phone) => phone.all("disconnect")[0].at - began);
    const told = (list) => `${Math.round(Math.max(...list))} ms`;
    t.diagnostic(`G-25 ${name}: tokens refused after ${told(tokens)}, ${phones.length} sockets closed after ${told(closed)}`);
    assert.ok(Math.max(...tokens) <= REFUSED_MS, told(tokens));
    assert.ok(Math.max(...closed) <= CLOSED_MS, told(closed));
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
  });
}
