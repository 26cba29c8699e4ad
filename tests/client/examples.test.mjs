// The examples of docs/, run: the bot under kill and restart, the page in a browser.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { chromiumPath, need } from "../page/support/machine.mjs";
import { Server } from "./support/server.mjs";
import { PASSWORD, live, person, seeded, until } from "./support/world.mjs";

const ROOT = new URL("../../", import.meta.url);
let server, folder;
before(async () => {
  server = await Server.start();
  folder = await mkdtemp(join(tmpdir(), "parlance-examples-"));
});
after(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The bot, in a process that can be killed. */
class Bot {
  start() {
    const flags = process.versions.node.startsWith("20.") ? ["--experimental-websocket", "--no-warnings"] : [];
    const env = { PATH: process.env.PATH, PARLANCE_URL: server.url, BOT_PASSWORD: PASSWORD, BOT_FOLDER: join(folder, "bot") };
    this.process = spawn(process.execPath, [...flags, fileURLToPath(new URL("docs/examples/bot.mjs", ROOT))], { env });
    this.told = "";
    for (const stream of [this.process.stdout, this.process.stderr]) stream.on("data", (data) => (this.told += data));
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
  }
  live = () => until(`the bot is live: ${this.told}`, () => /^live/m.test(this.told));
  kill() {
    this.process.kill("SIGKILL");
    return this.ended;
  }
}

test("the bot answers each text once, though it is killed again and again", async (t) => {
  const dice = seeded(t);
  const bot = new Bot();
  bot.start();
  t.after(() => bot.kill());
  const ann = await person("ann", { url: server.url });
  t.after(() => ann.close());
  await bot.live();
  const { users } = await ann.findPeople("echo-bot");
  const { id } = await ann.openDirect(users[0].id);
  const answers = new Map();
  ann.on("message.created", ({ data }) => {
    if (data.senderId === users[0].id) answers.set(data.replyToId, [...(answers.get(data.replyToId) ?? []), data.content]);
  });
  await live(ann);
  const asked = [];
  let come = 0;
  ann.on("event", () => (come += 1));
  for (let round = 0; round < 8; round++) {
    await bot.live();
    const entries = Array.from({ length: 4 }, (_, i) => ann.send(id, `question ${round} ${i}`));
    // Somewhere between the first question and the last answer, as the bot hears of them.
    const enough = come + 1 + dice.below(7);
    await until("something has come", () => come >= enough);
    await bot.kill();
    asked.push(...(await Promise.all(entries.map(({ done }) => done))));
    asked.push(await ann.send(id, `while it was away ${round}`).done);
    bot.start();
  }
  asked.push(await ann.send(id, "help").done);
  await until(`all are answered\n${bot.told}`, () => answers.size === asked.length);
  // Even without its cursors, as after a restore of an old folder, it reads again and says nothing again.
  await bot.kill();
  const last = await ann.send(id, "the last").done;
  await rm(join(folder, "bot/kept/cursors"));
  bot.start();
  await until("the last answer", () => answers.has(last.id));
  // What it would say twice, it would say before this.
  const end = await ann.send(id, "the end").done;
  await until("the answer to the end", () => answers.has(end.id));
  for (const { id: question, content } of asked) {
    assert.deepEqual(answers.get(question), [content === "help" ? "I repeat what you say." : `You said: ${content}`]);
  }
});

test("the example page: two people talk", async (t) => {
  const files = createServer(async (request, response) => {
    const path = new URL(request.url, "http://x").pathname;
    const file = path === "/" ? "docs/examples/page.html" : path.startsWith("/client/") ? `web${path}` : undefined;
    const type = path === "/" ? "text/html" : "text/javascript";
    const body = file && (await readFile(new URL(file, ROOT)).catch(() => undefined));
    response.writeHead(body ? 200 : 404, { "Content-Type": type }).end(body);
  });
  await new Promise((resolve) => files.listen(0, "127.0.0.1", resolve));
  t.after(() => files.close());
  const bob = await person("bob", { url: server.url });
  t.after(() => bob.close());
  await live(bob);
  const { chromium } = need("playwright-core");
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-gpu"] });
  t.after(() => browser.close());
  const page = await browser.newPage();
  const mistakes = [];
  page.on("pageerror", (error) => mistakes.push(error.message));
  await page.goto(`http://127.0.0.1:${files.address().port}/?api=${encodeURIComponent(server.url)}`);
  await page.getByLabel("Your username").fill("page_ann");
  await page.getByLabel("Password").fill(PASSWORD);
  await page.getByLabel("Talk to").fill(bob.user.username);
  await page.getByRole("button", { name: "Start" }).click();
  await page.getByRole("status").filter({ hasText: "live" }).waitFor();
  await page.getByRole("textbox", { name: "Message" }).fill("Hello, Bob");
  const heard = new Promise((resolve) => bob.on("message.created", resolve));
  await page.getByRole("button", { name: "Send" }).click();
  const { conversationId, data } = await heard;
  assert.equal(data.content, "Hello, Bob");
  const sent = await bob.send(conversationId, "Hello, Ann").done;
  await page.getByRole("listitem").filter({ hasText: "bob: Hello, Ann" }).waitFor();
  await bob.edit(sent.id, "Hello again");
  await page.getByRole("listitem").filter({ hasText: "bob: Hello again" }).waitFor();
  await bob.remove(sent.id);
  await page.getByRole("listitem").filter({ hasText: "(deleted)" }).waitFor();
  assert.equal(await page.getByRole("listitem").count(), 2);
  assert.deepEqual(mistakes, []);
});
