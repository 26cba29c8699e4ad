// G-24: who is gone without a word is offline within 60 s for those who see him: his client is killed, or cut off.
// (What a killed node leaves behind is in restart.test.mjs.) It waits for most of a minute, beside all others.

import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { NODES } from "./support/people.mjs";
import { friends, offline } from "./support/friends.mjs";
import { Network } from "./support/network.mjs";
import { Phone } from "./support/phone.mjs";

/** A process of its own with a socket, for a person. */
const client = ([person, way, at]) =>
  spawn(process.execPath, [fileURLToPath(new URL("./support/client.mjs", import.meta.url)), way, at, person.token], {
    stdio: ["ignore", "pipe", "inherit"],
  });

/** Its socket is connected. */
const connected = (child) =>
  new Promise((done, fail) => {
    child.stdout.once("data", done);
    child.once("exit", () => fail(new Error("the client ended")));
  });

test("G-24: a client that is killed, or cut off in silence, is offline within 60 s", { timeout: 90_000 }, async (t) => {
  const { bob, all } = await friends(4);
  const watcher = await Phone.of(bob, { node: 0 });
  const network = await Network.to(NODES[0]);
  let children = [];
  // Whatever becomes of it: what stays open keeps this process.
  t.after(() => {
    for (const child of children) child.kill("SIGKILL");
    network.stop();
  });
  const clients = [
    [all[0], "websocket", NODES[0], "kill -9 of a client on websocket"],
    [all[1], "polling", NODES[0], "kill -9 of a client that polls"],
    [all[2], "websocket", network.url, "a silent cut of a websocket"],
    [all[3], "polling", network.url, "a silent cut of a client that polls"],
  ];
  children = clients.map(client);
  await Promise.all(children.map(connected));
  for (const [who] of clients) await watcher.heard("presence:update", { userId: who.id, status: "online" });
  const [from, began] = [watcher.mark, performance.now()];
  network.freeze();
  for (const child of children.slice(0, 2)) child.kill("SIGKILL");
  await Promise.all(clients.map(([who, , , words]) => offline(t, watcher, who, { from, began, words })));
});
