/**
 * Where the client stands in every conversation and in the feed: decides what of what arrives is told, and
 * what has to be asked for. The rule is that of docs/PROTOCOL.md: the next number is told, a lower one is a
 * repetition, a higher one waits until what lies between has come.
 */

import { isCount } from "./base.js";

export const FEED = "feed";
const HELD = 512; // numbered frames kept while what comes before them is asked for
const STRANGERS = 1_024; // conversations whose events came before they were known

export class Positions {
  #tracks = new Map(); // id or FEED → {rev, held: number → frame}
  #strangers = new Map(); // conversations that are not known → the highest rev that came
  #wanted = new Set(); // to be synced, whatever is held
  #held = 0;
  adopt = false; // conversations that nobody listed are known from the first event on

  constructor(cursors) {
    for (const [id, rev] of Object.entries(cursors?.conversations ?? {})) this.learn(id, rev);
    if (cursors?.feed !== undefined) this.learn(FEED, cursors.feed);
  }

  rev = (key) => this.#tracks.get(key)?.rev;
  want = (key) => void this.#wanted.add(key);
  wantAll = () => this.#tracks.forEach((_, key) => this.want(key));
  conversations = () => [...this.#tracks.keys()].filter((key) => key !== FEED);

  get waits() {
    return this.#held > 0 || this.#wanted.size > 0;
  }

  /** What a sync has to bring. */
  behind() {
    for (const [key, track] of this.#tracks) if (track.held.size > 0) this.#wanted.add(key);
    return [...this.#wanted].filter((key) => this.#tracks.has(key));
  }

  asked = (keys) => keys.forEach((key) => this.#wanted.delete(key));

  /** Begins with a conversation as of `rev`, unless it is known already. */
  learn(id, rev) {
    if (!isCount(rev) || this.#tracks.has(id)) return;
    this.#tracks.set(id, { rev, held: new Map() });
    if ((this.#strangers.get(id) ?? 0) > rev) this.want(id);
    this.#strangers.delete(id);
  }

  forget(id) {
    this.#held -= this.#tracks.get(id)?.held.size ?? 0;
    this.#tracks.get(id)?.held.clear();
    this.#tracks.delete(id);
    this.#wanted.delete(id);
  }

  reset(key, rev) {
    this.forget(key);
    this.learn(key, rev);
  }

  /** Takes a frame, and calls `tell` with each that is to be told now, while `going()`. */
  take(frame, tell, going = () => true) {
    const fed = frame.conversationId === undefined && isCount(frame.feed);
    const [key, rev] = fed ? [FEED, frame.feed] : [frame.conversationId, frame.rev];
    if (!isCount(rev) || key === undefined) return tell(frame);
    if (!this.#tracks.has(key) && !fed) {
      if (!this.adopt && !(frame.type === "member.added" && rev === 1)) return this.#stranger(key, rev);
      this.learn(key, rev - 1);
    }
    const track = this.#tracks.get(key);
    if (track === undefined || rev <= track.rev) return;
    if (rev > track.rev + 1) return this.#hold(track, key, rev, frame);
    for (let next = frame; next !== undefined; next = going() ? this.#release(track) : undefined) {
      track.rev += 1;
      this.#follow(next);
      tell(next);
    }
  }

  #stranger(id, rev) {
    this.#strangers.set(id, Math.max(rev, this.#strangers.get(id) ?? 0));
    if (this.#strangers.size > STRANGERS) this.#strangers.delete(this.#strangers.keys().next().value);
  }

  #hold(track, key, rev, frame) {
    if (this.#held >= HELD) return this.want(key); // the sync brings it again
    if (!track.held.has(rev)) this.#held += 1;
    track.held.set(rev, frame);
  }

  #release(track) {
    for (const rev of track.held.keys()) {
      if (rev <= track.rev && track.held.delete(rev)) this.#held -= 1;
    }
    const next = track.held.get(track.rev + 1);
    if (track.held.delete(track.rev + 1)) this.#held -= 1;
    return next;
  }

  /** What a frame says about which conversations there are; before it is told, so that cursors saved then hold it. */
  #follow({ type, conversationId, data }) {
    if (type === "conversation.added" && data?.conversationId) {
      if (this.rev(data.conversationId) < data.rev) this.want(data.conversationId);
      this.learn(data.conversationId, data.rev);
    } else if (type === "conversation.removed" && this.rev(data?.conversationId) <= data.rev) {
      this.forget(data.conversationId);
    } else if (type === "conversation.deleted" && conversationId) {
      this.forget(conversationId);
    }
  }
}
