// Where messages are written: a new one, an answer, or another text for one that was sent.
//
// What was typed is never lost: each conversation has its draft, kept in this tab also across a reload; a
// text that could not be taken stays in the box.

import { alertUser, h, icon, iconButton } from "./dom.js";
import { codePoints, CONTENT_MAX, isVisible, nameOf, summary } from "./text.js";
import { inWords } from "./words.js";

const TELL_FROM = 9_000;
const DRAFT = "parlance.draft.";

/** When somebody signs out, what he was writing does not stay in the tab. */
export function forgetDrafts() {
  for (const key of Object.keys(sessionStorage)) if (key.startsWith(DRAFT)) sessionStorage.removeItem(key);
}

export class Composer {
  constructor(session, { toLog }) {
    this.session = session;
    this.prefix = `${DRAFT}${session.me}.`; // the next reader in this tab is another one
    this.drafts = new Map();
    this.id = null;
    this.mode = null;
    this.box = h("textarea", {
      class: "composer-box", rows: "1", "aria-label": "Message", placeholder: "Write a message", dir: "auto", "aria-describedby": "composer-count composer-help",
      enterkeyhint: "send", oninput: () => this.stroke(), onkeydown: (event) => this.key(event),
    });
    this.help = h("span", { class: "visually-hidden", id: "composer-help" }, "Enter sends, Shift and Enter begins a new line, arrow up edits your last message");
    this.count = h("p", { class: "composer-count", id: "composer-count", role: "status" });
    this.word = h("span", { class: "visually-hidden" }, "Send");
    this.glyph = h("span", { class: "send-glyph" }, icon("send"));
    this.button = h("button", { type: "submit", class: "send", title: "Send" }, this.glyph, this.word);
    this.bar = h("div", { class: "composer-bar", hidden: true });
    this.form = h("form", { class: "composer", onsubmit: (event) => this.submit(event) },
      this.bar, h("div", { class: "composer-line" }, this.box, this.button), this.count, this.help);
    this.closed = h("p", { class: "composer-closed quiet", hidden: true }, "Only those who run this channel write here.");
    this.node = h("div", { class: "composer-area" }, this.form, this.closed);
    this.toLog = toLog;
  }

  /** Another conversation, or none: the draft of the last one is put away and that of this one taken up. */
  switchTo(id) {
    if (this.id === id) return;
    this.keep();
    if (this.id) this.session.typing(this.id, false);
    this.id = id;
    const draft = id ? (this.drafts.get(id) ?? { text: sessionStorage.getItem(this.prefix + id) ?? "" }) : { text: "" };
    this.mode = draft.mode ?? null;
    this.box.value = draft.text;
    this.showBar();
    this.typed();
  }

  keep() {
    if (!this.id) return;
    const text = this.mode?.edit ? (this.mode.before ?? "") : this.box.value;
    this.drafts.set(this.id, { text, mode: this.mode?.reply ? this.mode : null });
    this.store(text);
  }

  store(text) {
    try {
      if (text) sessionStorage.setItem(this.prefix + this.id, text);
      else sessionStorage.removeItem(this.prefix + this.id);
    } catch {
      // A full or forbidden storage: the draft lives as long as the page.
    }
  }

  allow(may) {
    this.form.hidden = !may;
    this.closed.hidden = may;
  }

  focus() {
    this.box.focus({ preventScroll: true });
  }

  reply(message) {
    if (this.mode?.edit) this.cancel();
    this.mode = { reply: message };
    this.showBar();
    this.focus();
  }

  edit(message) {
    this.mode = { edit: message, before: this.mode?.edit ? this.mode.before : this.box.value };
    this.box.value = message.content ?? "";
    this.showBar();
    this.typed();
    this.focus();
    this.box.setSelectionRange(this.box.value.length, this.box.value.length);
  }

  cancel() {
    if (this.mode?.edit) this.box.value = this.mode.before ?? "";
    this.mode = null;
    this.showBar();
    this.typed();
  }

  showBar() {
    const { mode } = this;
    this.bar.hidden = !mode;
    this.bar.replaceChildren();
    const editing = Boolean(mode?.edit);
    this.word.textContent = editing ? "Save" : "Send";
    this.button.title = editing ? "Save" : "Send";
    this.glyph.replaceChildren(icon(editing ? "check" : "send"));
    if (!mode) return;
    const about = mode.edit ?? mode.reply;
    const own = about.senderId === this.session.me;
    const what = editing ? "Editing message" : ["Replying to ", h("bdi", {}, own ? "yourself" : nameOf(about.sender))];
    this.bar.append(icon(editing ? "edit" : "reply", "small"), h("div", { class: "composer-about" },
      h("p", { class: "composer-what" }, what), h("p", { class: "composer-quote" }, h("bdi", {}, summary(about)))),
      iconButton("close", editing ? "Cancel edit" : "Cancel reply", { onclick: () => {
        this.cancel();
        this.focus();
      } }));
  }

  /** The others see that something is being written; not that something old is changed. */
  stroke() {
    this.typed();
    if (this.id && !this.mode?.edit) this.session.typing(this.id, isVisible(this.box.value));
  }

  typed() {
    const { box } = this;
    box.style.height = "auto";
    box.style.height = `${Math.min(box.scrollHeight, Math.round(innerHeight * 0.35))}px`;
    const count = box.value.length > TELL_FROM ? codePoints(box.value) : box.value.length;
    this.over = Math.max(0, count - CONTENT_MAX);
    const left = CONTENT_MAX - count;
    if (this.over) this.count.textContent = `${this.over.toLocaleString()} ${this.over === 1 ? "character" : "characters"} too many`;
    else this.count.textContent = count > TELL_FROM ? `${left.toLocaleString()} characters left` : "";
    this.count.classList.toggle("over", this.over > 0);
    const ready = isVisible(box.value) && !this.over;
    this.button.setAttribute("aria-disabled", String(!ready));
    box.toggleAttribute("aria-invalid", false);
    if (this.over) box.setAttribute("aria-invalid", "true");
    if (this.id && !this.mode?.edit) this.store(box.value);
  }

  key(event) {
    if (event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.form.requestSubmit();
    } else if (event.key === "ArrowUp" && this.box.value === "" && !this.mode) {
      const message = this.session.lastOwn();
      if (!message) return;
      event.preventDefault();
      this.edit(message);
    } else if (event.key === "Escape" && this.mode) {
      event.preventDefault();
      this.cancel();
    }
  }

  async submit(event) {
    event.preventDefault();
    const content = this.box.value.replace(/^(?:[^\S\n]*\n)+/u, "").trimEnd();
    if (!isVisible(content) || this.over) return;
    if (this.mode?.edit) {
      await this.save(this.mode.edit, content);
      return;
    }
    try {
      this.session.send(content, this.mode?.reply?.id);
      this.mode = null;
      this.box.value = "";
      this.showBar();
      this.typed();
      this.toLog();
    } catch (error) {
      alertUser(error.code === "outbox_full" ? "Too much is waiting to be sent already. Wait for the connection, or discard some of it." : inWords(error));
    }
  }

  async save(message, content) {
    if (content === message.content) {
      this.cancel();
      return;
    }
    if (this.saving) return;
    this.saving = true;
    try {
      await this.session.chat.edit(message.id, content);
      if (this.mode?.edit?.id === message.id) this.cancel();
    } catch (error) {
      alertUser(inWords(error, "message.edit"));
    }
    this.saving = false;
  }
}
