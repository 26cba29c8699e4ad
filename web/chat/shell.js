// The frame around everything of a signed-in reader: the list, the conversation, and which of them is seen.
//
// The address says what is open (`#/c/ID`), so back, forward, reload and links work; on a narrow screen the
// list and the conversation are two screens, on a wide one they stand side by side.

import { announce, h } from "./dom.js";
import { Pane } from "./pane.js";
import { Sidebar } from "./sidebar.js";
import { nameOf, summary, titleOf } from "./text.js";

const MINUTE = 60_000;
const ROUTE = /^#\/c\/([0-9a-f-]{36})$/;

export class Shell {
  constructor(session) {
    this.session = session;
    this.sidebar = new Sidebar(session, { open: (id) => this.go(id) });
    this.pane = new Pane(session, { back: () => this.back(), open: (id) => this.go(id) });
    this.frame = h("main", { class: "shell" }, h("h1", { class: "visually-hidden" }, "Parlance"), this.pane.connection, this.sidebar.node, this.pane.node);
    this.nodes = [
      h("a", { class: "skip", href: "#list", onclick: (event) => this.skip(event, () => this.sidebar.focus()) }, "Skip to the conversations"),
      h("a", { class: "skip", href: "#conversation", onclick: (event) => this.skip(event, () => this.pane.focus()) }, "Skip to the messages"),
      this.frame,
    ];
    this.onroute = () => this.route();
    this.onfocus = () => this.pane.seen();
    this.onresume = () => {
      if (document.hidden) session.pause();
      else this.render();
    };
    this.onleave = () => session.pause();
  }

  start() {
    addEventListener("popstate", this.onroute);
    addEventListener("hashchange", this.onroute);
    addEventListener("focus", this.onfocus);
    addEventListener("pagehide", this.onleave);
    document.addEventListener("visibilitychange", this.onresume);
    this.session.onchange = () => this.render();
    this.session.onmessage = (event) => this.heard(event);
    this.midnight();
    this.minutes = setInterval(() => this.render(), MINUTE); // "5 minutes ago"
    this.route();
    this.render();
  }

  stop() {
    removeEventListener("popstate", this.onroute);
    removeEventListener("hashchange", this.onroute);
    removeEventListener("focus", this.onfocus);
    removeEventListener("pagehide", this.onleave);
    document.removeEventListener("visibilitychange", this.onresume);
    clearTimeout(this.timer);
    clearInterval(this.minutes);
    this.pane.stop();
    this.session.stop();
  }

  skip(event, focus) {
    event.preventDefault();
    focus();
  }

  route() {
    const id = ROUTE.exec(location.hash)?.[1] ?? null;
    const before = this.session.active;
    if (before === id && this.routed) return;
    this.routed = true;
    this.frame.dataset.screen = id ? "conversation" : "list";
    this.pane.leave();
    this.session.open(id);
    this.render();
    if (id) this.pane.enter();
    else if (before) this.sidebar.focus(before);
  }

  go(id) {
    if (id === null) {
      history.replaceState({}, "", location.pathname);
      this.route();
      return;
    }
    if (id === this.session.active) {
      this.pane.enter();
      return;
    }
    history.pushState({ fromList: this.session.active === null }, "", `#/c/${id}`);
    this.route();
  }

  /** Where the list is one step back, that step is taken, so that "back" does not pile up screens. */
  back() {
    if (history.state?.fromList) history.back();
    else this.go(null);
  }

  render() {
    this.sidebar.render();
    this.pane.render();
    const { unread, conversation, me } = this.session;
    const where = conversation ? `${titleOf(conversation, me)} · Parlance` : "Parlance";
    document.title = unread > 0 ? `(${unread}) ${where}` : where;
  }

  /** New messages of the open conversation are read out; those of others show as a count. */
  heard(event) {
    if (event.conversationId !== this.session.active) return;
    announce(`${nameOf(event.data.sender)}: ${summary(event.data)}`);
  }

  /** "Today" is another day after midnight. */
  midnight() {
    const now = new Date();
    const next = new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1, 0, 0, 1);
    this.timer = setTimeout(() => {
      this.pane.redraw();
      this.render();
      this.midnight();
    }, next - now);
  }
}
