// The messages on the screen: draws the rows of the open conversation and keeps the reader's place.
//
// Invariant: whatever is added, removed or drawn again, the row that the reader looks at stays where it is,
// unless he is at the end, where the newest message is kept in sight. The number of rows is bounded by the
// window of the timeline; near its edges the next page is asked for.

import { h, icon } from "./dom.js";
import { rowElement, signature } from "./message.js";
import { atEnd, atStart } from "./timeline.js";
import { plural } from "./text.js";
import { inWords } from "./words.js";

const EDGE_PX = 900;
const END_PX = 40;

export class Log {
  constructor(session, act) {
    this.session = session;
    this.drawn = new Map();
    this.context = { act, me: session.me, expanded: new Set(), named: false, online: true };
    this.top = h("div", { class: "log-edge" });
    this.rows = h("div", { class: "log-rows" });
    this.bottom = h("div", { class: "log-edge" });
    // New messages are read out by the page's own live region, with their sender and only once: pages of
    // history and messages that are drawn again would be read from here as if they were new.
    this.node = h("div", { class: "log", role: "log", "aria-label": "Messages", "aria-live": "off" }, this.top, this.rows, this.bottom);
    this.jump = h("button", { type: "button", class: "jump", hidden: true, onclick: () => this.jumped() }, icon("down"), h("span", {}));
    this.node.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.node.addEventListener("keydown", (event) => this.key(event));
    this.node.addEventListener("focusin", (event) => this.focused(event.target.closest(".message")));
    this.resized = new ResizeObserver(() => {
      if (this.stick) this.node.scrollTop = this.node.scrollHeight;
    });
    this.resized.observe(this.node);
  }

  stop() {
    this.resized.disconnect();
  }

  /** Another conversation: nothing of the last one stays. */
  clear() {
    this.drawn.clear();
    this.rows.replaceChildren();
    this.context.expanded.clear();
    this.shownFor = null;
    this.current = null;
    this.stick = true;
    this.jump.hidden = true;
  }

  redraw() {
    for (const one of this.drawn.values()) one.sign = "";
  }

  render() {
    const { session } = this;
    const { timeline, conversation } = session;
    if (!timeline || !conversation) {
      this.clear();
      this.edges(timeline);
      return;
    }
    const shown = timeline.loaded ? timeline : conversation.id;
    const first = this.shownFor !== shown;
    if (first) this.clear();
    this.shownFor = shown;
    this.context.named = conversation.type !== "direct";
    this.context.online = session.connection.status === "live";
    const place = first ? null : this.place();
    session.history.bound(this.stick ? "oldest" : "newest");
    this.draw(session.history.rows());
    this.edges(timeline);
    if (!timeline.loaded) this.node.scrollTop = this.node.scrollHeight;
    else if (first) this.enterAt(timeline);
    else if (this.stick && atEnd(timeline)) this.follow(conversation);
    else this.restore(place);
    this.after();
  }

  /** Draws again only what has changed. */
  draw(rows) {
    const focus = this.focusIn();
    const next = new Map();
    rows.forEach((row) => {
      const sign = `${row.kind} ${signature(row, this.context)}`;
      const before = this.drawn.get(row.key);
      next.set(row.key, before?.sign === sign ? before : { sign, node: rowElement(row, this.context), key: row.key });
    });
    for (const [key, one] of this.drawn) if (!next.has(key)) one.node.remove();
    let at = this.rows.firstChild;
    for (const [key, one] of next) {
      const before = this.drawn.get(key);
      if (before && before.node !== one.node && before.node.isConnected) {
        if (at === before.node) at = one.node;
        before.node.replaceWith(one.node);
      }
      if (at === one.node) at = at.nextSibling;
      else this.rows.insertBefore(one.node, at);
    }
    this.drawn = next;
    this.keepTabStop();
    this.refocus(focus);
  }

  focusIn() {
    const element = document.activeElement;
    if (!this.rows.contains(element)) return null;
    const message = element.closest(".message");
    const key = [...this.drawn.values()].find((one) => one.node === message)?.key;
    return { key, element, kind: element.className, emoji: element.dataset.emoji };
  }

  /** The focus stays on the same thing when it is drawn anew. */
  refocus(focus) {
    if (!focus || focus.element.isConnected && document.activeElement === focus.element) return;
    const node = this.drawn.get(focus.key)?.node;
    if (!node) return;
    const same = [...node.querySelectorAll(".in")].find((one) => one.className === focus.kind && one.dataset.emoji === focus.emoji);
    (same ?? node).focus({ preventScroll: true });
  }

  /** One message is the log's stop of the Tab key: where the reader was, else the newest. */
  keepTabStop() {
    const kept = this.drawn.get(this.current)?.node;
    const messages = this.rows.querySelectorAll(".message");
    const stop = kept ?? messages[messages.length - 1];
    for (const one of messages) if (one.tabIndex !== (one === stop ? 0 : -1)) one.tabIndex = one === stop ? 0 : -1;
    if (kept) for (const one of kept.querySelectorAll(".in")) one.tabIndex = 0;
  }

  focused(message) {
    if (!message) return;
    this.current = [...this.drawn.values()].find((one) => one.node === message)?.key;
    for (const one of this.rows.querySelectorAll(".in")) one.tabIndex = message.contains(one) ? 0 : -1;
    for (const one of this.rows.querySelectorAll(".message")) one.tabIndex = one === message ? 0 : -1;
  }

  key(event) {
    const message = event.target.closest(".message");
    if (!message || event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === "Enter" && event.target === message) {
      event.preventDefault();
      message.querySelector(".message-actions")?.click();
      return;
    }
    const all = [...this.rows.querySelectorAll(".message")];
    const to = { ArrowUp: all.indexOf(message) - 1, ArrowDown: all.indexOf(message) + 1, Home: 0, End: all.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = all[Math.max(0, Math.min(all.length - 1, to))];
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
  }

  /**
   * Messages in sight and where they are; the first of them that is still there afterwards holds the place.
   * Dividers do not: the day at the top of the window goes up with every page.
   */
  place() {
    const { top, bottom } = this.node.getBoundingClientRect();
    const out = [];
    for (const [key, { node }] of this.drawn) {
      if (!node.classList.contains("message")) continue;
      const box = node.getBoundingClientRect();
      if (box.bottom <= top) continue;
      if (box.top > bottom) break;
      out.push({ key, at: box.top });
    }
    return out;
  }

  restore(place) {
    for (const { key, at } of place ?? []) {
      const node = this.drawn.get(key)?.node;
      if (!node) continue;
      const moved = node.getBoundingClientRect().top - at;
      if (moved !== 0) this.node.scrollTop += moved;
      return;
    }
  }

  /** Where reading goes on: at what is new, else at the end. */
  enterAt(timeline) {
    this.node.scrollTop = this.node.scrollHeight;
    if (timeline.startAt) this.keepInSight(this.drawn.get("new")?.node);
    this.stick = this.isAtBottom() && atEnd(timeline);
  }

  /** Keeps to the end, but not past what nobody has seen yet. */
  follow(conversation) {
    this.node.scrollTop = this.node.scrollHeight;
    const first = this.rows.querySelector(`.message[data-seq="${conversation.marker + 1}"]`);
    if (!first) return;
    const divider = first.previousElementSibling?.classList.contains("new") ? first.previousElementSibling : first;
    this.keepInSight(divider);
    this.stick = this.isAtBottom();
  }

  keepInSight(node) {
    if (!node) return;
    const up = node.getBoundingClientRect().top - this.node.getBoundingClientRect().top;
    if (up < 0) this.node.scrollTop += up - 24;
  }

  isAtBottom() {
    return this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < END_PX;
  }

  scrolled() {
    const { timeline } = this.session;
    if (!timeline || this.shownFor !== timeline) return;
    this.stick = this.isAtBottom() && atEnd(timeline);
    this.after();
  }

  /** What follows from where the reader is now. */
  after() {
    const { timeline } = this.session;
    if (!timeline?.loaded) return;
    this.seen();
    this.showJump(timeline);
    if (timeline.loading || timeline.error) return;
    if (this.node.scrollTop < EDGE_PX && !atStart(timeline)) this.session.history.older();
    else if (this.node.scrollHeight - this.node.scrollTop - this.node.clientHeight < EDGE_PX && !atEnd(timeline)) this.session.history.newer();
  }

  showJump(timeline) {
    this.jump.hidden = this.stick || (this.isAtBottom() && atEnd(timeline));
    if (this.jump.hidden) return;
    const conversation = this.session.conversation;
    const fresh = conversation ? Math.max(0, conversation.seq - conversation.marker) : 0;
    const name = fresh > 0 ? `Jump to the newest message, ${plural(fresh, "new", "new")}` : "Jump to the newest message";
    if (this.jump.getAttribute("aria-label") === name) return;
    this.jump.setAttribute("aria-label", name);
    this.jump.title = name;
    this.jump.lastElementChild.textContent = fresh > 0 ? `${fresh > 999 ? "999+" : fresh} new` : "";
  }

  /** Read is what was in sight while the page was looked at. */
  seen() {
    const { timeline } = this.session;
    if (!timeline?.loaded || !this.session.looking) return;
    if (this.stick && atEnd(timeline)) {
      this.session.seen(timeline.last);
      return;
    }
    const { bottom } = this.node.getBoundingClientRect();
    const messages = this.rows.querySelectorAll(".message[data-seq]");
    for (let index = messages.length - 1; index >= 0; index -= 1) {
      if (messages[index].getBoundingClientRect().top < bottom - 12) {
        this.session.seen(Number(messages[index].dataset.seq));
        return;
      }
    }
  }

  async toEnd() {
    try {
      await this.session.history.newest();
    } catch {
      // The log itself says what went wrong, with a button to try again.
      return;
    }
    this.stick = true;
    this.current = null;
    this.render();
    this.node.scrollTop = this.node.scrollHeight;
    this.after();
  }

  /** The button goes away with what it does, so the focus goes to the message it led to. */
  async jumped() {
    await this.toEnd();
    this.rows.querySelector(".message[tabindex='0']")?.focus({ preventScroll: true });
  }

  /** Shows a message in the middle and marks it for a moment. */
  show(seq) {
    this.stick = false;
    this.render();
    const node = this.rows.querySelector(`.message[data-seq="${seq}"]`);
    if (!node) return false;
    node.scrollIntoView({ block: "center" });
    node.focus({ preventScroll: true });
    node.classList.remove("flash");
    node.getBoundingClientRect();
    node.classList.add("flash");
    this.after();
    return true;
  }

  expand(message) {
    this.context.expanded.add(message.id);
    this.stick = false;
    this.render();
  }

  /** What stands above the oldest and below the newest row. */
  edges(timeline) {
    const busy = () => h("p", { class: "quiet", role: "none" }, "Loading…");
    const failed = (error) => h("div", { class: "edge-error", role: "alert" }, h("p", {}, inWords(error)),
      h("button", { type: "button", class: "button", onclick: () => this.session.history.retry() }, "Try again"));
    const state = [timeline?.loaded, timeline?.loading, timeline?.error?.code, timeline && atStart(timeline), timeline && atEnd(timeline), timeline?.newest === 0].join();
    if (state === this.edgeState) return;
    this.edgeState = state;
    const below = timeline?.loaded && !atEnd(timeline);
    this.bottom.replaceChildren(...(below && timeline.loading === "oldest" ? [busy()] : []));
    let above = [];
    if (timeline?.error) above = [failed(timeline.error)];
    else if (!timeline?.loaded || timeline.loading === "newest") above = [busy()];
    else if (timeline.newest > 0 && atStart(timeline)) above = [h("p", { class: "quiet" }, "This is where the conversation begins")];
    this.top.replaceChildren(...above);
  }
}
