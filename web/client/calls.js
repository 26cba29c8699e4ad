/**
 * The routes of docs/API.md by name, each with the `data` of its answer. What writes carries an
 * Idempotency-Key of its own, so that a try whose answer was lost is repeated without a second effect.
 */

import { anId } from "./base.js";

export class Calls {
  #get(path, query) {
    return this.request("GET", path, { query });
  }

  #write(method, path, body) {
    return this.request(method, path, { body, key: true });
  }

  /** @returns {Promise<any>} */
  request(_method, _path, _options) {
    throw new Error("a client carries it out");
  }

  /** @returns {Promise<any>} */
  learning(answer) {
    return answer;
  }

  // Users

  me() {
    return this.#get("/users/me");
  }

  updateMe(fields) {
    return this.#write("PUT", "/users/me", fields);
  }

  settings() {
    return this.#get("/users/me/settings");
  }

  updateSettings(fields) {
    return this.#write("PUT", "/users/me/settings", fields);
  }

  changePassword({ currentPassword, newPassword }) {
    return this.#write("PUT", "/users/me/password", { currentPassword, newPassword });
  }

  /** @param {string} query @param {{limit?: number, cursor?: string | null}} [page] */
  findPeople(query, { limit, cursor } = {}) {
    return this.#get("/users/search", { query, limit, cursor });
  }

  person(userId) {
    return this.#get(`/users/${anId(userId)}`);
  }

  block(userId) {
    return this.#write("POST", `/users/${anId(userId)}/block`, {});
  }

  unblock(userId) {
    return this.#write("DELETE", `/users/${anId(userId)}/block`);
  }

  /** @param {{limit?: number, page?: number}} [page] */
  blocked({ limit, page } = {}) {
    return this.#get("/users/blocked", { limit, page });
  }

  // Conversations

  /**
   * @param {{type?: string, archived?: boolean, pinned?: boolean, search?: string, limit?: number,
   *   cursor?: string | null}} [page]
   */
  conversations({ type, archived, pinned, search, limit, cursor } = {}) {
    return this.learning(this.#get("/conversations", { type, archived, pinned, search, limit, cursor }));
  }

  conversation(conversationId) {
    return this.learning(this.#get(`/conversations/${anId(conversationId)}`));
  }

  notes() {
    return this.learning(this.#get("/conversations/self"));
  }

  openDirect(userId) {
    return this.learning(this.#write("POST", "/conversations", { type: "direct", participantIds: [anId(userId)] }));
  }

  /** @param {any} group */
  createGroup({ type = "group", name, description, avatarUrl, participantIds }) {
    const body = { type, name, description, avatarUrl, participantIds };
    return this.learning(this.#write("POST", "/conversations", body));
  }

  /** @param {string} conversationId @param {any} fields */
  updateConversation(conversationId, { name, description, avatarUrl }) {
    return this.#write("PUT", `/conversations/${anId(conversationId)}`, { name, description, avatarUrl });
  }

  /** @param {string} conversationId @param {any} settings */
  setConversation(conversationId, { isMuted, isArchived, isPinned, notificationSettings }) {
    const body = { isMuted, isArchived, isPinned, notificationSettings };
    return this.#write("PUT", `/conversations/${anId(conversationId)}/settings`, body);
  }

  deleteConversation(conversationId) {
    return this.#write("DELETE", `/conversations/${anId(conversationId)}`);
  }

  leave(conversationId) {
    return this.#write("POST", `/conversations/${anId(conversationId)}/leave`);
  }

  /** @param {string} conversationId @param {{limit?: number, cursor?: string | null}} [page] */
  members(conversationId, { limit, cursor } = {}) {
    return this.#get(`/conversations/${anId(conversationId)}/participants`, { limit, cursor });
  }

  addMembers(conversationId, userIds, role) {
    return this.#write("POST", `/conversations/${anId(conversationId)}/participants`, { userIds, role });
  }

  setRole(conversationId, userId, role) {
    return this.#write("PUT", `/conversations/${anId(conversationId)}/participants/${anId(userId)}`, { role });
  }

  removeMember(conversationId, userId) {
    return this.#write("DELETE", `/conversations/${anId(conversationId)}/participants/${anId(userId)}`);
  }

  /** Everything up to the message was read; without one, all there is. */
  read(conversationId, messageId) {
    const body = messageId === undefined ? {} : { messageId: anId(messageId) };
    return this.#write("POST", `/conversations/${anId(conversationId)}/read`, body);
  }

  /** Who types in it now. */
  typists(conversationId) {
    return this.#get(`/presence/conversations/${anId(conversationId)}/typing`);
  }

  // Messages

  /** @param {string} conversationId @param {{before?: number, after?: number, limit?: number}} [page] */
  history(conversationId, { before, after, limit } = {}) {
    return this.#get(`/conversations/${anId(conversationId)}/messages`, { before, after, limit });
  }

  message(messageId) {
    return this.#get(`/messages/${anId(messageId)}`);
  }

  edit(messageId, content) {
    return this.#write("PUT", `/messages/${anId(messageId)}`, { content });
  }

  remove(messageId) {
    return this.#write("DELETE", `/messages/${anId(messageId)}`);
  }

  edits(messageId) {
    return this.#get(`/messages/${anId(messageId)}/edit-history`);
  }

  /** @param {string} messageId @param {{limit?: number, after?: number}} [page] */
  thread(messageId, { limit, after } = {}) {
    return this.#get(`/messages/${anId(messageId)}/thread`, { limit, after });
  }

  react(messageId, emoji) {
    return this.#write("POST", `/messages/${anId(messageId)}/reactions`, { emoji });
  }

  unreact(messageId, emoji) {
    return this.#write("DELETE", `/messages/${anId(messageId)}/reactions/${encodeURIComponent(emoji)}`);
  }

  pin(messageId) {
    return this.#write("POST", `/messages/${anId(messageId)}/pin`);
  }

  unpin(messageId) {
    return this.#write("DELETE", `/messages/${anId(messageId)}/pin`);
  }

  pins(conversationId) {
    return this.#get(`/messages/conversations/${anId(conversationId)}/pinned`);
  }

  forward(messageId, conversationIds) {
    return this.#write("POST", `/messages/${anId(messageId)}/forward`, { conversationIds });
  }

  /** @param {string} messageId @param {{limit?: number, cursor?: string | null}} [page] */
  reads(messageId, { limit, cursor } = {}) {
    return this.#get(`/messages/${anId(messageId)}/reads`, { limit, cursor });
  }
}
