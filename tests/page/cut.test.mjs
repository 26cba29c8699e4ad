// The network goes and comes back, and the server dies: what was missed is there once and in order, and what was
// written meanwhile is sent once.

import assert from "node:assert/strict";

import { Chat } from "./support/chat.mjs";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/wait.mjs";

const stage = Stage.of("cut");
const TEN = Array.from({ length: 10 }, (_, i) => `missed ${String(i + 1).padStart(2, "0")}`);
const MISSED = /missed \d\d/;

async function two() {
  const ada = await stage.register("Ada", "Okafor");
  const ben = await stage.register("Ben", "Lindqvist");
  const conversation = await ada.direct(ben);
  await ben.send(conversation, "Before the tunnel");
  const alice = await stage.signedIn(ada);
  await alice.open(ben.fullName);
  await alice.shows("Before the tunnel");
  alice.watch.networkMayFail();
  return { ada, ben, alice, conversation };
}

/** What the server has, and the page shows exactly that. */
async function same(chat, person, conversation, pattern, expected) {
  const kept = (await person.history(conversation)).map((one) => one.content).filter((text) => pattern.test(text));
  assert.deepEqual(kept, expected, "what the server has");
  await chat.showsExactly(pattern, expected);
}

stage.test("who was cut off has what he missed once and in order, and his own is sent once", async () => {
  const { ben, alice, conversation } = await two();
  stage.cut.cut();
  await alice.saysStatus("Reconnecting…");
  await alice.send("written in the tunnel");
  await alice.shows("written in the tunnel", "Waiting to be sent");
  for (const text of TEN) await ben.send(conversation, text);
  assert.deepEqual(await alice.texts(MISSED), [], "nothing comes through the cut");

  stage.cut.mend();
  await alice.live();
  await alice.receipt("written in the tunnel", "Sent", 15_000);
  await same(alice, ben, conversation, /missed \d\d|written in the tunnel/, [...TEN, "written in the tunnel"]);
  assert.equal(await alice.page.getByText("Waiting to be sent").count(), 0);
  // And it goes on live.
  await ben.send(conversation, "missed nothing since");
  await alice.shows("missed nothing since");
}, { seconds: 45 });

stage.test("a message whose answer is lost is sent once", async () => {
  const { ben, alice, conversation } = await two();
  const sent = [];
  for (const text of ["answer lost 1", "answer lost 2", "answer lost 3"]) {
    stage.cut.deafen();
    await alice.send(text);
    sent.push(text);
    // It is on disk, and the page can not know.
    await until(`the server has "${text}"`, async () => (await ben.history(conversation)).some((one) => one.content === text));
    stage.cut.cut();
    await alice.saysStatus("Reconnecting…");
    await alice.shows(text);
    stage.cut.mend();
    await alice.live();
    await alice.receipt(text, "Sent", 15_000);
  }
  await same(alice, ben, conversation, /answer lost \d/, sent);
}, { seconds: 60 });

stage.test("edits, deletions and reactions that were missed are there too", async () => {
  const { ben, alice, conversation } = await two();
  const [one, two_, three] = [
    await ben.send(conversation, "first draft"), await ben.send(conversation, "to be deleted"), await ben.send(conversation, "to be liked"),
  ];
  await alice.shows("to be liked");
  stage.cut.cut();
  await alice.saysStatus("Reconnecting…");
  await ben.call("PUT", `/messages/${one.id}`, { content: "second version" });
  await ben.call("DELETE", `/messages/${two_.id}`);
  await ben.call("POST", `/messages/${three.id}/reactions`, { emoji: "👍" });
  stage.cut.mend();
  await alice.live();
  await alice.shows("second version", "edited");
  await alice.shows("This message was deleted");
  await alice.message("to be liked").getByRole("button", { name: "👍 1", exact: true }).waitFor();
  assert.deepEqual(await alice.texts(/first draft|to be deleted/), []);
}, { seconds: 45 });

stage.test("a page rides out kill -9 of its server", async () => {
  const { ben, alice, conversation } = await two();
  await alice.send("before the crash");
  await alice.receipt("before the crash", "Sent");
  await stage.server.kill();
  await alice.saysStatus("Reconnecting…");
  await alice.send("while it is down");
  await alice.shows("while it is down", "Waiting to be sent");
  await stage.server.run();
  await alice.live(30_000);
  await alice.receipt("while it is down", "Sent", 15_000);
  await ben.send(conversation, "after the crash");
  await alice.shows("after the crash");
  await same(alice, ben, conversation, /before the crash|while it is down|after the crash/,
    ["before the crash", "while it is down", "after the crash"]);
}, { seconds: 75 });

stage.test("a message that waits survives a reload of the page", async () => {
  const { ben, alice, conversation } = await two();
  stage.cut.cutApi();
  await alice.saysStatus("Reconnecting…");
  await alice.send("kept through a reload");
  await alice.send("and this one after it");
  await alice.shows("and this one after it", "Waiting to be sent");
  await alice.page.reload();
  // Nothing answers but the page's files; what waits is shown again all the same.
  await alice.shows("kept through a reload", "Waiting to be sent");
  await alice.shows("and this one after it", "Waiting to be sent");
  assert.equal((await ben.history(conversation)).length, 1, "nothing has been sent yet");
  stage.cut.mend();
  await alice.live(30_000);
  await alice.shows("kept through a reload");
  await until("both are sent", async () => (await ben.history(conversation)).length >= 3, 15_000);
  for (const text of ["kept through a reload", "and this one after it"]) await alice.receipt(text, "Sent", 15_000);
  await same(alice, ben, conversation, /kept through a reload|and this one after it/, ["kept through a reload", "and this one after it"]);
  assert.equal(await alice.page.getByText("Waiting to be sent").count(), 0);
}, { seconds: 60 });

stage.test("a connection that carries nothing any more is noticed", async () => {
  const { ben, alice, conversation } = await two();
  // Neither side is told: sockets stay open, as when a phone leaves its network.
  stage.cut.silence();
  for (const text of TEN) await ben.send(conversation, text);
  // Found by silence in half a minute, or at once when the device says that its network has changed.
  await alice.page.evaluate(() => globalThis.dispatchEvent(new Event("online")));
  await alice.saysStatus("Reconnecting…", 15_000);
  stage.cut.mend();
  await alice.live(20_000);
  await same(alice, ben, conversation, MISSED, TEN);
}, { seconds: 45 });

stage.test("two tabs of one person show the same, and each message is sent once", async () => {
  const { ada, ben, alice, conversation } = await two();
  const second = await alice.page.context().newPage();
  await second.goto(alice.page.url());
  const other = new Chat(second, alice.watch, ada);
  await other.live();
  await other.shows("Before the tunnel");
  stage.cut.cut();
  await Promise.all([alice.saysStatus("Reconnecting…"), other.saysStatus("Reconnecting…")]);
  await alice.send("from tab one");
  await other.send("from tab two");
  await alice.shows("from tab one", "Waiting to be sent");
  await other.shows("from tab two", "Waiting to be sent");
  stage.cut.mend();
  await Promise.all([alice.live(), other.live()]);
  await until("both are sent", async () => (await ben.history(conversation)).length >= 3, 15_000);
  const order = (await ben.history(conversation)).map((one) => one.content).filter((text) => text.startsWith("from tab"));
  assert.deepEqual([...order].sort(), ["from tab one", "from tab two"]);
  await alice.showsExactly(/from tab (one|two)/, order);
  await other.showsExactly(/from tab (one|two)/, order);
}, { seconds: 60 });
