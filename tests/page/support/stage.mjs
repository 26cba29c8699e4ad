// One server, one cuttable network and one browser for a file of tests; a context of its own for everybody in a test.
//
// Every test has a deadline, ends with an empty verdict of what its contexts watched, and leaves a screenshot, the
// console and the server's log when it fails.

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before, test } from "node:test";

import { Chat } from "./chat.mjs";
import { Cut } from "./cut.mjs";
import { chromiumPath, need, ROOT } from "./machine.mjs";
import { Person } from "./people.mjs";
import { Server } from "./server.mjs";
import { until, within } from "./wait.mjs";
import { Watch } from "./watch.mjs";

const FLAGS = ["--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-component-update"];
export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

/** Where a failed test leaves what it saw. */
const KEPT = process.env.PARLANCE_KEPT || join(tmpdir(), "parlance-page-failures");

export async function launch() {
  return need("playwright-core").chromium.launch({ executablePath: chromiumPath(), args: FLAGS });
}

export class Stage {
  #name;
  #contexts = [];

  /** Declares the stage of a file: `settings` of its server. */
  static of(name, settings) {
    const stage = new Stage();
    stage.#name = name;
    before(() => stage.open(settings), { timeout: 60_000 });
    after(() => stage.close(), { timeout: 30_000 });
    return stage;
  }

  async open(settings) {
    this.server = await Server.start(settings);
    this.cut = await Cut.before(this.server.port);
    this.origin = this.cut.url;
    if (process.env.PARLANCE_PAGE) await this.#fromFolder(resolve(ROOT, process.env.PARLANCE_PAGE));
    this.browser = await launch();
  }

  /** PARLANCE_PAGE=web: the page of the working tree instead of the one in the binary, while one works on it. */
  async #fromFolder(folder) {
    const { devServer } = await import(join(folder, "dev.mjs"));
    this.dev = devServer(this.cut.url);
    this.dev.listen(0, "127.0.0.1");
    await once(this.dev, "listening");
    this.origin = `http://127.0.0.1:${this.dev.address().port}`;
  }

  async close() {
    await this.browser?.close();
    this.dev?.closeAllConnections();
    this.dev?.close();
    await this.cut?.close();
    await this.server?.stop();
  }

  /** Somebody with an account, made over REST and not through the network that tests cut. */
  register(firstName, lastName, username) {
    return Person.register(this.server.url, firstName, lastName, username);
  }

  /** A browser of somebody's own, at the page. */
  async visitor({ viewport = DESKTOP, colorScheme = "light", person = null, at = "/", ...more } = {}) {
    const context = await this.browser.newContext({
      viewport, colorScheme, locale: "en-GB", timezoneId: "Europe/London", reducedMotion: "reduce", ...more,
    });
    const watch = await Watch.over(context, [this.origin, this.cut.url]);
    const page = await context.newPage();
    page.setDefaultTimeout(8_000);
    this.#contexts.push({ context, page, watch, who: person?.username ?? "visitor" });
    await page.goto(this.origin + at);
    return new Chat(page, watch, person);
  }

  /** A browser in which `person` is signed in, through the page's own form. */
  async signedIn(person, options = {}) {
    const chat = await this.visitor({ ...options, person });
    await chat.signIn(person);
    return chat;
  }

  /** A test with a deadline and a verdict. */
  test(title, body, { seconds = 30 } = {}) {
    test(title, { timeout: (seconds + 15) * 1000 }, async (t) => {
      try {
        await within(title, Promise.resolve(body(t)), seconds * 1000);
        for (const { watch, who } of this.#contexts) {
          // What is still open is in the verdict.
          await until("what is asked again is answered", () => watch.settled, 5_000).catch(() => {});
          assert.deepEqual(watch.verdict(), [], `what the browser of ${who} says`);
        }
      } catch (error) {
        await this.#keep(title);
        throw error;
      } finally {
        for (const { context } of this.#contexts.splice(0)) await context.close();
        this.cut.mend();
        // A test that failed between kill and start leaves none to the next.
        if (!this.server.running) await this.server.run();
      }
    });
  }

  async #keep(title) {
    const folder = join(KEPT, `${this.#name}-${title}`.replace(/\W+/g, "-").slice(0, 100));
    mkdirSync(folder, { recursive: true });
    for (const [index, { page, watch, who }] of this.#contexts.entries()) {
      const base = join(folder, `${index}-${who}`);
      writeFileSync(`${base}.console.txt`, watch.log.join("\n") + "\n");
      try {
        await page.screenshot({ path: `${base}.png`, timeout: 5_000 });
        writeFileSync(`${base}.tree.txt`, await page.locator("body").ariaSnapshot({ timeout: 5_000 }));
      } catch (error) {
        writeFileSync(`${base}.lost.txt`, String(error));
      }
    }
    writeFileSync(join(folder, "server.log"), this.server.tail(500));
    console.error(`"${title}" failed; screenshots, consoles and the server's log are in ${folder}`);
  }
}
