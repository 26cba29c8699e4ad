// What is known of conversations, folded from REST views and events. Pure: values in, new values out.
//
// The list is a Map of id to conversation. A view says as of which `rev` it is, so an event at or below that
// is a repetition and changes nothing; the client library sees to it that none is left out. Unread is never
// counted: it is the number of the newest message less that of the furthest mark (what was read, what was
// sent, where one joined), as the server has it.

/**
 * A conversation as the list keeps it. Views of the feed and of a sync do not depend on who reads them: they say
 * nothing of what is unread, so what was known stays, and who has just joined has read everything.
 */
export function fromView(view, before) {
  const seq = view.seq ?? 0;
  const unread = view.userParticipant?.unreadCount ?? view.unreadCount;
  const marker = unread === undefined ? (before?.marker ?? seq) : seq - unread;
  return {
    id: view.id,
    type: view.type,
    name: view.name ?? null,
    description: view.description ?? null,
    rev: view.rev ?? 0,
    seq,
    marker: Math.max(marker, before?.marker ?? 0),
    last: view.lastMessage ?? null,
    at: view.lastMessageAt ?? view.createdAt,
    memberCount: view.memberCount ?? view.participants?.length ?? 0,
    participants: view.participants?.length ? view.participants : (before?.participants ?? []),
    role: view.userParticipant?.role ?? before?.role ?? "member",
    isMuted: view.userParticipant?.isMuted ?? before?.isMuted ?? false,
    isPinned: view.userParticipant?.isPinned ?? before?.isPinned ?? false,
    isArchived: view.userParticipant?.isArchived ?? before?.isArchived ?? false,
    delivered: before?.delivered ?? 0,
    read: before?.read ?? 0,
  };
}

export function unreadOf(conversation) {
  return Math.max(0, conversation.seq - conversation.marker);
}

/**
 * What a view shows, and nothing that lies beyond it: a server that was restored from a backup has fewer messages
 * than were seen here.
 */
function within(conversation) {
  const most = (seq) => Math.min(seq, conversation.seq);
  const { marker, delivered, read } = conversation;
  return { ...conversation, marker: most(marker), delivered: most(delivered), read: most(read) };
}

/** The conversation as of the view, whatever was known: the server says that what is held is of no use. */
export function withReset(list, view) {
  return put(list, within(fromView(view, list.get(view.id))));
}

/** A view that was asked for, laid over what events have told since. */
export function withView(list, view) {
  const before = list.get(view.id);
  if (before && (view.rev ?? 0) < before.rev) {
    const seen = fromView(view, before);
    return put(list, { ...before, participants: seen.participants, role: seen.role, marker: seen.marker });
  }
  return put(list, within(fromView(view, before)));
}

function put(list, conversation) {
  return new Map(list).set(conversation.id, conversation);
}

/**
 * Folds one frame. Returns the list afterwards, and `ask`: the id of a conversation that has to be read
 * over REST because the frame names it and does not show it.
 */
export function fold(list, event, me) {
  switch (event.type) {
    case "conversation.added": return added(list, event.data);
    case "conversation.removed": return { list: without(list, event.data.conversationId) };
    case "conversation.deleted": return { list: without(list, event.conversationId) };
    case "user.updated": return { list: ownSettings(list, event.data) };
    case "receipt": return { list: receipt(list, event, me) };
    default: break;
  }
  const before = list.get(event.conversationId);
  if (!before) return { list, ask: event.rev && !endsFor(event, me) ? event.conversationId : undefined };
  if (!event.rev || event.rev <= before.rev) return { list };
  const after = change({ ...before, rev: event.rev }, event, me);
  return { list: after ? put(list, after) : without(list, event.conversationId) };
}

/** The end of a membership may come after the feed has taken the conversation away: then there is nothing to ask for. */
function endsFor({ type, data }, me) {
  return type === "conversation.deleted" || (type === "member.removed" && data.members.some((one) => one.userId === me));
}

function without(list, id) {
  if (!list.has(id)) return list;
  const after = new Map(list);
  after.delete(id);
  return after;
}

/** The entry of the feed shows a group without its members: those are asked for. */
function added(list, data) {
  const before = list.get(data.conversationId);
  if (before && before.rev >= data.rev) return { list };
  const view = { rev: data.rev, ...data.conversation };
  const ask = view.participants?.length ? undefined : view.id;
  return { list: put(list, fromView(view, before)), ask };
}

/** The conversation after a durable change; undefined if it is not the reader's any more. */
function change(conversation, event, me) {
  const { data } = event;
  switch (event.type) {
    case "message.created": return {
      ...conversation,
      seq: event.seq,
      marker: data.senderId === me ? event.seq : conversation.marker,
      last: previewOf(data),
      at: data.createdAt ?? event.at,
    };
    case "message.updated":
    case "message.deleted":
      if (conversation.last?.id === data.id) return { ...conversation, last: previewOf(data) };
      return conversation;
    case "conversation.updated": return { ...conversation, name: data.name, description: data.description };
    case "member.added": return memberAdded(conversation, data);
    case "member.changed": return roles(conversation, data, me);
    case "member.removed": return memberRemoved(conversation, data, me);
    default: return conversation;
  }
}

function previewOf(message) {
  const { id, seq, senderId, type, content, createdAt, isDeleted = false } = message;
  return { id, seq, senderId, type, content, createdAt, isDeleted };
}

function memberAdded(conversation, { members }) {
  const known = new Set(conversation.participants.map((one) => one.userId));
  const fresh = members.filter((one) => !known.has(one.userId));
  return {
    ...conversation,
    participants: [...conversation.participants, ...fresh].slice(0, 100),
    memberCount: conversation.memberCount + fresh.length,
  };
}

function memberRemoved(conversation, { members, memberCount }, me) {
  const gone = new Set(members.map((one) => one.userId));
  if (gone.has(me)) return undefined;
  const participants = conversation.participants.filter((one) => !gone.has(one.userId));
  return { ...conversation, participants, memberCount };
}

function roles(conversation, { members }, me) {
  const roleOf = new Map(members.map((one) => [one.userId, one.role]));
  const participants = conversation.participants.map((one) =>
    roleOf.has(one.userId) ? { ...one, role: roleOf.get(one.userId) } : one);
  return { ...conversation, participants, role: roleOf.get(me) ?? conversation.role };
}

function ownSettings(list, { conversation: changed }) {
  const before = list.get(changed?.conversationId);
  if (!before) return list;
  const { isMuted, isPinned, isArchived } = { ...before, ...changed };
  return put(list, { ...before, isMuted, isPinned, isArchived });
}

/** My own receipt moves what is unread; another's moves the ticks. Neither ever moves back. */
function receipt(list, { conversationId, data }, me) {
  const before = list.get(conversationId);
  if (!before) return list;
  if (data.userId === me) {
    if (data.kind !== "read" || data.seq <= before.marker) return list;
    return put(list, { ...before, marker: Math.min(data.seq, before.seq) });
  }
  return put(list, ticked(before, data.kind, data.seq));
}

function ticked(conversation, kind, seq) {
  const read = kind === "read" ? Math.max(conversation.read, seq) : conversation.read;
  return { ...conversation, read, delivered: Math.max(conversation.delivered, read, seq) };
}

/** What a page of history says about how far others have come: the status of one's own messages. */
export function withStatuses(list, id, messages, me) {
  let conversation = list.get(id);
  if (!conversation) return list;
  for (const message of messages) {
    if (message.senderId !== me || message.status === "sent") continue;
    conversation = ticked(conversation, message.status, message.seq);
  }
  return conversation === list.get(id) ? list : put(list, conversation);
}

/** What was read here, before the server says so. */
export function withRead(list, id, seq) {
  const before = list.get(id);
  if (!before || seq <= before.marker) return list;
  return put(list, { ...before, marker: Math.min(seq, before.seq) });
}

/** The tick of one's own message. */
export function tickOf(conversation, seq) {
  if (seq <= conversation.read) return "read";
  return seq <= conversation.delivered ? "delivered" : "sent";
}

/** As the list shows them: pinned first, then the latest. */
export function ordered(list) {
  const shown = [...list.values()].filter((one) => !one.isArchived);
  return shown.sort((a, b) =>
    Number(b.isPinned) - Number(a.isPinned) || (b.at > a.at ? 1 : b.at < a.at ? -1 : 0) || (a.id < b.id ? -1 : 1));
}

/** Unread over all, without what is muted. */
export function totalUnread(list) {
  let sum = 0;
  for (const one of list.values()) if (!one.isMuted && !one.isArchived) sum += unreadOf(one);
  return sum;
}

const RANK = { member: 0, moderator: 1, admin: 2, owner: 3 };

/** Whether the reader may rename the group, add to it and remove from it. */
export function mayManage(conversation) {
  return conversation.type !== "direct" && RANK[conversation.role] >= RANK.admin;
}

export function mayManageMember(conversation, member, me) {
  return mayManage(conversation) && member.userId !== me && RANK[member.role] < RANK[conversation.role];
}

export function mayWrite(conversation) {
  return conversation.type !== "channel" || RANK[conversation.role] >= RANK.moderator;
}
