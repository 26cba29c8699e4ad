// What a signed-in reader sees and does: holds the state, folds what the client library tells into it, and
// carries out what the views ask for. Views read its fields and call its methods; they are told of changes
// through `onchange`, at most once a frame.
//
// Invariant: the list changes by the folds of state.js alone, here and where history.js reads statuses.

import { History } from "./history.js";
import { keep, kept } from "./kept.js";
import { Presence } from "./presence.js";
import { fold, ordered, totalUnread, unreadOf, withRead, withReset, withView } from "./state.js";
import { nameOf } from "./text.js";
import { lastOwn } from "./timeline.js";

const READ_EVERY_MS = 400;
const LIST_MOST = 2_000;
const ACCEPTED_MOST = 100;

export class Session {
  constructor(chat) {
    this.chat = chat;
    this.me = chat.user.id;
    this.list = kept(this.me);
    this.listState = { loading: true, error: null };
    this.history = new History(this);
    this.presence = new Presence(this);
    this.active = null;
    this.missing = null;
    this.connection = { status: chat.status, error: null };
    this.onchange = () => {};
    this.onmessage = () => {};
    this.watchers = new Set();
    this.asked = new Map();
    this.reads = new Map();
    this.untold = new Map();
    this.accepted = new Map();
    this.offs = [];
    this.pendingRender = false;
  }

  start() {
    const on = (type, f) => this.offs.push(this.chat.on(type, f));
    on("event", (event) => this.event(event));
    on("status", (status) => this.status(status));
    on("reset", (reset) => this.reset(reset));
    on("outbox", (entry) => this.outboxChanged(entry));
    this.chat.connect();
    this.loadList();
  }

  /** The page goes away, or may. What comes after the end, as an answer on its way, keeps nothing. */
  pause() {
    if (!this.stopped) keep(this.me, this.conversations);
  }

  stop() {
    this.stopped = true;
    for (const off of this.offs) off();
    for (const one of this.reads.values()) clearTimeout(one.timer);
    this.onchange = () => {};
  }

  get conversations() {
    return ordered(this.list);
  }

  get unread() {
    return totalUnread(this.list);
  }

  get conversation() {
    return this.list.get(this.active);
  }

  get timeline() {
    return this.history.timeline;
  }

  /** Many frames of a sync are one change on the screen. */
  changed() {
    if (this.pendingRender) return;
    this.pendingRender = true;
    const render = () => {
      this.pendingRender = false;
      this.onchange();
      for (const watch of this.watchers) watch();
    };
    if (document.hidden) setTimeout(render, 100);
    else requestAnimationFrame(render);
  }

  status({ status, error = null, retryInMs }) {
    this.connection = { status, error, retryInMs };
    if (status === "live") {
      this.recover();
      this.presence.refresh();
    }
    this.changed();
  }

  /** Names of those who type in a conversation, as one calls them. */
  typists({ id, participants }) {
    return this.presence.typists(id).map(({ userId, username }) => {
      const user = participants.find((one) => one.userId === userId)?.user;
      return nameOf({ username, ...user, lastName: "" });
    });
  }

  /** A key stroke in the open conversation, or an end of writing. */
  typing(id, is) {
    if (this.list.has(id)) this.chat.typing(id, is);
  }

  /** What could not be read while there was no connection is read now. */
  recover() {
    if (this.listState.error) this.loadList();
    if (this.timeline?.error) this.history.retry();
    for (const [id, messageId] of this.untold) this.tellRead(id, messageId);
  }

  /** Whether somebody sees what is shown now. What comes in a flood after a gap is not seen just because it passed. */
  get looking() {
    return document.visibilityState === "visible" && document.hasFocus() && this.connection.status !== "catching-up";
  }

  event(event) {
    const before = this.list.get(event.conversationId);
    const { list, ask } = fold(this.list, event, this.me);
    this.list = list;
    if (ask) this.ask(ask);
    const fresh = event.type === "message.created" && event.data.senderId !== this.me;
    const unseen = fresh && before && unreadOf(before) === 0 && !this.looking;
    this.history.event(event, unseen ? before.marker : undefined);
    this.presence.event(event);
    if (event.conversationId === this.active && event.type.startsWith("member.")) this.followMembers();
    if (event.type === "conversation.removed") this.forget(event.data.conversationId);
    if (event.type === "conversation.deleted") this.forget(event.conversationId);
    if (event.type === "user.updated" && event.data.user) Object.assign(this.chat.user, event.data.user);
    if (fresh) this.onmessage(event);
    else if (event.type === "message.created") this.accepted.delete(event.data.clientMessageId);
    this.changed();
  }

  /** Accepted is not yet told as an event: until then it stays where it was, at the end. */
  outboxChanged(entry) {
    const { clientMessageId, conversationId, state, message } = entry;
    const told = message && this.list.get(conversationId)?.seq >= message.seq;
    if (state === "sent" && !told) this.accepted.set(clientMessageId, entry);
    else this.accepted.delete(clientMessageId);
    if (this.accepted.size > ACCEPTED_MOST) this.accepted.delete(this.accepted.keys().next().value);
    this.changed();
  }

  reset({ conversationId, removed, feed, conversation }) {
    if (feed !== undefined && conversationId === undefined) this.loadList();
    else if (removed) {
      this.list = new Map(this.list);
      this.list.delete(conversationId);
      this.forget(conversationId);
    } else {
      if (conversation) this.list = withReset(this.list, conversation);
      this.again(conversationId);
    }
    this.changed();
  }

  /** Too much was missed: what is held of it is from before the gap. */
  async again(id) {
    this.history.drop(id);
    for (const [name, entry] of this.accepted) if (entry.conversationId === id) this.accepted.delete(name);
    await this.ask(id);
    if (id === this.active && this.list.has(id) && !this.timeline) await this.history.load(id);
  }

  forget(id) {
    this.history.drop(id);
    if (this.active === id) this.missing = id;
  }

  /** Reads one conversation over REST; once at a time. */
  ask(id) {
    if (!this.asked.has(id)) this.asked.set(id, this.readOne(id).finally(() => this.asked.delete(id)));
    return this.asked.get(id);
  }

  async readOne(id) {
    try {
      this.take(await this.chat.conversation(id));
      if (this.missing === id) {
        // Taken away while it was open, and given back.
        this.missing = null;
        if (this.active === id && !this.timeline) this.history.load(id);
      }
    } catch (error) {
      if (error.code !== "not_found" && error.code !== "malformed_id") this.listFailed(error);
      else if (this.active === id) this.missing = id;
    }
    this.changed();
  }

  listFailed(error) {
    this.listState = { loading: false, error };
    this.changed();
  }

  /** The whole list, page by page. What it does not have any more is dropped; what came meanwhile stays. */
  async loadList() {
    if (this.loadingList) {
      this.loadAgain = true;
      return;
    }
    this.loadingList = true;
    this.listState = { loading: true, error: null };
    const known = new Set(this.list.keys());
    const seen = new Set();
    try {
      let cursor;
      let pages = 0;
      do {
        const page = await this.chat.conversations({ limit: 100, cursor });
        pages += 1;
        for (const view of page.items) {
          seen.add(view.id);
          this.list = withView(this.list, view);
          this.presence.seed(view);
        }
        cursor = page.nextCursor;
        this.changed();
      } while (cursor && seen.size < LIST_MOST);
      for (const id of known) {
        if (seen.has(id) || this.list.get(id)?.isArchived) continue;
        if (pages > 1 && await this.isThere(id)) continue;
        this.list = new Map(this.list);
        this.list.delete(id);
        this.forget(id);
      }
      this.listState = { loading: false, error: null };
      this.pause();
    } catch (error) {
      this.listState = { loading: false, error };
    }
    this.loadingList = false;
    this.changed();
    if (this.list.has(this.active) && !this.timeline) this.history.load(this.active);
    if (this.loadAgain) {
      this.loadAgain = false;
      await this.loadList();
    }
  }

  /** Whether it is there: one that becomes active while the list is read may have gone from a later page to the first. */
  async isThere(id) {
    try {
      this.take(await this.chat.conversation(id));
      return true;
    } catch (error) {
      if (error.code !== "not_found") throw error;
      return false;
    }
  }

  /** Shows a conversation; null for none. */
  async open(id) {
    if (this.active === id && (id === null || this.timeline)) return;
    this.active = id;
    this.missing = null;
    this.followMembers();
    this.changed();
    if (!id) return;
    if (this.history.resume(id)) return;
    if (!this.list.has(id)) await this.ask(id);
    if (this.active === id && this.list.has(id)) await this.history.load(id);
  }

  /** Who is there of the group that is open. With whom one talks directly is told without asking. */
  followMembers() {
    const { conversation } = this;
    const users = conversation && conversation.type !== "direct" ? conversation.participants.map((one) => one.userId) : null;
    this.presence.follow("group", users);
  }

  /** Everything up to the message was seen: shown at once, told to the server a moment later. */
  seen(seq) {
    const id = this.active;
    const conversation = this.list.get(id);
    if (!conversation || seq <= conversation.marker) return;
    this.list = withRead(this.list, id, seq);
    this.changed();
    const messageId = this.timeline?.messages.get(seq)?.id;
    const waiting = this.reads.get(id);
    if (waiting) {
      waiting.messageId = messageId ?? waiting.messageId;
      return;
    }
    const entry = { messageId };
    entry.timer = setTimeout(() => {
      this.reads.delete(id);
      if (entry.messageId) this.tellRead(id, entry.messageId);
    }, READ_EVERY_MS);
    this.reads.set(id, entry);
  }

  /** What could not be told is told when there is a connection again; a refusal (a member no more) is for good. */
  async tellRead(id, messageId) {
    this.untold.delete(id);
    try {
      await this.chat.read(id, messageId);
    } catch (error) {
      if (error.retryable) this.untold.set(id, messageId);
    }
  }

  send(content, replyToId) {
    const timeline = this.timeline;
    if (timeline) timeline.divider = Infinity;
    const entry = this.chat.send(this.active, replyToId ? { content, replyToId } : { content });
    entry.done?.catch(() => {
      // Shown in the outbox, with its reason.
    });
    this.changed();
  }

  /** The reader's newest message here: what was accepted is one too, before it is told as an event. */
  lastOwn() {
    const told = this.timeline && lastOwn(this.timeline, this.me);
    const here = [...this.accepted.values()].filter((entry) => entry.conversationId === this.active).map((entry) => entry.message);
    return here.reduce((newest, message) => (message && message.seq > (newest?.seq ?? 0) ? message : newest), told);
  }

  /** A conversation that was just opened or changed by the reader. */
  take(view) {
    this.list = withView(this.list, view);
    this.presence.seed(view);
    if (view.id === this.active) this.followMembers();
    this.changed();
    return view.id;
  }

  async leave(id) {
    await this.chat.leave(id);
    this.list = new Map(this.list);
    this.list.delete(id);
    this.forget(id);
    this.changed();
  }
}
