// The histories that are held: which part of each is there, and how the next part comes.
//
// Invariant: a timeline changes by the folds of timeline.js alone, one page at a time. At most eight are held,
// each of them bounded; the longest unused one goes first and is read again when it is opened.

import { tickOf, unreadOf, withStatuses } from "./state.js";
import * as line from "./timeline.js";

const HELD = 8;

export class History {
  constructor(session) {
    this.session = session;
    this.timelines = new Map();
  }

  /** That of the open conversation. */
  get timeline() {
    return this.timelines.get(this.session.active);
  }

  get(id) {
    return this.timelines.get(id);
  }

  drop(id) {
    this.timelines.delete(id);
  }

  /** Folds an event into the timeline it belongs to, if that is held. `unseen` is where reading stopped, if nobody looks. */
  event(event, unseen) {
    const id = event.conversationId;
    const timeline = this.timelines.get(id);
    if (!timeline) return;
    if (unseen !== undefined) timeline.divider = unseen;
    line.foldEvent(timeline, event, this.session.me);
    if (id === this.session.active) this.quotes(id);
    else line.trim(timeline, "oldest");
  }

  /** The reader comes back to it: true if what is held will do. */
  resume(id) {
    const timeline = this.timelines.get(id);
    if (!timeline) return false;
    this.timelines.delete(id);
    this.timelines.set(id, timeline);
    this.startAtUnread(timeline, id);
    return line.atEnd(timeline) && (timeline.startAt ?? timeline.first) >= timeline.first;
  }

  startAtUnread(timeline, id) {
    timeline.divider = this.dividerOf(id);
    timeline.startAt = timeline.divider < Infinity ? timeline.divider + 1 : null;
  }

  dividerOf(id) {
    const conversation = this.session.list.get(id);
    return conversation && unreadOf(conversation) > 0 ? conversation.marker : Infinity;
  }

  /** From where one stopped reading, if that is further up than a page; else the newest. */
  async load(id) {
    const conversation = this.session.list.get(id);
    const timeline = line.createTimeline(conversation?.seq ?? 0);
    this.startAtUnread(timeline, id);
    this.timelines.set(id, timeline);
    while (this.timelines.size > HELD) this.timelines.delete(this.timelines.keys().next().value);
    const far = conversation && unreadOf(conversation) > line.PAGE - 10;
    await this.page(id, far ? { before: conversation.marker + line.PAGE - 10 } : {}, null);
  }

  /** Brings one page in, unless one is on its way. `end` is the end that gives way if there is too much. */
  async page(id, query, end, replace = false) {
    const timeline = this.timelines.get(id);
    if (!timeline || timeline.loading) return;
    timeline.loading = end ?? "all";
    timeline.error = null;
    this.session.changed();
    timeline.busy = this.bring(id, timeline, { query, end, replace });
    await timeline.busy;
  }

  async bring(id, timeline, { query, end, replace }) {
    try {
      let taken = false;
      while (!taken) {
        const since = line.mark(timeline);
        const answer = await this.session.chat.history(id, { limit: line.PAGE, ...query });
        const atNewest = answer.nextAfter === null && (answer.messages.length > 0 || query.before === undefined);
        taken = line.takePage(timeline, answer.messages, { me: this.session.me, since, replace, atNewest });
        this.session.list = withStatuses(this.session.list, id, answer.messages, this.session.me);
      }
      if (end) line.trim(timeline, end);
      this.quotes(id);
    } catch (error) {
      timeline.error = error;
    }
    timeline.loading = null;
    this.session.changed();
  }

  /** Another part of the history takes the place of this one; what is on its way is waited for. */
  async turnTo(query) {
    const { timeline } = this;
    const { active } = this.session;
    while (timeline.loading) await timeline.busy;
    await this.page(active, query, null, true);
    if (timeline.error) throw timeline.error;
  }

  older() {
    const timeline = this.timeline;
    if (!timeline?.loaded || line.atStart(timeline)) return;
    return this.page(this.session.active, { before: timeline.first }, "newest");
  }

  newer() {
    const timeline = this.timeline;
    if (!timeline?.loaded || line.atEnd(timeline)) return;
    return this.page(this.session.active, { after: timeline.last }, "oldest");
  }

  /** What came live stays within the bound as well; what the reader looks at is at the other end. */
  bound(end) {
    const { timeline } = this;
    if (timeline && !timeline.loading && timeline.last - timeline.first + 1 > line.WINDOW + line.PAGE) line.trim(timeline, end);
  }

  retry() {
    const timeline = this.timeline;
    if (!timeline?.loaded) return this.load(this.session.active);
    return line.atEnd(timeline) ? this.older() : this.newer();
  }

  async newest() {
    const timeline = this.timeline;
    if (!timeline || line.atEnd(timeline)) return;
    await this.turnTo({});
  }

  /** Brings a message into the window; its number, or undefined if it is not there. */
  async reach(messageId) {
    const id = this.session.active;
    const timeline = this.timeline;
    const held = timeline && line.byId(timeline, messageId);
    if (held) return held.seq;
    const { seq } = await this.session.chat.message(messageId);
    if (this.session.active !== id) return undefined;
    await this.turnTo({ before: seq + line.PAGE / 2 });
    return line.bySeq(timeline, seq) ? seq : undefined;
  }

  /** Events name the message that is answered; it is shown. */
  quotes(id) {
    const timeline = this.timelines.get(id);
    if (!timeline) return;
    timeline.askedFor ??= new Set();
    for (const messageId of line.missingQuotes(timeline)) {
      if (timeline.askedFor.has(messageId)) continue;
      timeline.askedFor.add(messageId);
      this.session.chat.message(messageId).then((message) => {
        if (line.takeQuoted(timeline, message)) this.session.changed();
      }, (error) => {
        // Without it the answer stands alone. What is not there is not asked for again.
        if (error.retryable) timeline.askedFor.delete(messageId);
      });
    }
  }

  rows() {
    const { timeline } = this;
    const { conversation, accepted, chat, me, active } = this.session;
    if (!timeline || !conversation) return [];
    const outbox = [...accepted.values(), ...chat.outbox].filter((entry) => entry.conversationId === active);
    return line.rows(timeline, { me, tick: (seq) => tickOf(conversation, seq), divider: timeline.divider, outbox });
  }
}
