// The part of a conversation's messages that is held and shown: one run without gaps, bounded, that slides.
// Pure, apart from changing the timeline it is given.
//
// Messages are numbered 1, 2, 3 … by `seq`. A timeline holds `first..last`; `newest` is the number of the
// newest message there is, so it is at the end when `last >= newest`. Pages come over REST while events come
// over the socket, in either order: events are kept for a while and folded again over a page that was asked
// for before they came, so a page can never take back what an event has said.

export const WINDOW = 300;
export const PAGE = 60;
const KEPT_EVENTS = 1_000;
const GROUP_MS = 5 * 60_000;

export function createTimeline(newest = 0) {
  return { messages: new Map(), seqOf: new Map(), first: 1, last: 0, newest, loaded: false, events: [], clock: 0 };
}

export const atEnd = (timeline) => timeline.loaded && timeline.last >= timeline.newest;
export const atStart = (timeline) => timeline.loaded && timeline.first <= 1;
export const bySeq = (timeline, seq) => timeline.messages.get(seq);
export const byId = (timeline, id) => timeline.messages.get(timeline.seqOf.get(id));

/** Where the events stand when a page is asked for; given back with the page. */
export const mark = (timeline) => timeline.clock;

function isEmpty(timeline) {
  return timeline.first > timeline.last;
}

function hold(timeline, message) {
  timeline.messages.set(message.seq, message);
  timeline.seqOf.set(message.id, message.seq);
}

function drop(timeline, seq) {
  const message = timeline.messages.get(seq);
  if (!message) return;
  timeline.messages.delete(seq);
  timeline.seqOf.delete(message.id);
}

function clear(timeline) {
  timeline.messages.clear();
  timeline.seqOf.clear();
  timeline.first = 1;
  timeline.last = 0;
}

/** Reactions as they are shown: how many of each, and whether one of them is the reader's. */
function reactionsOf(message, me) {
  const mine = new Set((message.reactions ?? []).filter((one) => one.userId === me).map((one) => one.emoji));
  return Object.entries(message.reactionCounts ?? {}).map(([emoji, count]) => ({ emoji, count, mine: mine.has(emoji) }));
}

function shown(message, me, before) {
  const { reactions, reactionCounts, replyTo, ...rest } = message;
  const counted = reactionCounts === undefined ? (before?.shownReactions ?? []) : reactionsOf(message, me);
  return {
    ...rest,
    replyTo: message.isDeleted ? null : (replyTo ?? before?.replyTo ?? null),
    shownReactions: message.isDeleted ? [] : counted,
  };
}

/**
 * Takes a page in, in ascending order, asked for at `since`. A page that does not touch what is held takes
 * its place. `atNewest`: nothing follows it, whatever was thought. False: more events came meanwhile than are
 * kept, so ask again.
 */
export function takePage(timeline, page, { me, since = timeline.clock, replace = false, atNewest = false } = {}) {
  if (timeline.clock - since > KEPT_EVENTS) return false;
  timeline.loaded = true;
  if (page.length > 0) {
    const [from, to] = [page[0].seq, page[page.length - 1].seq];
    const apart = from > timeline.last + 1 || to < timeline.first - 1;
    if (replace || isEmpty(timeline) || apart) {
      clear(timeline);
      timeline.first = from;
      timeline.last = to;
    } else {
      timeline.first = Math.min(timeline.first, from);
      timeline.last = Math.max(timeline.last, to);
    }
    for (const message of page) {
      const before = timeline.messages.get(message.seq);
      if (!before || before.rev <= message.rev) hold(timeline, shown(message, me, before));
    }
    timeline.newest = Math.max(timeline.newest, to);
  }
  if (atNewest) timeline.newest = timeline.last;
  for (const one of timeline.events) if (one.clock > since) apply(timeline, one.event, me);
  return true;
}

/** Folds an event in. Says whether anything shown has changed. */
export function foldEvent(timeline, event, me) {
  timeline.clock += 1;
  timeline.events.push({ clock: timeline.clock, event });
  if (timeline.events.length > KEPT_EVENTS) timeline.events.shift();
  return apply(timeline, event, me);
}

function apply(timeline, event, me) {
  const { data } = event;
  switch (event.type) {
    case "message.created": return append(timeline, data, me);
    case "message.updated":
    case "message.deleted": return replaceOne(timeline, data, me);
    case "message.reaction": return react(timeline, data, me);
    default: return false;
  }
}

function append(timeline, message, me) {
  timeline.newest = Math.max(timeline.newest, message.seq);
  if (!timeline.loaded) return false;
  if (timeline.messages.has(message.seq)) return false;
  if (message.seq !== timeline.last + 1) return true;
  if (isEmpty(timeline)) timeline.first = message.seq;
  timeline.last = message.seq;
  hold(timeline, shown({ ...message, reactionCounts: {} }, me));
  return true;
}

function replaceOne(timeline, message, me) {
  const before = timeline.messages.get(message.seq);
  let changed = false;
  if (message.isDeleted || message.isEdited) changed = quoted(timeline, message);
  if (!before || before.rev >= message.rev) return changed;
  hold(timeline, shown(message, me, before));
  return true;
}

/** Answers show the message they answer as it is now. */
function quoted(timeline, message) {
  let changed = false;
  for (const one of timeline.messages.values()) {
    if (one.replyToId !== message.id || !one.replyTo || one.replyTo.rev >= message.rev) continue;
    hold(timeline, { ...one, replyTo: { ...one.replyTo, ...message } });
    changed = true;
  }
  return changed;
}

function react(timeline, data, me) {
  const message = byId(timeline, data.messageId);
  if (!message || message.isDeleted) return false;
  const mine = new Set(message.shownReactions.filter((one) => one.mine).map((one) => one.emoji));
  if (data.userId === me && data.added) mine.add(data.emoji);
  if (data.userId === me && !data.added) mine.delete(data.emoji);
  const order = message.shownReactions.map((one) => one.emoji);
  const place = (emoji) => (order.includes(emoji) ? order.indexOf(emoji) : order.length);
  const shownReactions = Object.entries(data.counts)
    .filter(([, count]) => count > 0)
    .sort(([a], [b]) => place(a) - place(b))
    .map(([emoji, count]) => ({ emoji, count, mine: mine.has(emoji) }));
  hold(timeline, { ...message, shownReactions });
  return true;
}

/** The message that an answer quotes, read on its own. */
export function takeQuoted(timeline, quotedMessage) {
  let changed = false;
  for (const one of timeline.messages.values()) {
    if (one.replyToId !== quotedMessage.id || one.replyTo) continue;
    hold(timeline, { ...one, replyTo: quotedMessage });
    changed = true;
  }
  return changed;
}

/** Ids of quoted messages that are not known: from what is held where possible, the rest to be asked for. */
export function missingQuotes(timeline) {
  const asked = new Set();
  for (const one of timeline.messages.values()) {
    if (!one.replyToId || one.replyTo || one.isDeleted) continue;
    const held = byId(timeline, one.replyToId);
    if (held) hold(timeline, { ...one, replyTo: held });
    else asked.add(one.replyToId);
  }
  return [...asked];
}

/** Lets go of what is too far from where the reader looks: "newest" or "oldest" names the end that goes. */
export function trim(timeline, end, most = WINDOW) {
  const before = timeline.last - timeline.first + 1;
  while (timeline.last - timeline.first + 1 > most) {
    if (end === "newest") drop(timeline, timeline.last--);
    else drop(timeline, timeline.first++);
  }
  return before > most;
}

/** The reader's newest message that can be edited. */
export function lastOwn(timeline, me) {
  for (let seq = timeline.last; seq >= timeline.first; seq -= 1) {
    const message = timeline.messages.get(seq);
    if (message?.senderId === me && !message.isDeleted && (message.type ?? "text") === "text") return message;
  }
  return undefined;
}

/**
 * What the log shows, from top to bottom: `day`, `new`, `message` and `pending` rows, each with a key that
 * stays the same for as long as it is the same thing (a message keeps that of its place in the outbox). What
 * waits to be sent stands at the end of the history, or alone while there is none.
 */
export function rows(timeline, { me, tick, divider = Infinity, outbox = [] }) {
  const out = [];
  const sent = new Set();
  let before;
  for (let seq = timeline.first; seq <= timeline.last; seq += 1) {
    const message = timeline.messages.get(seq);
    if (!message) continue;
    const mine = message.senderId === me;
    if (mine && message.clientMessageId) sent.add(message.clientMessageId);
    const day = new Date(message.createdAt).toDateString();
    const newDay = day !== before?.day;
    if (newDay) out.push({ kind: "day", key: `day ${day}`, at: message.createdAt });
    const isNew = seq === divider + 1;
    if (isNew) out.push({ kind: "new", key: "new" });
    const continues = !newDay && !isNew && before?.senderId === message.senderId
      && Date.parse(message.createdAt) - before.at < GROUP_MS;
    if (continues) before.row.endsGroup = false;
    const key = mine && message.clientMessageId ? `c ${message.clientMessageId}` : `m ${message.id}`;
    const row = { kind: "message", key, message, mine, startsGroup: !continues, endsGroup: true, tick: mine ? tick(seq) : null };
    out.push(row);
    before = { day, senderId: message.senderId, at: Date.parse(message.createdAt), row };
  }
  if (atEnd(timeline) || !timeline.loaded) {
    for (const entry of outbox) {
      if (!sent.has(entry.clientMessageId)) out.push({ kind: "pending", key: `c ${entry.clientMessageId}`, entry });
    }
  }
  return out;
}
