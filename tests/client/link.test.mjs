// One socket, again and again: when it is dead, when to come back, and when not to. With a clock moved by hand.

import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";

import { Link } from "../../web/client/link.js";
import { network } from "../../web/client/base.js";

let sockets, said, link, tokens, renewals;

class Fake {
  constructor(url, protocols) {
    Object.assign(this, { url, protocols, sent: [] });
    sockets.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.closed = true;
  }
  /** Opens, and answers the first frame. */
  welcome() {
    this.onopen();
    this.say({ id: this.sent[0].id, ok: true, data: { recovered: true } });
  }
  say(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }
}

beforeEach(() => {
  mock.timers.enable({ apis: ["setTimeout", "setInterval", "Date"] });
  [sockets, said, tokens, renewals] = [[], [], ["t1", "t2", "t3", "t4"], []];
  link = new Link({ url: "ws://fake/ws", WebSocket: Fake }, {
    token: async () => tokens[0],
    renew: async (token) => {
      renewals.push(token);
      tokens.shift();
    },
    cursors: () => ({ conversations: {} }),
    ready: () => said.push("ready"),
    frame: ({ type }) => said.push(type),
    lost: () => said.push("lost"),
    state: (status, { error, retryInMs }) => said.push([status, error?.closeCode, retryInMs].filter((x) => x !== undefined).join(" ")),
    ended: ({ closeCode }) => said.push(`ended ${closeCode}`),
    beat: () => {},
  });
});
afterEach(() => {
  link.close();
  mock.timers.reset();
});

/** Many small steps: what is set off by a timer is set off at its time. */
const pass = (ms) => {
  for (let passed = 0; passed < ms; passed += 250) mock.timers.tick(250);
};
const settled = () => new Promise((resolve) => setImmediate(resolve));
async function opened() {
  link.open();
  await settled();
  sockets.at(-1).welcome();
}
/** Lets time pass until another socket is there, and says how long it took. */
async function back() {
  const before = sockets.length;
  for (let ms = 0; ms <= 40_000; ms += 50) {
    await settled();
    if (sockets.length > before) return ms;
    mock.timers.tick(50);
  }
  throw new Error("it does not come back");
}

test("the first frame says who it is and where it stands", async () => {
  await opened();
  const [socket] = sockets;
  assert.deepEqual([socket.url, socket.protocols], ["ws://fake/ws", ["parlance.v1"]]);
  assert.deepEqual(socket.sent[0].type, "auth");
  assert.deepEqual(socket.sent[0].data, { token: "t1", cursors: { conversations: {} } });
  assert.deepEqual(said, ["connecting", "ready"]);
});

test("a silent socket is asked for a sign of life, and given up without one", async () => {
  await opened();
  const [socket] = sockets;
  pass(19_000);
  assert.equal(socket.sent.length, 1, "not yet");
  pass(7_000);
  assert.equal(socket.sent[1].type, "ping");
  pass(4_000);
  socket.say({ id: socket.sent[1].id, ok: true, data: {} });
  pass(8_000);
  assert.equal(link.ready, true, "it has answered");
  pass(35_000);
  assert.equal(socket.closed, true);
  await back();
});

test("what is heard is a sign of life: a busy socket is not asked", async () => {
  await opened();
  const [socket] = sockets;
  for (let i = 0; i < 20; i++) {
    pass(15_000);
    socket.say({ type: "typing" });
  }
  assert.equal(socket.sent.length, 1);
});

test("when the network says something, a socket is asked at once, and a pause is over", async () => {
  await opened();
  link.hurry();
  assert.equal(sockets[0].sent[1].type, "ping");
  pass(8_500);
  assert.equal(sockets[0].closed, true);
  link.hurry();
  await settled();
  assert.equal(sockets.length, 2);
});

test("a handshake that is never answered is given up", async () => {
  link.open();
  await settled();
  pass(15_500);
  assert.equal(sockets[0].closed, true);
  await back();
});

test("pauses are random and grow to 30 s, and begin anew after a good socket", async () => {
  const longest = [];
  for (let round = 0; round < 60; round++) {
    link.open();
    await settled();
    for (let i = 0; i < 8; i++) {
      sockets.at(-1).onclose({ code: 1006, reason: "" });
      longest[i] = Math.max(longest[i] ?? 0, await back());
    }
    link.close();
  }
  for (const [i, ms] of longest.entries()) {
    const cap = Math.min(30_000, 500 * 2 ** i);
    assert.ok(ms <= cap + 150 && ms > cap / 2, `try ${i}: ${longest}`);
  }
  await opened();
  pass(10_500);
  sockets.at(-1).say({ type: "typing" });
  sockets.at(-1).onclose({ code: 1001, reason: "" });
  assert.ok((await back()) <= 600);
});

test("45xx and 1012: back, and not all in the same half second", async () => {
  const pauses = [];
  for (const code of [4503, 4508, 1012, 1013].flatMap((code) => Array(8).fill(code))) {
    await opened();
    pass(11_000);
    sockets.at(-1).say({ type: "typing" });
    sockets.at(-1).onclose({ code, reason: "busy" });
    pauses.push(await back());
    link.close();
  }
  assert.ok(Math.max(...pauses) > 700 && Math.max(...pauses) <= 2_200, `${pauses}`);
});

test("44xx: it stops, and says why", async () => {
  for (const code of [4400, 4413, 4429]) {
    await opened();
    said = [];
    sockets.at(-1).onclose({ code, reason: "too much" });
    pass(60_000);
    await settled();
    assert.deepEqual(said, ["lost", `offline ${code}`]);
  }
  assert.equal(sockets.length, 3);
});

test("4401: back with another token; refused again and again it stops", async () => {
  await opened();
  for (let i = 0; i < 2; i++) {
    sockets.at(-1).onclose({ code: 4401, reason: "no valid token" });
    await back();
    sockets.at(-1).onopen();
  }
  assert.deepEqual(renewals, ["t1", "t2"]);
  assert.equal(sockets.at(-1).sent[0].data.token, "t3");
  sockets.at(-1).onclose({ code: 4401, reason: "no valid token" });
  await settled();
  assert.equal(said.at(-1), "offline 4401");
});

test("4403: the session has ended, if another token does not help", async () => {
  await opened();
  for (let i = 0; i < 2; i++) {
    sockets.at(-1).onclose({ code: 4403, reason: "the session has ended" });
    await back();
    sockets.at(-1).onopen();
  }
  sockets.at(-1).onclose({ code: 4403, reason: "the session has ended" });
  assert.equal(said.at(-1), "ended 4403");
});

test("a request that is not answered is lost with the socket, or after a while", async () => {
  await opened();
  const lost = link.ask("message.send", {});
  sockets.at(-1).onclose({ code: 1006, reason: "" });
  await assert.rejects(lost, { code: "network", retryable: true });
  await assert.rejects(link.ask("message.send", {}), { code: "network" });
  await back();
  sockets.at(-1).welcome();
  const late = link.ask("message.send", {});
  for (let i = 0; i < 4; i++) {
    pass(4_000);
    sockets.at(-1).say({ type: "typing" });
  }
  await assert.rejects(late, { code: "network" });
  const refused = link.ask("message.send", {});
  sockets.at(-1).say({ id: sockets.at(-1).sent.at(-1).id, ok: false, error: { code: "rate_limited", message: "no", retryAfterMs: 7 } });
  await assert.rejects(refused, { code: "rate_limited", retryable: true, retryAfterMs: 7 });
});

test("a token that can not be had now is asked for again", async () => {
  let tries = 0;
  link.on.token = async () => {
    tries += 1;
    if (tries < 3) throw network("no answer");
    return "t";
  };
  link.open();
  await back();
  assert.equal(tries, 3);
});
