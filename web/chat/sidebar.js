// The list of conversations, and what belongs to the account.

import { forgetDrafts } from "./composer.js";
import { alertUser, avatar, h, icon, iconButton, roving, spoken } from "./dom.js";
import { confirm, openMenu } from "./overlay.js";
import { ownStatus, ownWords, statusItems } from "./own.js";
import { newConversation } from "./people.js";
import { STATUSES, statusOf, typingWords } from "./seen.js";
import { unreadOf } from "./state.js";
import { initials, nameOf, otherOf, plural, summary, tint, titleOf } from "./text.js";
import { setTheme, theme, THEMES } from "./theme.js";
import { listTime } from "./time.js";
import { inWords } from "./words.js";

const FILTER_FROM = 10;

export class Sidebar {
  constructor(session, { open }) {
    this.session = session;
    this.openConversation = open;
    this.rows = new Map();
    const { user } = session.chat;
    const name = nameOf(user);
    this.face = h("span", { class: "account-face" });
    this.status = h("span", { class: "account-status" });
    this.account = h("button", { type: "button", class: "account-button", "aria-haspopup": "menu", "aria-expanded": "false", title: "Account", onclick: () => this.accountMenu() },
      this.face, spoken("Account: "), h("span", { class: "account-words" }, h("span", { class: "account-name" }, h("bdi", {}, name)), " ", this.status));
    this.create = iconButton("plus", "New conversation", { class: "icon-button filled", onclick: () => this.newConversation() });
    this.items = h("ul", { class: "conversations", role: "list", "aria-label": "Conversations" });
    this.note = h("div", { class: "list-note" });
    this.filter = h("input", { type: "search", class: "input filter", "aria-label": "Search conversations", placeholder: "Search conversations", autocomplete: "off", spellcheck: "false", hidden: true, oninput: () => this.render() });
    this.node = h("nav", { class: "sidebar", "aria-label": "Conversations", id: "list" },
      h("header", { class: "bar" }, this.account, this.create), this.filter,
      h("div", { class: "list-scroll" }, this.items, this.note));
    roving(this.items, ".conversation");
  }

  focus(id) {
    const row = this.rows.get(id)?.node ?? this.items.querySelector(".conversation[tabindex='0']") ?? this.items.querySelector(".conversation");
    (row?.matches("a") ? row : row?.querySelector("a") ?? this.create).focus();
  }

  newConversation() {
    newConversation(this.session, (id) => this.openConversation(id));
  }

  accountMenu() {
    const chosen = theme();
    openMenu(this.account, "Account", [
      ...statusItems(this.session),
      { line: true },
      { group: "Appearance", items: Object.entries(THEMES).map(([name, label]) => ({ label, checked: name === chosen, select: () => setTheme(name) })) },
      { line: true },
      { label: "Sign out", icon: "exit", select: () => this.signOut() },
    ]);
  }

  async signOut() {
    const waiting = this.session.chat.outbox.length;
    if (waiting > 0) {
      const text = `${plural(waiting, "message was", "messages were")} not sent. What was not sent waits on this device until you sign in again.`;
      if (!await confirm("Sign out before everything is sent?", text, "Sign out", { danger: false })) return;
    }
    this.openConversation(null);
    forgetDrafts();
    try {
      await this.session.chat.signOut();
    } catch (error) {
      // Signed out here; only the server could not be told.
      alertUser(inWords(error));
    }
  }

  render() {
    const { session } = this;
    const conversations = this.filtered(session.conversations);
    const now = new Date();
    this.renderAccount(now);
    const focused = document.activeElement;
    const waiting = new Map();
    for (const entry of session.chat.outbox) {
      const before = waiting.get(entry.conversationId);
      waiting.set(entry.conversationId, before === "failed" || entry.state === "failed" ? "failed" : "waiting");
    }
    const rows = new Map();
    for (const conversation of conversations) {
      const before = this.rows.get(conversation.id);
      const current = conversation.id === session.active;
      const time = listTime(conversation.at, now);
      const outbox = waiting.get(conversation.id);
      const status = this.statusOf(conversation);
      const typing = typingWords(this.session.typists(conversation), { direct: conversation.type === "direct" });
      const sign = [conversation, current, time, outbox, status, typing];
      const same = before && before.sign.every((part, index) => part === sign[index]);
      rows.set(conversation.id, same ? before : { sign, node: this.row(conversation, { current, time, outbox, status, typing }, before?.node) });
    }
    this.rows = rows;
    this.arrange([...rows.values()].map((row) => row.node));
    if (focused?.classList?.contains("conversation") && focused.isConnected) focused.focus({ preventScroll: true });
    if (!this.items.querySelector(".conversation[tabindex='0']")) {
      const first = this.items.querySelector(".conversation");
      if (first) first.tabIndex = 0;
    }
    this.showNote(conversations.length);
  }

  /** The reader as others see him, for himself. */
  renderAccount(now) {
    const { presence, chat } = this.session;
    const status = ownStatus(presence);
    const { words, custom, ends } = ownWords(presence, now);
    const key = [status, words, custom, ends].join("\n");
    if (this.accountKey === key) return;
    this.accountKey = key;
    this.face.replaceChildren(avatar(tint(chat.user.id), initials(nameOf(chat.user)), { status }));
    if (custom) this.status.replaceChildren(h("bdi", {}, custom), ends ? ` · ${ends}` : "");
    else this.status.replaceChildren(words);
    if (status && !words) this.status.prepend(spoken(`${STATUSES[status]} `));
  }

  /** The dot of a row; groups and notes have none. */
  statusOf(conversation) {
    const other = conversation.type === "direct" ? otherOf(conversation, this.session.me) : undefined;
    return other && statusOf(this.session.presence.of(other.id));
  }

  /** By what the reader types, once there are more than fit on a screen. */
  filtered(conversations) {
    this.filter.hidden = conversations.length < FILTER_FROM;
    const words = this.filter.hidden ? "" : this.filter.value.trim().toLocaleLowerCase();
    if (!words) return conversations;
    return conversations.filter((one) => titleOf(one, this.session.me).toLocaleLowerCase().includes(words));
  }

  /** Moves only what is not in its place. */
  arrange(nodes) {
    nodes.forEach((node, index) => {
      if (this.items.children[index] !== node) this.items.insertBefore(node, this.items.children[index] ?? null);
    });
    while (this.items.children.length > nodes.length) this.items.lastElementChild.remove();
  }

  row(conversation, { current, time, outbox, status, typing }, node) {
    const { me } = this.session;
    const title = titleOf(conversation, me);
    const unread = unreadOf(conversation);
    const link = node?.firstElementChild ?? h("a", { tabindex: "-1" });
    link.className = unread > 0 ? "conversation unread" : "conversation";
    link.href = `#/c/${conversation.id}`;
    link.onclick = (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
      event.preventDefault();
      this.openConversation(conversation.id);
    };
    if (current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    const face = otherOf(conversation, me)?.id ?? conversation.id;
    link.replaceChildren(
      avatar(tint(face), conversation.type === "direct" ? initials(title) : icon("people"), { status }),
      h("span", { class: "conversation-title" }, h("bdi", {}, title), status ? spoken(`, ${STATUSES[status]}`) : null, conversation.isMuted ? icon("muted", "small") : null),
      h("time", { class: "conversation-time", datetime: conversation.at }, time),
      h("span", { class: "conversation-preview" }, typing ? h("bdi", { class: "preview-typing" }, typing) : this.preview(conversation)),
      h("span", { class: "conversation-marks" },
        outbox ? h("span", { class: `mark ${outbox}`, title: outbox === "failed" ? "Not sent" : "Waiting to be sent" }, icon(outbox === "failed" ? "warn" : "clock", "small"), spoken(outbox === "failed" ? "Not sent" : "Waiting to be sent")) : null,
        unread > 0 ? h("span", { class: "badge" }, h("span", { "aria-hidden": "true" }, unread > 999 ? "999+" : String(unread)), spoken(`${unread} unread`)) : null),
    );
    return node ?? h("li", {}, link);
  }

  preview(conversation) {
    const { last } = conversation;
    if (!last) return h("span", { class: "quiet" }, "No messages yet");
    const sender = conversation.participants.find((one) => one.userId === last.senderId)?.user;
    const who = last.senderId === this.session.me ? "You: " : conversation.type !== "direct" && sender ? `${sender.firstName || nameOf(sender)}: ` : "";
    return [who ? h("bdi", { class: "preview-who" }, who) : null, h("bdi", { class: last.isDeleted ? "quiet" : "" }, summary(last))];
  }

  showNote(count) {
    const { loading, error } = this.session.listState;
    const filtered = count === 0 && this.session.list.size > 0 && !this.filter.hidden;
    const key = `${count > 0} ${filtered} ${loading} ${error?.code ?? ""}`;
    if (this.noteKey === key) return;
    this.noteKey = key;
    this.note.replaceChildren();
    if (error) {
      this.note.append(h("div", { class: "empty", role: "alert" }, h("p", {}, inWords(error)),
        h("button", { type: "button", class: "button", onclick: () => this.session.loadList() }, "Try again")));
    } else if (filtered) {
      this.note.append(h("p", { class: "quiet list-loading" }, "No conversation has this in its name."));
    } else if (count === 0 && loading) {
      this.note.append(h("p", { class: "quiet list-loading" }, "Loading conversations…"));
    } else if (count === 0) {
      this.note.append(h("div", { class: "empty" }, icon("chat", "large"),
        h("h2", {}, "No conversations yet"),
        h("p", {}, "Find somebody by name or username, or make a group. What others start with you shows up here by itself."),
        h("button", { type: "button", class: "button primary", onclick: () => this.newConversation() }, "Start a conversation")));
    }
  }
}
