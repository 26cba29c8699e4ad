// Makes the pictures of the page in docs/screenshots, from a server of its own:
//
//     node tests/page/screenshots.mjs [FOLDER]
//
// PARLANCE_PAGE=web takes the page of the working tree instead of the one in the binary.

import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";

import { ROOT } from "./support/machine.mjs";
import { PHONE, Stage } from "./support/stage.mjs";

const FOLDER = process.argv[2] ?? join(ROOT, "docs", "screenshots");
const LARGEST = 200 * 1024;

const stage = new Stage();
await stage.open();
try {
  mkdirSync(FOLDER, { recursive: true });
  const people = await town();
  await pictures(people);
  stage.cut.mend();
  await around(people);
} finally {
  await stage.close();
}

/** A few people with something to talk about. */
async function town() {
  const [maya, tomas, ines, jun, noor] = [
    await stage.register("Maya", "Lindgren", "maya"), await stage.register("Tomás", "Rivera", "tomas"),
    await stage.register("Ines", "Okafor", "ines"), await stage.register("Jun", "Watanabe", "jun"),
    await stage.register("Noor", "Haddad", "noor"),
  ];
  await maya.call("PUT", "/users/me", { bio: "Gardens, slow trains, sourdough" });

  const withNoor = await maya.direct(noor);
  await noor.send(withNoor, "The bicycle is ready. New brake pads, and the bell works again.");
  await maya.send(withNoor, "You are a star. I will come by after work.");

  const withJun = await maya.direct(jun);
  await jun.send(withJun, "Found your green scarf behind the piano");
  await maya.send(withJun, "It has been looking for you since March 😄");
  await jun.send(withJun, "Concert is at half past seven, doors at seven");

  const books = await ines.group("Book club", [maya, jun, noor]);
  await ines.send(books, "Next one: “The Left Hand of Darkness”. Who has a copy to lend?");
  await noor.send(books, "I do, in two languages");

  const garden = await maya.group("Community garden", [tomas, ines, jun]);
  await tomas.send(garden, "Morning! The tomatoes in bed four need stakes before the wind on Thursday.");
  const plan = await ines.send(garden, "I can bring a dozen canes on Wednesday. Does anybody have twine?");
  await jun.send(garden, "Two rolls, in the shed on the left");
  const dates = await maya.send(garden, "Then let us say Wednesday at six. Tools are here:\nhttps://example.org/garden/shed-list");
  await tomas.send(garden, "Six is good. I will bring coffee ☕️", { replyToId: dates.id });
  await ines.send(garden, "And I the last of the plum cake");
  await maya.send(garden, "Now I am certainly coming");
  for (const [who, emoji] of [[tomas, "👍"], [jun, "👍"], [ines, "❤️"]]) {
    await who.call("POST", `/messages/${dates.id}/reactions`, { emoji });
  }
  await maya.call("POST", `/messages/${plan.id}/reactions`, { emoji: "🙏" });
  await maya.call("POST", `/messages/${dates.id}/pin`);

  const withTomas = await maya.direct(tomas);
  await tomas.send(withTomas, "Did you see the heron by the pond?");
  await maya.send(withTomas, "Twice this week! It stood there like a lamp post.");
  await tomas.send(withTomas, "I have a photograph, a little blurred.");
  await maya.send(withTomas, "Bring it on Wednesday?");
  for (const one of [tomas, ines, jun, noor]) {
    for (const conversation of [garden, withTomas]) {
      if (one === noor || (conversation === withTomas && one !== tomas)) continue;
      await one.call("POST", `/conversations/${conversation.id}/read`);
    }
  }
  return { maya, tomas, ines, jun, noor, garden };
}

/** Some of them are there, and one begins to write. */
async function around({ maya, tomas, jun, noor }) {
  const there = await Promise.all([tomas, jun, noor].map((one) => stage.signedIn(one)));
  await tomas.call("PUT", "/presence/me", { customStatus: "Repotting the lemon tree 🍋" });
  await noor.call("PUT", "/presence/me", { status: "away" });
  await jun.call("PUT", "/presence/me", { status: "do_not_disturb", customStatus: "Rehearsal until nine" });
  await maya.call("PUT", "/presence/me", { customStatus: "In the garden", customStatusExpiresAt: new Date(Date.now() + 3_600_000).toISOString() });
  for (const colorScheme of ["light", "dark"]) {
    const chat = await stage.signedIn(maya, { colorScheme });
    await chat.open(tomas.fullName);
    await chat.shows("Bring it on Wednesday?");
    await chat.page.getByText("lemon tree").waitFor();
    await there[0].open("Community garden");
    await there[0].box.pressSequentially("I will");
    await chat.row("Community garden").getByText("Tomás is typing…").waitFor();
    await chat.row(jun.fullName).filter({ hasText: "Do not disturb" }).waitFor();
    if (colorScheme === "dark") await chat.button(/^Account: /).click();
    await take(chat, `presence-${colorScheme}`);
    await there[0].box.fill("");
  }
  for (const one of there) await one.page.context().close();
}

async function take(chat, name) {
  await chat.page.evaluate(() => document.fonts.ready);
  const path = join(FOLDER, `${name}.png`);
  await chat.page.screenshot({ path, animations: "disabled", caret: "hide" });
  const { size } = statSync(path);
  console.log(`${name}.png: ${Math.ceil(size / 1024)} KiB`);
  if (size > LARGEST) throw new Error(`${name}.png has ${size} bytes, at most ${LARGEST} are kept`);
}

async function pictures({ maya, tomas }) {
  const first = await stage.visitor({ viewport: PHONE });
  await first.button("Sign in").waitFor();
  await take(first, "phone-sign-in");

  for (const colorScheme of ["light", "dark"]) {
    const chat = await stage.signedIn(maya, { colorScheme });
    await chat.open("Community garden");
    await chat.shows("plum cake");
    await take(chat, `conversation-${colorScheme}`);
    if (colorScheme === "light") {
      await chat.button("Conversation info").click();
      await chat.dialog("Conversation info").getByText(tomas.fullName).waitFor();
      await take(chat, "group-info");
      await chat.page.keyboard.press("Escape");
    }
  }

  const phone = await stage.signedIn(maya, { viewport: PHONE });
  await phone.row("Community garden").waitFor();
  await take(phone, "phone-list");
  const dark = await stage.signedIn(maya, { viewport: PHONE, colorScheme: "dark" });
  await dark.open("Community garden");
  await dark.shows("plum cake");
  await take(dark, "phone-conversation-dark");

  const cut = await stage.signedIn(maya);
  await cut.open(tomas.fullName);
  await cut.shows("Bring it on Wednesday?");
  stage.cut.cut();
  await cut.saysStatus("Reconnecting…");
  await cut.send("And the one of the kingfisher, if you find it");
  await cut.shows("kingfisher", "Waiting to be sent");
  await take(cut, "reconnecting");
}
