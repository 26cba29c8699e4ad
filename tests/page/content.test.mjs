// What is written, however hostile, is shown as text and does nothing; and a long history can be scrolled.

import assert from "node:assert/strict";

import { Stage } from "./support/stage.mjs";
import { until } from "./support/wait.mjs";

const stage = Stage.of("content");

// Each would set `hacked`, ask another host or navigate if any of it were taken for markup, a style or code.
const HOSTILE = [
  `<script>globalThis.hacked = 1</script>`,
  `<img src=x onerror="globalThis.hacked = 2">`,
  `"><svg/onload=globalThis.hacked=3>`,
  `<iframe srcdoc="<script>parent.hacked=4</script>"></iframe>`,
  `<a href="javascript:globalThis.hacked=5">press me</a>`,
  `javascript:globalThis.hacked=6`,
  `javascript://%0aglobalThis.hacked=7//https://example.com/`,
  `data:text/html,<script>globalThis.hacked=8</script>`,
  `[press me](javascript:globalThis.hacked=9)`,
  `![x](https://attacker.example/pixel.png)`,
  `<style>@import "https://attacker.example/x.css"; body { display: none }</style>`,
  `<link rel=stylesheet href=https://attacker.example/x.css>`,
  `<base href="https://attacker.example/">`,
  `<meta http-equiv="refresh" content="0;url=https://attacker.example/">`,
  `<form action="https://attacker.example/"><input name=q autofocus onfocus=globalThis.hacked=10></form>`,
  `<div style="position:fixed;inset:0;background:url(https://attacker.example/x.png)">over it all</div>`,
  `jaVasCript:/*-/*\`/*\\\`/*'/*"/**/(/* */oNcliCk=globalThis.hacked=11 )//%0D%0A%0d%0a//</stYle/</titLe/</teXtarEa/</scRipt/--!>\\x3csVg/<sVg/oNloAd=globalThis.hacked=12//>\\x3e`,
  `<math><mtext></mtext><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=globalThis.hacked=13&gt;">`,
  `{{constructor.constructor('globalThis.hacked=14')()}} \${globalThis.hacked=15} <%= globalThis.hacked=16 %>`,
  `__proto__ constructor toString hasOwnProperty`,
  `&lt;b&gt;not bold&lt;/b&gt; &amp;amp; &#x3C;i&#x3E;`,
  "\u202Egnp.exe.txt \u202Dleft again\u202C \u2066isolated\u2069",
  "مرحبا، كيف حالك؟ שלום hello",
  "zero\u200Bwidth\u200Djoiners\u200Cand\uFEFFmarks",
  "Z̸̡̢̧̛̛̗̘̙̜̝̞̟̠̣̤̥̦̩̪̫̬̭̮̯̰̱̲̳̹̺̻̼͇͈͉͍͎̀́̂̃̄̅̆̇̈̉̊̋̌̍̎̏̐̑̒̓̔̽̾̿̀́͂̓̈́͆͊͋͌̕̚ͅ͏͓͔͕͖͙͚͐͑͒͗͛ͣͤͥͦͧͨͩͪͫͬͭͮͯ͘͜͟͢͝͞͠͡a\u0336l\u0336g\u0336o",
  "👩‍👩‍👧‍👦🏳️‍🌈👍🏽 \u{1F1EC}\u{1F1E7}",
  "line one\nline two\n\n\nline five\ttabbed   three spaces",
  "a".repeat(2_000),
  "https://example.com/" + "b".repeat(500) + "?q=%3Cscript%3E&next=javascript:alert(1)",
];

stage.test("hostile text is shown as it is and does nothing", async () => {
  const ada = await stage.register("Ada", "Okafor");
  const ben = await stage.register("<img src=x onerror=globalThis.hacked=20>", "\"><script>globalThis.hacked=21</script>", `mallory_${Date.now()}`);
  const conversation = await ada.direct(ben);
  const group = await ben.group("<svg onload=globalThis.hacked=22>", [ada]);
  await ben.send(group, HOSTILE[1]);
  const alice = await stage.signedIn(ada);
  await alice.open(ben.fullName);
  // Half of it live, half read again after a reload.
  for (const text of HOSTILE) await ben.send(conversation, text);
  const last = await ben.send(conversation, "the end");
  await ben.call("POST", `/messages/${last.id}/reactions`, { emoji: "<b onclick=globalThis.hacked=23>" });
  await ben.call("POST", `/messages/${last.id}/pin`);
  await ben.send(conversation, "a quotation", { replyToId: (await ada.history(conversation))[1].id });

  for (const when of ["live", "after a reload"]) {
    await alice.shows("a quotation");
    const shown = (await alice.log.getByRole("group").allTextContents()).join("\n");
    for (const text of HOSTILE) {
      assert.ok(shown.includes(text), `${when}: ${JSON.stringify(text.slice(0, 60))} is not shown as it was written`);
    }
    assert.equal(await alice.page.evaluate(() => globalThis.hacked), undefined, when);
    await harmless(alice, when);
    await alice.page.reload();
    await alice.live();
  }
  await alice.button("Pinned messages").click();
  await alice.dialog("Pinned messages").getByRole("button", { name: /the end/ }).first().waitFor();
  await alice.page.keyboard.press("Escape");
  await alice.open("<svg onload=globalThis.hacked=22>");
  await alice.shows(HOSTILE[1]);
  await alice.button("Conversation info").click();
  await alice.dialog("Conversation info").getByText("<img src=x onerror=globalThis.hacked=20>").first().waitFor();
  await harmless(alice, "group");
  assert.equal(await alice.page.evaluate(() => globalThis.hacked), undefined);
}, { seconds: 45 });

/** No element came from a text, every link leads to http(s) in a context of its own, and nothing is wider than the page. */
async function harmless(chat, when) {
  const found = await chat.page.evaluate(() => ({
    foreign: [...document.querySelectorAll("script:not([src]), iframe, object, embed, base, form[action], meta[http-equiv], math, style")].map((one) => one.outerHTML.slice(0, 100)),
    links: [...document.querySelectorAll("[role=log] a")].map((one) => ({ href: one.href, rel: one.rel, target: one.target })),
    handlers: [...document.querySelectorAll("*")].filter((one) => [...one.attributes].some(({ name }) => name.startsWith("on"))).length,
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  }));
  assert.deepEqual(found.foreign, [], when);
  assert.equal(found.handlers, 0, when);
  assert.equal(found.wide, 0, `${when}: the page scrolls sideways`);
  for (const link of found.links) {
    assert.match(link.href, /^https?:\/\//, when);
    assert.match(link.rel, /noopener|noreferrer/, `${when}: ${link.href}`);
  }
}

stage.test("a text at the limit is sent, one over it is not", async () => {
  const ada = await stage.register("Ada", "Okafor");
  const ben = await stage.register("Ben", "Lindqvist");
  const conversation = await ada.direct(ben);
  const alice = await stage.signedIn(ada);
  await alice.open(ben.fullName);
  // Code points, not UTF-16 units: 10,000 of these are 20,000 units.
  await alice.box.fill("😀".repeat(10_001));
  await alice.page.getByText("1 character too many").waitFor();
  await alice.button("Send").click({ force: true });
  assert.equal((await ben.history(conversation)).length, 0);
  assert.equal(await alice.box.inputValue(), "😀".repeat(10_001), "what was typed stays");
  await alice.send("😀".repeat(10_000));
  await until("it is sent", async () => (await ben.history(conversation))[0]?.content === "😀".repeat(10_000));
  // A long text is cut on the screen until it is asked for.
  await until("it is cut", async () => (await alice.message("😀").textContent()).length < 8_000);
  await alice.button("Show all", alice.message("😀")).click();
  await until("all of it is shown", async () => (await alice.message("😀").textContent()).includes("😀".repeat(10_000)));
  await alice.box.fill("  \n ");
  await alice.button("Send").click({ force: true });
  await alice.send("after the blank one");
  await until("the next is sent", async () => (await ben.history(conversation)).length >= 2);
  assert.equal((await ben.history(conversation)).length, 2, "a blank message is none");
});

stage.test("a history of 520 messages scrolls up to its beginning, in order, without a jump", async () => {
  const ada = await stage.register("Ada", "Okafor");
  const ben = await stage.register("Ben", "Lindqvist");
  const conversation = await ada.direct(ben);
  const MANY = 520;
  const text = (i) => `entry ${String(i).padStart(3, "0")}` + (i % 7 === 0 ? "\nwith a second line\nand a third" : "");
  for (let i = 1; i <= MANY; i += 1) await (i % 2 ? ada : ben).send(conversation, text(i));
  const alice = await stage.signedIn(ada);
  await alice.open(ben.fullName);
  await alice.shows("entry 520");
  const ENTRY = /entry \d{3}/;
  const expected = Array.from({ length: MANY }, (_, i) => text(i + 1).match(ENTRY)[0]);
  await inView(alice, "entry 520", "the newest is in view at first");

  const seen = new Set(await alice.texts(ENTRY));
  assert.ok(seen.size < 200, `only what is needed is loaded at first, not ${seen.size}`);
  await alice.log.hover();
  await until("the beginning is reached", async () => {
    const before = await alice.texts(ENTRY);
    assertConsecutive(before, expected);
    before.forEach((one) => seen.add(one));
    if (before[0] === "entry 001") return true;
    await alice.page.mouse.wheel(0, -1_500);
    return false;
  }, 45_000);
  assert.equal(seen.size, MANY, "each was on screen once on the way");
  assertConsecutive(await alice.texts(ENTRY), expected);

  // And back to the newest by one button.
  await alice.page.getByRole("button", { name: /^Jump to the newest message/ }).click();
  await inView(alice, "entry 520", "back at the end");
}, { seconds: 75 });

stage.test("what is being read does not move when older ones load or newer ones come", async () => {
  const ada = await stage.register("Ada", "Okafor");
  const ben = await stage.register("Ben", "Lindqvist");
  const conversation = await ada.direct(ben);
  for (let i = 1; i <= 150; i += 1) await ben.send(conversation, `entry ${String(i).padStart(3, "0")}`);
  await ada.call("POST", `/conversations/${conversation.id}/read`);
  const alice = await stage.signedIn(ada);
  await alice.open(ben.fullName);
  await alice.shows("entry 150");
  // The answer with older messages is held, so that the place before and after can be compared.
  let release;
  const held = new Promise((resolve) => { release = resolve; });
  const asked = new Promise((resolve) => {
    alice.page.route(/\/messages\?.*before=/, async (route) => {
      resolve();
      await held;
      await route.continue();
    }, { times: 1 });
  });
  await alice.log.hover();
  await until("older ones are asked for", async () => {
    await alice.page.mouse.wheel(0, -600);
    return Promise.race([asked.then(() => true), new Promise((resolve) => setTimeout(() => resolve(false), 50))]);
  });
  await settled(alice);
  const anchor = await topmost(alice);
  const loaded = (await alice.texts(/entry \d{3}/)).length;
  release();
  await until("older ones are there", async () => (await alice.texts(/entry \d{3}/)).length > loaded);
  const moved = (await place(alice, anchor.text)) - anchor.top;
  assert.ok(Math.abs(moved) <= 2, `"${anchor.text}" moved by ${moved} px when older messages came`);

  await ben.send(conversation, "something new");
  await alice.page.getByRole("button", { name: /^Jump to the newest message.*1 new/ }).waitFor();
  const again = (await place(alice, anchor.text)) - anchor.top;
  assert.ok(Math.abs(again) <= 2, `"${anchor.text}" moved by ${again} px when a new message came`);
  await alice.page.getByRole("button", { name: /^Jump to the newest message/ }).click();
  await inView(alice, "something new", "the new one");
}, { seconds: 45 });

function assertConsecutive(texts, expected) {
  const start = expected.indexOf(texts[0]);
  assert.deepEqual(texts, expected.slice(start, start + texts.length), "in order, each once, none left out");
}

/** Scrolling has come to rest. */
async function settled(chat) {
  await until("scrolling has come to rest", () => chat.log.evaluate((log) => new Promise((resolve) => {
    const before = log.scrollTop;
    requestAnimationFrame(() => requestAnimationFrame(() => resolve(log.scrollTop === before)));
  })));
}

async function inView(chat, text, what) {
  await until(what, () => chat.message(text).evaluate((one) => {
    const [message, log] = [one.getBoundingClientRect(), one.closest("[role=log]").getBoundingClientRect()];
    return message.top < log.bottom && message.bottom <= innerHeight && message.bottom > log.top;
  }));
}

/** The first message that is wholly in view, and where. */
async function topmost(chat) {
  return chat.log.evaluate((log) => {
    for (const one of log.querySelectorAll("[role=group]")) {
      const { top } = one.getBoundingClientRect();
      if (top >= log.getBoundingClientRect().top) return { text: one.textContent.match(/entry \d{3}/)[0], top };
    }
    return null;
  });
}

async function place(chat, text) {
  return chat.message(text).evaluate((one) => one.getBoundingClientRect().top);
}
