// The page as somebody with a screen reader knows it: by roles and names alone. A control that can not be found
// this way fails the test, so these names are part of what the page promises.

import assert from "node:assert/strict";

import { until } from "./wait.mjs";

export class Chat {
  constructor(page, watch, person) {
    Object.assign(this, { page, watch, person });
  }

  button(name, within = this.page) {
    return within.getByRole("button", typeof name === "string" ? { name, exact: true } : { name });
  }

  textbox(name, within = this.page) {
    return within.getByRole("textbox", { name, exact: true });
  }

  dialog(name) {
    return this.page.getByRole("dialog", { name });
  }

  // --- account --------------------------------------------------------------------------------

  /** Types somebody's account into "Create account". */
  async createAccount(person) {
    await this.button("Create an account").click();
    await this.textbox("First name").fill(person.firstName);
    await this.textbox("Last name").fill(person.lastName);
    await this.textbox("Username").fill(person.username);
    await this.textbox("E-mail").fill(person.email);
    await this.page.getByLabel("Password", { exact: true }).fill(person.password);
    await this.button("Create account").click();
    await this.ready();
    this.person = person;
  }

  async signIn(person) {
    await this.textbox("Username or e-mail").fill(person.username);
    await this.page.getByLabel("Password", { exact: true }).fill(person.password);
    await this.button("Sign in").click();
    await this.ready();
    this.person = person;
  }

  /** Signed in, and live. */
  async ready() {
    await this.button("New conversation").first().waitFor();
    await this.live();
  }

  get status() {
    return this.page.getByRole("status", { name: "Connection" });
  }

  /** What a page says before it is live is nothing, too, if that takes a moment only; its mark is not the same. */
  async live(ms = 15_000) {
    await until("the page is live", async () => {
      const [text, mark] = await this.status.evaluate((node) => [node.textContent.trim(), node.className]);
      return text === "" && mark === "connection live";
    }, ms);
  }

  async saysStatus(text, ms = 10_000) {
    await until(`the page says "${text}"`, async () => (await this.status.textContent()).includes(text), ms);
  }

  // --- conversations --------------------------------------------------------------------------

  /** The row of a conversation in the list. */
  row(name) {
    return this.page.getByRole("list", { name: "Conversations" }).getByRole("link", { name: new RegExp(`^${escaped(name)}`) });
  }

  async open(name) {
    await this.row(name).click();
    await this.opened(name);
  }

  opened(name) {
    return this.page.getByRole("heading", { level: 2, name, exact: true }).waitFor();
  }

  /** Finds somebody by search and opens the direct conversation. */
  async openWith(person, query = person.username) {
    await this.button("New conversation").first().click();
    const dialog = this.dialog("New conversation");
    await dialog.getByRole("searchbox", { name: "Find people" }).fill(query);
    await dialog.getByRole("button", { name: new RegExp(`^${escaped(person.fullName)}`) }).click();
    await this.opened(person.fullName);
  }

  // --- messages -------------------------------------------------------------------------------

  get log() {
    return this.page.getByRole("log", { name: "Messages" });
  }

  get box() {
    return this.textbox("Message");
  }

  /** The newest message whose text contains `text`; not one that quotes it. */
  message(text) {
    const quotes = this.page.getByRole("button", { name: /^In reply to/ }).filter({ hasText: text });
    return this.log.getByRole("group").filter({ hasText: text }).filter({ hasNot: quotes }).last();
  }

  async send(text) {
    await this.box.fill(text);
    await this.button("Send").click();
  }

  /** Waits until a message shows `text`. */
  async shows(text, part = "", ms = 10_000) {
    await this.message(text).filter({ hasText: part }).waitFor({ timeout: ms });
  }

  async receipt(text, state, ms = 10_000) {
    await this.message(text).getByText(state, { exact: true }).waitFor({ state: "attached", timeout: ms });
  }

  /** Opens the menu of a message and takes one of it. */
  async act(text, item) {
    await this.message(text).hover();
    await this.button("Message actions", this.message(text)).click();
    await this.page.getByRole("menu", { name: "Message actions" }).getByRole("menuitem", { name: item, exact: true }).click();
  }

  /** The texts of the messages on screen that match, from top to bottom. */
  async texts(pattern) {
    const all = await this.log.getByRole("group").allInnerTexts();
    return all.map((text) => text.match(pattern)?.[0]).filter(Boolean);
  }

  /** What is on screen matches exactly these, in this order. */
  async showsExactly(pattern, expected, ms = 10_000) {
    await until(`${expected.length} messages in order`, async () => {
      const texts = await this.texts(pattern);
      assert.deepEqual(texts, expected);
      return true;
    }, ms);
  }
}

export function escaped(text) {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
