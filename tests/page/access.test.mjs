// Anybody can use it: axe finds nothing in any state, light or dark, wide or narrow; a keyboard is enough; a
// phone's width is enough.

import assert from "node:assert/strict";

import { axe, told } from "./support/axe.mjs";
import { PHONE, Stage } from "./support/stage.mjs";
import { until } from "./support/wait.mjs";

const stage = Stage.of("access");

async function people() {
  const [ada, ben, cleo] = [
    await stage.register("Ada", "Okafor"), await stage.register("Ben", "Lindqvist"), await stage.register("Cleo", "Marchetti"),
  ];
  const conversation = await ada.direct(ben);
  const group = await ada.group("Allotment", [ben, cleo]);
  const first = await ben.send(conversation, "The train leaves at 7.40");
  await ada.send(conversation, "Which platform?", { replyToId: first.id });
  await ben.call("POST", `/messages/${first.id}/reactions`, { emoji: "👍" });
  await ada.call("POST", `/messages/${first.id}/pin`);
  const gone = await ben.send(conversation, "never mind");
  await ben.call("DELETE", `/messages/${gone.id}`);
  await ben.send(conversation, "Number four, see https://example.com/platforms");
  await cleo.send(group, "Who waters on Sunday?");
  return { ada, ben, cleo };
}

/** What axe says about the page as it is: everything in light, and what depends on colours in dark. */
async function look(chat, state, findings) {
  const light = await axe(chat.page);
  await chat.page.emulateMedia({ colorScheme: "dark" });
  const dark = await axe(chat.page, ["color-contrast", "link-in-text-block"]);
  await chat.page.emulateMedia({ colorScheme: "light" });
  assert.ok(light.passes >= 10, `${state}: axe looked at something (${light.passes} rules passed)`);
  assert.ok(dark.passes >= 1, `${state}: axe looked at the colours`);
  findings.push(...told(light.violations).map((line) => `${state}: ${line}`));
  findings.push(...told(dark.violations).map((line) => `${state}, dark: ${line}`));
}

for (const [width, viewport] of [["desktop", undefined], ["phone", PHONE]]) {
  stage.test(`axe finds nothing in any state, light and dark, ${width}`, async () => {
    const findings = [];
    const chat = await stage.visitor({ viewport });
    await chat.button("Sign in").waitFor();
    await look(chat, "sign in", findings);
    chat.watch.refusalExpected(401);
    await chat.textbox("Username or e-mail").fill("nobody_here");
    await chat.page.getByLabel("Password", { exact: true }).fill("wrong-password-1");
    await chat.button("Sign in").click();
    await chat.page.getByRole("alert").filter({ hasText: /\w/ }).first().waitFor();
    await look(chat, "sign in refused", findings);
    await chat.button("Create an account").click();
    await chat.button("Create account").click();
    await look(chat, "create account with mistakes", findings);
    await chat.page.reload();
    await chat.signIn(await stage.register("Eve", "Empty"));
    await look(chat, "no conversations", findings);

    const { ada, ben, cleo } = await people();
    const alice = await stage.signedIn(ada, { viewport });
    const state = (name) => look(alice, name, findings);
    const list = async () => {
      if (width === "phone") await alice.button("Back to conversations").click();
    };
    // Both are still there when the network is cut.
    chat.watch.networkMayFail();
    alice.watch.networkMayFail();
    await alice.row("Allotment").waitFor();
    await state("list");
    await alice.open(ben.fullName);
    await alice.shows("Number four");
    await state("conversation");
    await alice.message("7.40").hover();
    await alice.button("Message actions", alice.message("7.40")).click();
    await alice.page.getByRole("menu", { name: "Message actions" }).waitFor();
    await state("menu of a message");
    await alice.page.keyboard.press("Escape");
    await alice.act("Which platform?", "Edit");
    await state("editing");
    await alice.button("Cancel edit").click();
    await alice.act("7.40", "Reply");
    await state("replying");
    await alice.button("Cancel reply").click();
    await alice.button("Pinned messages").click();
    await alice.dialog("Pinned messages").getByRole("button", { name: /7\.40/ }).first().waitFor();
    await state("pins");
    await alice.page.keyboard.press("Escape");
    await list();
    await alice.button("New conversation").first().click();
    const dialog = alice.dialog("New conversation");
    await dialog.getByRole("searchbox", { name: "Find people" }).fill(cleo.username);
    await dialog.getByRole("button", { name: /^Cleo Marchetti/ }).waitFor();
    await state("new conversation");
    await alice.button("Close", dialog).click();
    await alice.open("Allotment");
    await alice.button("Conversation info").click();
    await alice.dialog("Conversation info").getByText("Cleo Marchetti").waitFor();
    await state("group info");
    await alice.page.keyboard.press("Escape");
    stage.cut.cut();
    await alice.saysStatus("Reconnecting…");
    await alice.send("will wait");
    await alice.shows("will wait", "Waiting to be sent");
    await state("reconnecting");
    // All of them, not only serious and critical ones.
    assert.equal(findings.length, 0, `axe finds:\n${findings.join("\n")}`);
  }, { seconds: 60 });
}

/** What has the focus is on the screen, and it or the box drawn around it has a ring. */
async function marked(chat, what) {
  const seen = await chat.page.evaluate(() => {
    const one = document.activeElement;
    const { width, height, top, left, bottom } = one.getBoundingClientRect();
    const ringed = (element) => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      return (outlineStyle !== "none" && parseFloat(outlineWidth) >= 1) || boxShadow !== "none";
    };
    // A bare box to write into, or a radio, leaves the ring to what is drawn around or beside it.
    const drawn = [one, one.parentElement, one.parentElement?.parentElement, one.nextElementSibling];
    return {
      name: one.getAttribute("aria-label") ?? one.textContent.trim().slice(0, 40),
      tag: one.tagName,
      inside: width > 0 && height > 0 && top < innerHeight && bottom > 0 && left < innerWidth,
      ring: drawn.some((element) => element && element !== document.body && ringed(element)),
    };
  });
  assert.ok(seen.inside && seen.ring, `${what}: the focus is not to be seen: ${JSON.stringify(seen)}`);
}

/** Presses Tab until what has the focus is `locator`; each stop on the way must be visible. */
async function tabTo(chat, locator, what, key = "Tab") {
  for (let presses = 0; presses < 40; presses += 1) {
    if (await locator.evaluate((one) => one === document.activeElement).catch(() => false)) return;
    await chat.page.keyboard.press(key);
    const onBody = await chat.page.evaluate(() => document.activeElement === document.body);
    if (!onBody) await marked(chat, `on the way to ${what}`);
  }
  assert.fail(`40 Tabs do not lead to ${what}`);
}

stage.test("a keyboard is enough", async () => {
  const { ada, ben } = await people();
  const chat = await stage.visitor({ person: ada });
  const { keyboard } = chat.page;
  await chat.button("Sign in").waitFor();
  await tabTo(chat, chat.textbox("Username or e-mail"), "the name");
  await keyboard.type(ada.username);
  await tabTo(chat, chat.page.getByLabel("Password", { exact: true }), "the password");
  await keyboard.type(ada.password);
  await keyboard.press("Enter");
  await chat.ready();

  // The list is one stop of the Tab key; arrows move within it.
  await tabTo(chat, chat.row("Allotment"), "the list");
  await keyboard.press("ArrowDown");
  await marked(chat, "in the list");
  assert.ok(await chat.row(ben.fullName).evaluate((one) => one === document.activeElement), "an arrow moves to the next row");
  await keyboard.press("Enter");
  await chat.opened(ben.fullName);
  await chat.shows("Number four");
  await tabTo(chat, chat.box, "the box");
  await keyboard.type("first line");
  await keyboard.press("Shift+Enter");
  await keyboard.type("second line");
  await keyboard.press("Enter");
  await chat.shows("second line");
  assert.equal(await chat.box.inputValue(), "");
  await until("the box keeps the focus", () => chat.box.evaluate((one) => one === document.activeElement));
  await chat.receipt("second line", "Sent");

  // Up in an empty box edits one's last message.
  await keyboard.press("ArrowUp");
  await until("it is in the box", async () => (await chat.box.inputValue()) === "first line\nsecond line");
  await keyboard.press("Escape");
  await until("given up", async () => (await chat.box.inputValue()) === "");
  await keyboard.press("ArrowUp");
  await until("it is in the box", async () => (await chat.box.inputValue()) !== "");
  await keyboard.press("Control+A");
  await keyboard.type("changed by keyboard");
  await keyboard.press("Enter");
  await chat.shows("changed by keyboard", "edited");

  // The menu of a message: reached, walked, left by Escape, and the focus is back where it was.
  const message = chat.message("changed by keyboard");
  await tabTo(chat, message, "the newest message", "Shift+Tab");
  await keyboard.press("Enter");
  const menu = chat.page.getByRole("menu", { name: "Message actions" });
  await menu.waitFor();
  await until("the focus is in the menu", () => menu.evaluate((one) => one.contains(document.activeElement)));
  await keyboard.press("ArrowDown");
  await marked(chat, "in the menu");
  await keyboard.press("Escape");
  await menu.waitFor({ state: "hidden" });
  await until("the focus is back", () => message.evaluate((one) => one.contains(document.activeElement)));

  // A dialog keeps the focus inside, and gives it back.
  await tabTo(chat, chat.button("Conversation info"), "the info", "Shift+Tab");
  await keyboard.press("Enter");
  const info = chat.dialog("Conversation info");
  await info.waitFor();
  for (let presses = 0; presses < 12; presses += 1) {
    await keyboard.press("Tab");
    const where = await info.evaluate((one) => one.contains(document.activeElement) || document.activeElement === document.body);
    assert.ok(where, "Tab stays in the dialog");
  }
  await keyboard.press("Escape");
  await info.waitFor({ state: "hidden" });
  await until("the focus is back", () => chat.button("Conversation info").evaluate((one) => one === document.activeElement));
}, { seconds: 45 });

stage.test("360 pixels are enough", async () => {
  const { ada, ben } = await people();
  const direct = (await ada.conversations()).find((one) => one.type === "direct");
  await ben.send(direct, "https://example.com/" + "long".repeat(60));
  await ben.send(direct, "W".repeat(400));
  const chat = await stage.signedIn(ada, { viewport: { width: 360, height: 640 }, hasTouch: true, isMobile: true });
  const fits = async (state) => {
    const wide = await chat.page.evaluate(() => Math.max(
      document.documentElement.scrollWidth, document.body.scrollWidth) - document.documentElement.clientWidth);
    assert.equal(wide, 0, `${state}: the page is ${wide} px wider than the screen`);
    const small = await chat.page.evaluate(() => [...document.querySelectorAll("button, a, input, textarea")]
      .filter((one) => one.checkVisibility({ visibilityProperty: true, opacityProperty: true }))
      .map((one) => ({ name: one.getAttribute("aria-label") ?? one.textContent.trim().slice(0, 30), box: one.getBoundingClientRect() }))
      .filter(({ box }) => box.width > 0 && (box.left < -1 || box.right > innerWidth + 1)));
    assert.deepEqual(small.map(({ name }) => name), [], `${state}: not within the screen`);
  };
  await chat.row(ben.fullName).waitFor();
  await fits("list");
  await chat.open(ben.fullName);
  await chat.shows("WWW");
  await fits("conversation");
  await chat.row(ben.fullName).waitFor({ state: "hidden" });
  await chat.send("sent from a phone");
  await chat.receipt("sent from a phone", "Sent");
  await chat.button("Back to conversations").click();
  await chat.row(ben.fullName).waitFor();
  // The browser's own way back and forth does the same.
  await chat.open(ben.fullName);
  await chat.page.goBack();
  await chat.row(ben.fullName).waitFor();
  await chat.page.goForward();
  await chat.opened(ben.fullName);
  await chat.button("Conversation info").click();
  await fits("info");
});

stage.test("large text and more space between letters lose nothing", async () => {
  const { ada, ben } = await people();
  // 640 pixels at 200 % are what 1280 are at 100 %.
  const chat = await stage.signedIn(ada, { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 });
  await chat.open(ben.fullName);
  await chat.shows("Number four");
  const box = await chat.box.boundingBox();
  assert.ok(box && box.y + box.height <= 400, "the box to write into is on the screen");
  const log = await chat.log.boundingBox();
  assert.ok(log && log.height >= 120, `the messages have ${log?.height} px`);
});

stage.test("what is watched is seen: the policy stops a script and a foreign picture, and the watch tells", async () => {
  const chat = await stage.visitor();
  await chat.button("Sign in").waitFor();
  await chat.page.evaluate(() => {
    const script = document.createElement("script");
    try {
      script.textContent = "globalThis.hacked = 1";
      document.body.append(script);
    } catch {
      // Trusted types refuse it already here.
    }
    new Image().src = "http://attacker.example/pixel.png";
    console.error("said on the console");
  });
  await until("it is told", () => chat.watch.verdict().length >= 3);
  const told = chat.watch.verdict().join("\n");
  assert.match(told, /img-src/);
  assert.match(told, /script/i);
  assert.match(told, /said on the console/);
  assert.equal(await chat.page.evaluate(() => globalThis.hacked), undefined);
  Object.assign(chat.watch, { violations: [], errors: [], foreign: [] });
});
