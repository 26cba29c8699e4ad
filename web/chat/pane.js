// The open conversation: its head, its state of connection, its log and the place to write; and what a
// message's menu does.

import { alertUser, announce, avatar, h, icon, iconButton } from "./dom.js";
import { Composer } from "./composer.js";
import { conversationInfo, messageReaders, pinnedMessages } from "./details.js";
import { Log } from "./log.js";
import { confirm, field, openDialog, openMenu } from "./overlay.js";
import { customOf, STATUSES, statusOf, statusWords, typingWords } from "./seen.js";
import { mayWrite } from "./state.js";
import { codePoints, EMOJI, EMOJI_MAX, initials, isVisible, otherOf, plural, tint, titleOf } from "./text.js";
import { inWords } from "./words.js";

const CONNECTION = {
  connecting: "Connecting…",
  "catching-up": "Catching up…",
  reconnecting: "Reconnecting…",
};

const BRIEF_MS = 700;

export class Pane {
  constructor(session, { back, open }) {
    this.session = session;
    this.open = open;
    this.log = new Log(session, (...action) => this.act(...action));
    this.composer = new Composer(session, { toLog: () => this.log.toEnd() });
    this.face = h("span", { class: "head-face" });
    this.title = h("h2", { class: "head-title", tabindex: "-1" });
    this.subtitle = h("p", { class: "head-subtitle" });
    this.typing = h("p", { class: "head-subtitle typing", role: "status", "aria-label": "Typing" });
    this.pins = iconButton("pin", "Pinned messages", { onclick: () => pinnedMessages(session, session.active, (id) => this.jumpTo(id)) });
    this.info = iconButton("info", "Conversation info", { onclick: () => this.showInfo() });
    this.head = h("header", { class: "bar" },
      iconButton("back", "Back to conversations", { class: "icon-button back", onclick: back }), this.face,
      h("div", { class: "head-words" }, this.title, this.subtitle, this.typing), this.pins, this.info);
    this.connection = h("p", { class: "connection", role: "status", "aria-label": "Connection" });
    this.empty = h("div", { class: "pane-empty" });
    this.body = h("div", { class: "log-area" }, this.log.node, this.empty, this.log.jump);
    this.node = h("section", { class: "pane", id: "conversation", tabindex: "-1" }, this.head, this.body, this.composer.node);
  }

  stop() {
    clearTimeout(this.briefly);
    this.composer.keep();
    this.log.stop();
  }

  leave() {
    this.composer.switchTo(null);
  }

  /** The reader has just opened it. */
  enter() {
    this.composer.switchTo(this.session.active);
    if (matchMedia("(min-width: 720px) and (hover: hover)").matches && !this.composer.form.hidden) this.composer.focus();
    else this.title.focus({ preventScroll: true });
  }

  focus() {
    const stop = this.log.node.querySelector(".message[tabindex='0']");
    (stop ?? (this.session.active ? this.composer.box : this.node)).focus();
  }

  seen() {
    this.log.seen();
  }

  redraw() {
    this.log.redraw();
  }

  render() {
    const { session } = this;
    const { conversation } = session;
    const shown = Boolean(conversation) && !session.missing;
    const title = shown ? titleOf(conversation, session.me) : "";
    this.node.setAttribute("aria-label", shown ? `Conversation with ${title}` : "Conversation");
    this.node.classList.toggle("vacant", !shown);
    this.pins.hidden = !shown;
    this.info.hidden = !shown;
    this.composer.node.hidden = !shown;
    if (shown) this.renderHead(conversation, title);
    else this.renderNone();
    this.renderConnection();
    this.log.node.hidden = !shown;
    this.log.render();
    this.renderEmpty(conversation, shown);
  }

  renderHead(conversation, title) {
    const other = otherOf(conversation, this.session.me);
    const direct = conversation.type === "direct";
    const view = direct && other ? this.session.presence.of(other.id) : undefined;
    const status = statusOf(view);
    const custom = customOf(view);
    const under = direct ? this.underDirect(other, view) : this.underGroup(conversation);
    const key = [conversation.id, title, under, status, custom].join("\n");
    if (this.headKey !== key) {
      this.headKey = key;
      this.title.replaceChildren(h("bdi", {}, title));
      this.subtitle.replaceChildren(under, ...(custom ? [" · ", h("bdi", {}, custom)] : []));
      this.face.replaceChildren(avatar(tint(other?.id ?? conversation.id), direct ? initials(title) : icon("people"), { status }));
    }
    if (direct && other) this.session.presence.look(other.id);
    this.renderTyping(typingWords(this.session.typists(conversation), { direct }));
    this.composer.allow(mayWrite(conversation));
  }

  /** "Offline" needs no word of its own where it says since when. */
  underDirect(other, view) {
    if (!other) return "Only you see this";
    return view ? statusWords(view, new Date()) : `@${other.username}`;
  }

  underGroup(conversation) {
    const online = this.session.presence.onlineIn(conversation);
    return plural(conversation.memberCount, "member", "members") + (online ? ` · ${online.toLocaleString()} ${STATUSES.online.toLowerCase()}` : "");
  }

  /** Takes the place of what stands under the title; told to screen readers as it begins. */
  renderTyping(words) {
    if (this.typingWords === words) return;
    this.typingWords = words;
    this.subtitle.hidden = words !== "";
    const dots = () => h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i"));
    this.typing.replaceChildren(...(words ? [dots(), h("bdi", {}, words)] : []));
  }

  renderNone() {
    this.headKey = null;
    this.title.replaceChildren();
    this.subtitle.textContent = "";
    this.renderTyping("");
    this.face.replaceChildren();
  }

  renderConnection() {
    const { status, error } = this.session.connection;
    let words = CONNECTION[status] ?? "";
    if (status === "reconnecting") words += " What you write is sent when the connection is back.";
    else if (status === "offline" && error) words = `Not connected: ${error.message ?? inWords(error)}.`;
    // Most connections are made in a moment: that is not worth a line that comes and goes.
    const brief = (status === "connecting" || status === "catching-up") && !this.connection.hasChildNodes();
    if (brief && this.briefly !== "over") {
      this.briefly ??= setTimeout(() => {
        this.briefly = "over";
        this.renderConnection();
      }, BRIEF_MS);
      return;
    }
    clearTimeout(this.briefly);
    this.briefly = null;
    if (this.connectionWords === words) return;
    this.connectionWords = words;
    this.connection.className = `connection ${status}`;
    this.connection.replaceChildren(...(words ? [h("span", { class: "pulse", "aria-hidden": "true" }), words] : []));
    if (status === "offline" && error) {
      this.connection.append(" ", h("button", { type: "button", class: "link-button", onclick: () => this.session.chat.connect() }, "Connect again"));
    }
  }

  /** What stands in the middle while there is nothing to read. */
  renderEmpty(conversation, shown) {
    const { session } = this;
    const { timeline } = session;
    let key = "";
    if (session.missing) key = "missing";
    else if (!session.active) key = session.list.size > 0 ? "choose" : "none";
    else if (!shown) key = session.listState.error ? "waiting" : "";
    else if (timeline?.loaded && timeline.newest === 0 && session.history.rows().length === 0) key = "first";
    if (this.emptyKey === key) return;
    this.emptyKey = key;
    const words = {
      missing: ["This conversation is not here", "It was deleted, or you are not a member of it. Choose another one from the list."],
      choose: ["Choose a conversation", "Or start a new one with the plus button above the list."],
      none: ["Welcome to Parlance", "Conversations appear in the list. Start the first one with the plus button."],
      waiting: ["Not here yet", "It is shown as soon as the server can be reached."],
      first: ["Nothing said yet", "Write the first message below."],
    }[key];
    this.empty.hidden = !words;
    this.empty.replaceChildren(...(words ? [icon("chat", "large"), h("p", { class: "empty-title" }, words[0]), h("p", { class: "quiet" }, words[1])] : []));
  }

  showInfo() {
    conversationInfo(this.session, this.session.active, {
      openPerson: (id) => this.open(id),
    });
  }

  async jumpTo(messageId) {
    try {
      const seq = await this.session.history.reach(messageId);
      if (seq === undefined || !this.log.show(seq)) announce("The message is not there");
    } catch (error) {
      alertUser(inWords(error));
    }
  }

  async act(what, subject, button, emoji) {
    const { chat } = this.session;
    switch (what) {
      case "menu": return this.messageMenu(subject, button);
      case "jump": return this.jumpTo(subject.id);
      case "expand": return this.log.expand(subject);
      case "react": return this.attempt(() => chat.react(subject.id, emoji), "react");
      case "unreact": return this.attempt(() => chat.unreact(subject.id, emoji), "react");
      case "retry": return chat.retry(subject.clientMessageId);
      case "discard": return this.discard(subject);
      default: throw new Error(`no such action: ${what}`);
    }
  }

  async attempt(task, doing) {
    try {
      await task();
    } catch (error) {
      alertUser(inWords(error, doing));
    }
  }

  discard(entry) {
    this.session.chat.discard(entry.clientMessageId);
    if (!this.composer.box.value && !this.composer.mode) {
      this.composer.box.value = entry.content ?? "";
      this.composer.typed();
    }
    this.composer.focus();
  }

  messageMenu(message, button) {
    const { chat, me } = this.session;
    const mine = message.senderId === me;
    const has = new Set(message.shownReactions.filter((one) => one.mine).map((one) => one.emoji));
    const react = (emoji) => this.act(has.has(emoji) ? "unreact" : "react", message, null, emoji);
    const may = mayWrite(this.session.conversation);
    openMenu(button, "Message actions", [
      { row: EMOJI.map((emoji) => ({ label: `${has.has(emoji) ? "Take back" : "React with"} ${emoji}`, shown: emoji, select: () => react(emoji) })) },
      { label: "React", icon: "smile", select: () => this.freeReaction(message) },
      may && { label: "Reply", icon: "reply", select: () => this.composer.reply(message) },
      mine && message.type === "text" && { label: "Edit", icon: "edit", select: () => this.composer.edit(message) },
      { label: message.isPinned ? "Unpin" : "Pin", icon: "pin", select: () => this.attempt(() => (message.isPinned ? chat.unpin(message.id) : chat.pin(message.id)), "pin") },
      mine && this.session.conversation.type !== "direct" && { label: "Read by", icon: "people", select: () => messageReaders(this.session, message) },
      navigator.clipboard && { label: "Copy text", icon: "copy", select: () => this.copy(message) },
      mine && { line: true },
      mine && { label: "Delete", icon: "bin", danger: true, select: () => this.remove(message) },
    ].filter(Boolean));
  }

  async copy(message) {
    try {
      await navigator.clipboard.writeText(message.content ?? "");
      announce("Copied");
    } catch {
      alertUser("The browser did not let the text be copied.");
    }
  }

  async remove(message) {
    const text = "Its text, history and reactions are taken from everybody. This cannot be undone.";
    if (await confirm("Delete this message?", text, "Delete")) {
      await this.attempt(() => this.session.chat.remove(message.id), "message.delete");
    }
  }

  /** Any emoji, or a short word. */
  freeReaction(message) {
    const box = field("Emoji", { autocomplete: "off", hint: "One emoji, or a short word of at most 50 characters." });
    const send = (event) => {
      event.preventDefault();
      const emoji = box.input.value.trim();
      if (!isVisible(emoji)) return box.fail("Choose an emoji first.");
      if (codePoints(emoji) > EMOJI_MAX) return box.fail(`At most ${EMOJI_MAX} characters.`);
      opened.close();
      return this.act("react", message, null, emoji);
    };
    const submit = h("button", { type: "submit", class: "button primary" }, "React");
    const form = h("form", { class: "stack", onsubmit: send, novalidate: true }, box.node, h("div", { class: "form-end" }, submit));
    const opened = openDialog("React", { content: form });
    box.input.focus();
  }
}
