// Who is there, as others see it: dots, last seen, a status of one's own words, do not disturb, and who types.

import assert from "node:assert/strict";

import { axe, told } from "./support/axe.mjs";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/wait.mjs";

const stage = Stage.of("presence");
// In which a user may come back, and nobody hears of it; and a reload that is surely within it.
const GRACE_MS = 5_000;
const BACK_MS = 4_000;

async function pair() {
  const [ada, ben] = [await stage.register("Ada", "Okafor"), await stage.register("Ben", "Lindqvist")];
  return { ada, ben, conversation: await ada.direct(ben) };
}

/** What stands under the title of the open conversation. */
const under = (chat) => chat.page.locator(".head-subtitle").evaluateAll((all) => all.map((one) => (one.hidden ? "" : one.innerText)).join("").trim());
const says = (chat, text, ms) => until(`"${text}" stands under the title`, async () => {
  const found = await under(chat);
  if (text instanceof RegExp ? text.test(found) : found === text) return true;
  throw new Error(found);
}, ms);
/** The row of somebody says what he is, in words. */
const marked = (chat, person, status, ms = 10_000) => chat.row(person.fullName).filter({ hasText: `${person.fullName}, ${status}` }).waitFor({ timeout: ms });
const typing = (chat) => chat.page.getByRole("status", { name: "Typing" });
const typed = (chat, text, ms = 5_000) => until(`"${text}" is said`, async () => (await typing(chat).innerText()).trim() === text, ms);

async function account(chat, item) {
  await chat.button(/^Account: /).click();
  await chat.page.getByRole("menu", { name: "Account" }).getByRole(item.role ?? "menuitemradio", { name: item.name, exact: true }).click();
}
const status = (chat, name) => account(chat, { name });
const leave = (chat) => chat.page.context().close();

/** Every text that a place shows from now on. */
async function watched(chat, place) {
  const seen = [];
  await chat.page.exposeFunction("parlanceTestSeen", (text) => seen.push(text));
  await chat.page.evaluate((selector) => {
    const node = document.querySelector(selector);
    new MutationObserver(() => globalThis.parlanceTestSeen(node.innerText)).observe(node, { childList: true, characterData: true, subtree: true });
  }, place);
  return seen;
}

/** How long something takes, and for how long this process stood still meanwhile, at most. */
async function timed(wait) {
  const begun = performance.now();
  let [last, lag] = [begun, 0];
  const probe = setInterval(() => {
    const now = performance.now();
    lag = Math.max(lag, now - last - 50);
    last = now;
  }, 50);
  await wait().finally(() => clearInterval(probe));
  return { took: performance.now() - begun, lag: Math.max(lag, performance.now() - last - 50) };
}

stage.test("a dot turns on when somebody comes, and off when he goes", async () => {
  const { ada, ben } = await pair();
  const alice = await stage.signedIn(ada);
  await alice.open(ben.fullName);
  await marked(alice, ben, "Offline");
  const bob = await stage.signedIn(ben);
  await marked(alice, ben, "Online");
  await says(alice, "Online");
  await marked(bob, ada, "Online");
  // A page that is loaded again is not seen to go.
  const seen = await watched(alice, ".head-subtitle");
  for (let round = 0; ; round += 1) {
    const { took } = await timed(() => bob.page.reload().then(() => bob.ready()));
    // His old socket has ended before now.
    const over = performance.now() + GRACE_MS + 1_000;
    await until("nobody would wait for him any more", () => performance.now() > over);
    if (took < BACK_MS) break;
    assert.ok(round < 3, `a reload took ${took} ms`);
    await says(alice, "Online");
    seen.length = 0;
  }
  assert.deepEqual(seen, []);
  await leave(bob);
  await says(alice, "Last seen just now", 20_000);
  await marked(alice, ben, "Offline");
  assert.deepEqual(seen.filter((text) => text !== "Last seen just now"), []);
}, { seconds: 60 });

stage.test("who types is shown while he does, and not when he has stopped, sent or gone", async () => {
  const { ada, ben } = await pair();
  const [alice, bob] = await Promise.all([stage.signedIn(ada), stage.signedIn(ben)]);
  await Promise.all([alice.open(ben.fullName), bob.open(ada.fullName)]);
  await bob.box.pressSequentially("Shall we");
  await typed(alice, "typing…");
  await alice.row(ben.fullName).filter({ hasText: "typing…" }).waitFor();
  assert.equal((await typing(bob).innerText()).trim(), "", "not to himself");
  const { took, lag } = await timed(() => typed(alice, "", 20_000));
  assert.ok(took < 9_000 || lag > 1_000, `it took ${took} ms, and this process stood still for ${lag} ms at most`);
  await bob.box.pressSequentially(" meet at six?");
  await typed(alice, "typing…");
  await bob.page.keyboard.press("Enter");
  await alice.shows("Shall we meet at six?");
  await typed(alice, "", 2_000);
  await bob.box.pressSequentially("or sev");
  await typed(alice, "typing…");
  await bob.box.fill("");
  await typed(alice, "", 3_000);
  await bob.box.pressSequentially("sev");
  await typed(alice, "typing…");
  await leave(bob);
  await typed(alice, "", 15_000);
  await says(alice, /^(Online|Last seen just now)$/);
}, { seconds: 60 });

stage.test("long writing stays shown, and several are named", async () => {
  const [ada, ben, cleo] = [await stage.register("Ada", "Okafor"), await stage.register("Ben", "Lindqvist"), await stage.register("Cleo", "Marchetti")];
  await ada.group("Allotment", [ben, cleo]);
  const [alice, bob, clara] = await Promise.all([ada, ben, cleo].map((one) => stage.signedIn(one)));
  for (const one of [alice, bob, clara]) await one.open("Allotment");
  await bob.box.pressSequentially("I");
  await typed(clara, "Ben is typing…");
  const seen = await watched(clara, ".typing");
  await bob.box.pressSequentially(" think that we could all meet on Sunday and", { delay: 350, timeout: 20_000 });
  assert.deepEqual([await typing(clara).innerText(), ...seen], ["Ben is typing…"], "in 15 seconds it did not change");
  await alice.box.pressSequentially("No, ", { delay: 50 });
  await bob.box.pressSequentially(" ", { delay: 50 });
  await until("both are named", async () => /^(Ben and Ada|Ada and Ben) are typing…$/.test((await typing(clara).innerText()).trim()), 4_500);
}, { seconds: 60 });

const HOSTILE = "<img src=x onerror=alert(1)> \u202eout & <b>about</b>";

stage.test("a custom status is text, comes and goes by the menu, and ends at its time", async () => {
  const { ada, ben } = await pair();
  const [alice, bob] = await Promise.all([stage.signedIn(ada), stage.signedIn(ben)]);
  await alice.open(ben.fullName);
  await says(alice, "Online");
  await account(bob, { role: "menuitem", name: "Set a custom status" });
  const dialog = bob.dialog("Custom status");
  await bob.button("Save", dialog).click();
  await dialog.getByText("Write something first").waitFor();
  await dialog.getByRole("textbox", { name: "Custom status" }).fill("x".repeat(201));
  await bob.button("Save", dialog).click();
  await dialog.getByText("At most 200 characters.").waitFor();
  await dialog.getByRole("textbox", { name: "Custom status" }).fill(HOSTILE);
  assert.deepEqual(await dialog.getByRole("combobox", { name: "Clear after" }).locator("option").allInnerTexts(), ["30 minutes", "1 hour", "Today", "Until I clear it"]);
  await dialog.getByRole("combobox", { name: "Clear after" }).selectOption({ label: "1 hour" });
  await bob.button("Save", dialog).click();
  await dialog.waitFor({ state: "hidden" });
  const shown = HOSTILE.replace("\u202e", "");
  await says(alice, `Online · ${shown}`);
  await bob.button(/^Account: Ben Lindqvist.*out & <b>about<\/b> · until \d/).waitFor();
  assert.equal(await alice.page.locator(".head-words img, .head-words b").count(), 0);
  const kept = await ben.call("GET", "/presence/me");
  assert.equal(kept.customStatus, HOSTILE);
  const left = Date.parse(kept.customStatusExpiresAt) - Date.now();
  assert.ok(left > 3_500_000 && left <= 3_600_000, `${left} ms left`);

  await account(bob, { role: "menuitem", name: "Clear custom status" });
  await says(alice, "Online");
  // Set elsewhere, for a moment.
  const [hers, his] = [await watched(alice, ".head-subtitle"), await watched(bob, ".account-status")];
  await ben.call("PUT", "/presence/me", { customStatus: "back in a second", customStatusExpiresAt: new Date(Date.now() + 4_000).toISOString() });
  const [comes, goes] = [(text) => text.includes("back in a second"), (text) => !text.includes("back in a second")];
  const wentBy = (seen) => seen.some(comes) && goes(seen.at(-1));
  await until("it comes and goes for her", () => wentBy(hers), 15_000);
  await until("his own, too", () => wentBy(his));
  assert.deepEqual([hers.find(comes), hers.at(-1)], ["Online · back in a second", "Online"]);
  assert.doesNotMatch(await bob.button(/^Account: /).innerText(), /back in/);
}, { seconds: 60 });

stage.test("do not disturb and invisible are chosen for good, by keyboard too", async () => {
  const { ada, ben } = await pair();
  const [alice, bob] = await Promise.all([stage.signedIn(ada), stage.signedIn(ben)]);
  await alice.open(ben.fullName);
  await says(alice, "Online");
  await bob.button(/^Account: /).focus();
  for (const key of ["Enter", "ArrowDown", "ArrowDown", "Enter"]) await bob.page.keyboard.press(key);
  await says(alice, "Do not disturb");
  await marked(alice, ben, "Do not disturb");
  await bob.button(/^Account: Ben Lindqvist Do not disturb/).waitFor();
  await bob.page.reload();
  await bob.ready();
  await bob.button(/^Account: Ben Lindqvist Do not disturb/).waitFor();
  await says(alice, "Do not disturb");

  await status(bob, "Invisible");
  await says(alice, /^(Offline|Last seen)/, 12_000);
  await bob.page.reload();
  await bob.ready();
  await bob.button(/^Account: Ben Lindqvist Invisible/).waitFor();
  await bob.button(/^Account: /).click();
  assert.equal(await bob.page.getByRole("menuitemradio", { name: "Invisible" }).getAttribute("aria-checked"), "true");
  await bob.page.keyboard.press("Escape");
  await status(bob, "Online");
  await says(alice, "Online");
}, { seconds: 60 });

stage.test("who hides that he is there, or when he was, is offline and no more", async () => {
  const { ada, ben } = await pair();
  await ben.call("PUT", "/users/me/settings", { lastSeenVisibility: "nobody" });
  const [alice, bob] = await Promise.all([stage.signedIn(ada), stage.signedIn(ben)]);
  await alice.open(ben.fullName);
  await says(alice, "Online");
  await ben.call("PUT", "/presence/me", { customStatus: "at the pond" });
  await says(alice, "Online · at the pond");
  await ben.call("PUT", "/users/me/settings", { showOnlineStatus: false });
  await says(alice, "Offline", 12_000);
  await bob.button(/^Account: Ben Lindqvist.*at the pond/).waitFor();
  await ben.call("PUT", "/users/me/settings", { showOnlineStatus: true });
  await says(alice, "Online · at the pond", 12_000);
  await leave(bob);
  await says(alice, /^Offline/, 20_000);
  await alice.page.reload();
  await alice.ready();
  await says(alice, /^Offline/);
  assert.doesNotMatch(await under(alice), /Last seen/);
}, { seconds: 75 });

stage.test("who has blocked is seen neither there nor typing", async () => {
  const { ada, ben } = await pair();
  const [alice, bob] = await Promise.all([stage.signedIn(ada), stage.signedIn(ben)]);
  await Promise.all([alice.open(ben.fullName), bob.open(ada.fullName)]);
  await says(alice, "Online");
  await ben.call("POST", `/users/${ada.id}/block`, {});
  await says(alice, "Offline");
  await says(bob, "Offline");
  const seen = await watched(alice, ".typing");
  await bob.box.pressSequentially("you will not see this");
  await alice.box.pressSequentially("nor this");
  await bob.box.fill("");
  await ben.call("DELETE", `/users/${ada.id}/block`);
  await says(alice, "Online");
  await bob.box.pressSequentially("but this");
  await typed(alice, "typing…");
  assert.deepEqual(seen, ["typing…"]);
}, { seconds: 45 });

stage.test("members of a group are seen while it is open, also who never wrote to one", async () => {
  const [ada, ben, cleo] = [await stage.register("Ada", "Okafor"), await stage.register("Ben", "Lindqvist"), await stage.register("Cleo", "Marchetti")];
  await ben.group("Allotment", [ada, cleo]);
  const alice = await stage.signedIn(ada);
  await alice.open("Allotment");
  await says(alice, "3 members");
  const bob = await stage.signedIn(ben);
  await says(alice, "3 members · 1 online");
  await alice.button("Conversation info").click();
  const member = (name) => alice.dialog("Conversation info").getByRole("listitem").filter({ hasText: name });
  await member("Ben").filter({ hasText: `@${ben.username} · Online` }).waitFor();
  await member("Cleo").filter({ hasText: `@${cleo.username} · Offline` }).waitFor();
  await stage.signedIn(cleo);
  await member("Cleo").filter({ hasText: `@${cleo.username} · Online` }).waitFor();
  await ben.call("PUT", "/presence/me", { status: "do_not_disturb" });
  await member("Ben").filter({ hasText: "Do not disturb" }).waitFor();
  await alice.page.keyboard.press("Escape");
  await says(alice, "3 members · 1 online");
  await leave(bob);
  await ben.call("PUT", "/presence/me", { status: null });
}, { seconds: 60 });

stage.test("axe finds nothing in what shows presence, light and dark, and 360 pixels are enough", async () => {
  const [ada, ben, cleo, dan, eve] = await Promise.all(
    [["Ada", "Okafor"], ["Ben", "Lindqvist"], ["Cleo", "Marchetti"], ["Dan", "Osei"], ["Eve", "Novak"]].map(([first, last]) => stage.register(first, last)));
  for (const one of [ben, cleo, dan, eve]) await one.send(await ada.direct(one), "Hello");
  await ada.group("Allotment", [ben, cleo, dan, eve]);
  await cleo.call("PUT", "/presence/me", { status: "away" });
  await dan.call("PUT", "/presence/me", { status: "do_not_disturb", customStatus: "Rehearsing until nine, and maybe a little longer than that if the band likes it" });
  const others = await Promise.all([ben, cleo, dan].map((one) => stage.signedIn(one)));
  const findings = [];
  for (const viewport of [undefined, { width: 360, height: 740 }]) {
    const alice = await stage.signedIn(ada, { viewport });
    const look = async (state) => {
      for (const colorScheme of ["light", "dark"]) {
        await alice.page.emulateMedia({ colorScheme });
        const { violations } = await axe(alice.page);
        findings.push(...told(violations).map((line) => `${state}, ${colorScheme}, ${viewport?.width ?? "wide"}: ${line}`));
      }
      const wide = await alice.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.equal(wide, 0, `${state}: the page is ${wide} px wider than the screen`);
    };
    const list = async () => viewport && alice.button("Back to conversations").click();
    for (const [one, words] of [[ben, "Online"], [cleo, "Away"], [dan, "Do not disturb"], [eve, "Offline"]]) await marked(alice, one, words);
    await look("list");
    await alice.open(dan.fullName);
    await says(alice, /^Do not disturb · Rehearsing/);
    await others[2].open(ada.fullName);
    await look("direct");
    await others[2].box.pressSequentially("one moment");
    await typed(alice, "typing…");
    await look("typing");
    await others[2].box.fill("");
    await list();
    await alice.open("Allotment");
    await alice.button("Conversation info").click();
    await alice.dialog("Conversation info").getByText("· Away").waitFor();
    await look("info");
    await alice.page.keyboard.press("Escape");
    await list();
    await alice.button(/^Account: /).click();
    await look("menu");
    await alice.page.getByRole("menuitem", { name: "Set a custom status" }).click();
    await alice.dialog("Custom status").waitFor();
    await look("custom status");
    await leave(alice);
  }
  assert.deepEqual(findings, []);
}, { seconds: 90 });
