// Who is there and who types, as the page knows it: folded from what the client library tells, begun with what REST
// says. Views read `of`, `typists` and `mine`; the session tells them that something has changed.
//
// Invariant: what came as an event is never replaced by an answer that was asked for before it.

import { otherOf } from "./text.js";
import { chosenOf, statusOf } from "./seen.js";

const PEERS = 200; // read at once; the rest as they are looked at
const SOON_MS = 1_500;
const AGAIN_MS = 30_000;
const FOLLOWED = 200; // of groups, beside those one talks with directly

export class Presence {
  constructor(session) {
    this.session = session;
    this.views = new Map(); // user → { view, run, told }: as of which connection, and by which event
    this.typing = new Map(); // conversation → user → username
    this.chosen = "online"; // what the reader wants to be
    this.run = 0;
    this.told = 0;
    this.asked = new Map(); // user → from when on he may be asked for again
    this.followed = new Map(); // what is looked at → users
    this.subscribed = new Set();
  }

  of(userId) {
    return this.views.get(userId)?.view;
  }

  get mine() {
    return this.of(this.session.me);
  }

  /** Users who type in a conversation; never the reader himself. */
  typists(conversationId) {
    return [...(this.typing.get(conversationId) ?? [])].map(([userId, username]) => ({ userId, username }));
  }

  event({ type, conversationId, data }) {
    if (type === "presence") this.take(data, (this.told += 1));
    else if (type === "typing") this.types(conversationId, data);
    else if (type === "message.created") this.types(conversationId, { userId: data.senderId });
    else if (type === "member.removed") for (const { userId } of data.members) this.types(conversationId, { userId });
    else if (type === "conversation.removed") this.typing.delete(data.conversationId);
    else if (type === "user.updated" && data.presence) this.chosen = data.presence.status ?? "online";
  }

  take(view, told) {
    const { userId, status, customStatus = null, customStatusExpiresAt = null, lastSeenAt = null } = view;
    this.views.set(userId, { view: { userId, status, customStatus, customStatusExpiresAt, lastSeenAt }, run: this.run, told });
  }

  types(conversationId, { userId, username, isTyping = false }) {
    if (userId === this.session.me) return;
    const before = this.typing.get(conversationId) ?? new Map();
    if (isTyping) before.set(userId, username);
    else before.delete(userId);
    if (before.size > 0) this.typing.set(conversationId, before);
    else this.typing.delete(conversationId);
  }

  /** What a view of a conversation says of its members: the least that is known of them. */
  seed(conversation) {
    for (const { user } of conversation.participants ?? []) {
      if (!user?.presenceStatus || this.views.has(user.id)) continue;
      const view = { userId: user.id, status: user.presenceStatus, customStatus: null, customStatusExpiresAt: null, lastSeenAt: user.lastSeen ?? null };
      this.views.set(user.id, { view, run: this.run, told: 0 });
    }
  }

  /** There is a connection again: what was known is from before it. */
  async refresh() {
    this.run += 1;
    this.asked.clear();
    const { me, conversations } = this.session;
    const others = conversations.filter((one) => one.type === "direct").map((one) => otherOf(one, me)?.id).filter(Boolean);
    const peers = others.slice(0, PEERS);
    const run = this.run;
    await Promise.all([this.own(), this.read(peers)]);
    if (run !== this.run) return;
    for (const [userId, known] of this.views) if (known.run < run) this.views.delete(userId);
    this.session.changed();
  }

  /** The reader himself. A server that has not yet heard of this device does not say what he has chosen: soon it does. */
  async own(tries = 3) {
    const { told, run } = this;
    try {
      const view = await this.session.chat.presence.me();
      if (run !== this.run) return;
      this.answered([view], told);
      this.chosen = chosenOf(view, Date.now());
      const unheard = !view.devices?.length && tries > 1 && !this.session.stopped;
      if (unheard) setTimeout(() => run === this.run && this.own(tries - 1), SOON_MS);
    } catch {
      // A server without it, or none: nothing is shown.
    }
  }

  async read(userIds) {
    const { told } = this;
    if (userIds.length === 0) return;
    for (const userId of userIds) this.asked.set(userId, Infinity);
    try {
      this.answered(await this.session.chat.presence.of(userIds), told);
    } catch {
      for (const userId of userIds) this.asked.set(userId, Date.now() + AGAIN_MS); // as above; if he is looked at then
    }
  }

  answered(views, since) {
    for (const view of views) if (!((this.views.get(view.userId)?.told ?? 0) > since)) this.take(view, since);
    this.session.changed();
  }

  /** Somebody is looked at: all of his presence is wanted, once a connection. */
  look(userId) {
    const due = this.asked.get(userId) ?? 0;
    if (this.session.connection.status === "live" && Date.now() >= due) this.read([userId]);
  }

  /** Keeps up with these users while `what` is looked at; without users, no more. */
  follow(what, userIds) {
    if (userIds) this.followed.set(what, userIds);
    else if (!this.followed.delete(what)) return;
    const { me, chat } = this.session;
    const wanted = new Set([...this.followed.values()].flat().filter((one) => one !== me).slice(0, FOLLOWED));
    const gone = [...this.subscribed].filter((one) => !wanted.has(one));
    const fresh = [...wanted].filter((one) => !this.subscribed.has(one));
    this.subscribed = wanted;
    const quiet = () => {}; // the client asks again where that is of use
    if (gone.length > 0) chat.presence.unsubscribe(gone).catch(quiet);
    if (fresh.length > 0) chat.presence.subscribe(fresh).catch(quiet);
  }

  /** How many of the others of a group are online; undefined where not all of them are known here. */
  onlineIn({ participants, memberCount }) {
    if (participants.length < memberCount || memberCount > FOLLOWED) return undefined;
    return participants.filter(({ userId }) => userId !== this.session.me && statusOf(this.of(userId)) === "online").length;
  }

  /** What the reader chooses to be, on all his devices. */
  async choose(status) {
    const before = this.chosen;
    this.chosen = status;
    this.session.changed();
    try {
      await this.set({ status });
    } catch (error) {
      this.chosen = before;
      this.session.changed();
      throw error;
    }
  }

  async set(fields) {
    const { told } = this;
    this.answered([await this.session.chat.presence.update(fields)], told);
  }
}
