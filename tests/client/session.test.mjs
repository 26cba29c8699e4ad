// Sign up, in and out; tokens are refreshed once, whatever is going on.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { ParlanceError } from "../../web/client/parlance.js";
import { Network, Server } from "./support/server.mjs";
import { Client, PASSWORD, Storage, live, person, signals, until } from "./support/world.mjs";

let server, network;
before(async () => {
  server = await Server.start();
  network = await Network.to(server);
});
after(async () => {
  network.stop();
  await server.stop();
});

const stored = (storage) => {
  const key = [...storage.map.keys()].find((name) => name.endsWith(":session"));
  return key && JSON.parse(storage.map.get(key));
};

/** Makes the stored access token one that has expired by the client's clock. */
function expire(storage) {
  const key = [...storage.map.keys()].find((name) => name.endsWith(":session"));
  storage.map.set(key, JSON.stringify({ ...stored(storage), expiresAt: Date.now() - 1 }));
}

/** Counts the refreshes of clients that use it. */
function counting() {
  const asked = [];
  return { asked, fetch: (url, init) => (asked.push(`${init.method} ${new URL(url).pathname}`), fetch(url, init)) };
}
const refreshes = ({ asked }) => asked.filter((line) => line.endsWith("/auth/refresh")).length;

test("who signs up is signed in, and who signs out is not", async () => {
  const storage = new Storage();
  const client = await person("una", { url: server.url, storage });
  assert.equal((await client.me()).id, client.user.id);
  assert.equal(client.status, "offline");
  const old = stored(storage);
  await client.signOut();
  assert.deepEqual([client.user, client.status, stored(storage)], [null, "signed-out", undefined]);
  await assert.rejects(client.me(), { code: "signed_out" });
  assert.throws(() => client.send(old.user.id, "hi"), { code: "signed_out" });
  assert.throws(() => client.connect(), { code: "signed_out" });
  const answer = await fetch(`${server.url}/api/v1/users/me`, { headers: { Authorization: `Bearer ${old.accessToken}` } });
  assert.equal(answer.status, 401, "the server was told");
});

test("a registration whose answer is lost is one, all the same", async () => {
  let lost = 0;
  network.up = (text, link) => void (link.registers ||= text.includes("/auth/register"));
  network.down = (_, link) => (link.registers && lost++ === 0 ? "cut" : undefined);
  const client = await person("umbra", { url: network.url });
  network.up = network.down = undefined;
  assert.equal(lost > 0, true);
  assert.equal((await client.me()).username, client.user.username);
  network.part();
  await assert.rejects(person("nobody", { url: network.url }), { code: "network" });
  network.join();
});

test("refusals say what is wrong, and change nothing", async () => {
  const client = await person("vera", { url: server.url });
  const { user } = client;
  await assert.rejects(client.signIn({ identifier: user.username, password: "wrong-kettle-81" }), (error) => {
    assert.ok(error instanceof ParlanceError);
    assert.deepEqual([error.code, error.status, error.retryable], ["invalid_credentials", 401, false]);
    assert.ok(error.requestId);
    return true;
  });
  assert.equal(client.user.id, user.id, "who was signed in still is");
  const short = { username: "x", email: "no", password: "short", firstName: "", lastName: "T" };
  await assert.rejects(client.signUp(short), (error) => {
    assert.equal(error.code, "validation_failed");
    assert.ok(error.details.length >= 2, `${error.details}`);
    return true;
  });
  await assert.rejects(client.changePassword({ currentPassword: "wrong-kettle-81", newPassword: "another-kettle-81" }), {
    code: "invalid_credentials",
  });
  assert.equal(client.user.id, user.id, "a wrong password is no end of the session");
  await assert.rejects(async () => client.person("../me"), TypeError);
  assert.throws(() => new Client({ url: server.url, cursors: { conversations: { x: 1 } } }), TypeError);
});

test("a session is restored from the storage, also where the server can not be reached", async () => {
  const storage = new Storage();
  const first = await person("wilma", { url: network.url, storage });
  const again = new Client({ url: network.url, storage });
  assert.equal(await again.restore(), true);
  assert.equal(again.user.username, first.user.username);
  network.part();
  const offline = new Client({ url: network.url, storage });
  assert.equal(await offline.restore(), true);
  assert.equal(offline.user.id, first.user.id);
  network.join();
  await first.signOut();
  const ended = new Client({ url: network.url, storage });
  assert.equal(await ended.restore(), false);
  assert.equal(await new Client({ url: network.url, storage: new Storage() }).restore(), false);
});

test("a network that swallows everything is not waited for; the answer counts when it comes", async (t) => {
  const storage = new Storage();
  await person("wanda", { url: server.url, storage });
  let answer;
  const silent = new Promise((resolve) => (answer = resolve));
  const client = new Client({ url: server.url, storage, fetch: () => silent.then((response) => response.clone()) });
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const restored = client.restore();
  t.mock.timers.tick(3_000);
  assert.equal(await restored, true);
  assert.equal(client.status, "offline");
  const body = { statusCode: 401, code: "session_ended", message: { message: "ended" } };
  answer(new Response(JSON.stringify(body), { status: 401 }));
  t.mock.timers.reset();
  await until("signed out", () => client.status === "signed-out");
});

test("an expired token is refreshed once for all requests that wait for it", async () => {
  const storage = new Storage();
  await person("xenia", { url: server.url, storage });
  const before = stored(storage);
  expire(storage);
  const counted = counting();
  const client = new Client({ url: server.url, storage, fetch: counted.fetch });
  await Promise.all([client.restore(), ...Array.from({ length: 8 }, () => client.me())]);
  assert.equal(refreshes(counted), 1);
  assert.notEqual(stored(storage).refreshToken, before.refreshToken);
});

test("a token that only the server takes for bad is refreshed, and the request repeated", async () => {
  const storage = new Storage();
  await person("yara", { url: server.url, storage });
  const key = [...storage.map.keys()].find((name) => name.endsWith(":session"));
  storage.map.set(key, JSON.stringify({ ...stored(storage), accessToken: "not.a.token" }));
  const counted = counting();
  const client = new Client({ url: server.url, storage, fetch: counted.fetch });
  assert.equal(await client.restore(), true);
  assert.equal((await client.me()).id, client.user.id);
  assert.equal(refreshes(counted), 1);
});

test("a client that only listens refreshes before its session runs out, and shows that on its socket", async (t) => {
  const storage = new Storage();
  await person("yves", { url: server.url, storage });
  storage.map.set(keyOf(storage), JSON.stringify({ ...stored(storage), refreshedAt: Date.now() - 7 * 3_600_000 }));
  const sent = [];
  class Recording extends WebSocket {
    send(text) {
      sent.push(JSON.parse(text));
      super.send(text);
    }
  }
  const counted = counting();
  const client = new Client({ url: server.url, storage, fetch: counted.fetch, WebSocket: Recording });
  await client.restore();
  t.mock.timers.enable({ apis: ["setInterval"] });
  await live(client);
  assert.equal(refreshes(counted), 0);
  t.mock.timers.tick(5_000);
  await until("shown", () => sent.filter(({ type }) => type === "auth").length === 2);
  assert.equal(refreshes(counted), 1);
  const shown = sent.at(-1);
  assert.deepEqual([shown.type, shown.data], ["auth", { token: stored(storage).accessToken }]);
  client.close();
});

test("a refresh whose answer is lost is repeated, and the session goes on", async () => {
  const storage = new Storage();
  await person("zoe", { url: network.url, storage });
  expire(storage);
  let lost = 0;
  network.up = (text, link) => void (link.refresh ||= text.includes("/auth/refresh"));
  network.down = (_, link) => (link.refresh && lost++ === 0 ? "cut" : undefined);
  const client = new Client({ url: network.url, storage });
  await client.restore();
  network.up = network.down = undefined;
  assert.ok(lost > 1, "an answer was lost, and another came");
  assert.equal((await client.me()).id, client.user.id);
});

test("two clients on one storage share a session: both refresh, both go on", async () => {
  const storage = new Storage();
  await person("abby", { url: server.url, storage });
  expire(storage);
  const two = [0, 1].map(() => new Client({ url: server.url, storage }));
  await Promise.all(two.map((client) => client.restore()));
  for (const client of two) assert.equal((await client.me()).id, stored(storage).user.id);
});

test("a profile that is read while another tab refreshes does not bring its old tokens back", async () => {
  const storage = new Storage();
  const first = await person("abe", { url: server.url, storage });
  let newer;
  const second = new Client({
    url: server.url,
    storage,
    fetch: async (url, init) => {
      const answer = await fetch(url, init);
      if (url.endsWith("/users/me") && !newer) {
        newer = { ...stored(storage), refreshToken: "the newer one", refreshedAt: Date.now() + 1 };
        storage.setItem(keyOf(storage), JSON.stringify(newer)); // by the first, and not heard of yet
      }
      return answer;
    },
  });
  await second.restore();
  assert.equal(stored(storage).refreshToken, "the newer one");
  first.close();
});

test("where there are locks, two clients on one storage refresh once", async (t) => {
  let last = Promise.resolve();
  const locks = { request: (_name, task) => (last = last.then(task, task)) };
  Object.defineProperty(globalThis, "navigator", { value: { locks }, configurable: true });
  t.after(() => delete globalThis.navigator);
  const storage = new Storage();
  await person("abel", { url: server.url, storage });
  expire(storage);
  const counted = counting();
  const two = [0, 1].map(() => new Client({ url: server.url, storage, fetch: counted.fetch }));
  await Promise.all(two.map((client) => client.restore()));
  assert.equal(refreshes(counted), 1);
  for (const client of two) assert.equal((await client.me()).id, stored(storage).user.id);
});

/** Tells the clients of this process of a change, as a browser tells other tabs. */
const changed = (key, newValue) => signals.dispatchEvent(Object.assign(new Event("storage"), { key, newValue }));
const keyOf = (storage) => [...storage.map.keys()].find((name) => name.endsWith(":session"));

test("signing out in one tab signs the others out, and another user in one tab is another user in none", async (t) => {
  const storage = new Storage();
  const first = await person("adam", { url: server.url, storage });
  const second = new Client({ url: server.url, storage });
  await second.restore();
  await live(second);
  const key = keyOf(storage);
  await first.signOut();
  changed(key, null);
  assert.deepEqual([second.status, second.user], ["signed-out", null]);

  const third = await person("ben", { url: server.url, storage });
  await live(third);
  const why = [];
  third.on("status", ({ error }) => why.push(error?.code));
  const fourth = await person("carl", { url: server.url, storage });
  changed(key, storage.getItem(key));
  assert.deepEqual([third.status, third.user, why.at(-1)], ["signed-out", null, "signed_out"]);
  assert.equal(stored(storage).user.id, fourth.user.id, "his session is left alone");
  t.after(() => fourth.close());
});

test("a text that another tab has sent or thrown away is no longer sent here", async () => {
  const storage = new Storage();
  const client = await person("dana", { url: network.url, storage });
  const { id } = await client.notes();
  network.part();
  client.connect().catch(() => {});
  const entry = client.send(id, "by another tab");
  const key = [...storage.map.keys()].find((name) => name.endsWith(entry.clientMessageId));
  storage.removeItem(key);
  changed(key, null);
  assert.equal(entry.state, "discarded");
  network.join();
  await client.send(id, "by this one").done;
  const { messages } = await client.history(id);
  assert.deepEqual(messages.map(({ content }) => content), ["by this one"]);
  client.close();
});

test("a session that ends elsewhere signs the client out and says why", async () => {
  const storage = new Storage();
  const client = await person("bea", { url: server.url, storage });
  await live(client);
  const states = [];
  client.on("status", (status) => states.push(status));
  await fetch(`${server.url}/api/v1/auth/logout`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ refreshToken: stored(storage).refreshToken }),
  });
  await until("signed out", () => client.status === "signed-out");
  assert.equal(states.at(-1).error.code, "session_ended");
  assert.deepEqual([client.user, stored(storage)], [null, undefined]);
});

test("signing out without a network signs out here, and says that the server was not told", async () => {
  const storage = new Storage();
  const client = await person("cleo", { url: network.url, storage });
  network.part();
  await assert.rejects(client.signOut(), { code: "network" });
  assert.deepEqual([client.user, stored(storage)], [null, undefined]);
  network.join();
});

test("another user on the same storage is not mixed up with the one before", async () => {
  const storage = new Storage();
  const first = await person("dora", { url: server.url, storage });
  const second = await person("edda", { url: server.url, storage });
  const before = first.user?.id;
  const told = await first.request("GET", "/users/me").then((me) => me.id, (error) => error.code);
  assert.ok([before, "signed_out"].includes(told), `${told} is neither the first one's nor refused`);
  expire(storage); // of the second
  const third = new Client({ url: server.url, storage });
  assert.equal(await third.restore(), true);
  assert.equal(third.user.id, second.user.id);
});

test("what one user has asked for is not done in the name of the next", async () => {
  const [gina, hans] = [await person("gina", { url: server.url }), await person("hans", { url: server.url })];
  const names = [];
  const client = new Client({
    url: server.url,
    storage: new Storage(),
    fetch: async (url, init) => {
      if (!url.endsWith("/users/me")) return fetch(url, init);
      names.push(client.user.username);
      await client.signIn({ identifier: hans.user.username, password: PASSWORD });
      throw new TypeError("the network is gone");
    },
  });
  await client.signIn({ identifier: gina.user.username, password: PASSWORD });
  await assert.rejects(client.updateMe({ bio: "of gina" }), { code: "signed_out" });
  assert.deepEqual([names, client.user.id, (await hans.me()).bio], [[gina.user.username], hans.user.id, null]);
});

test("a listener that throws does not keep others from hearing", async (t) => {
  const client = await person("fay", { url: server.url });
  const uncaught = [];
  const note = (error) => uncaught.push(error.message);
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  process.on("uncaughtException", note);
  t.after(() => {
    process.off("uncaughtException", note);
    for (const listener of listeners) process.on("uncaughtException", listener);
  });
  const heard = [];
  client.on("status", () => {
    throw new Error("a mistake of the program");
  });
  const off = client.on("status", ({ status }) => heard.push(status));
  await live(client);
  off();
  client.close();
  assert.deepEqual(heard.at(-1), "live");
  await until("the mistake surfaces", () => uncaught.includes("a mistake of the program"));
});
