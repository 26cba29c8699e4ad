/**
 * Who is signed in, and requests in his name. Its invariant: one refresh at a time, of all tabs where the
 * browser has locks, since a refresh token is good once; and what one user has asked for is never sent with
 * the token of another.
 */

import { AT_ONCE, ParlanceError, Pauses, jitter, network, signedOut, uuid } from "./base.js";

const API = "/api/v1";
const REQUEST_MS = 15_000; // until a request counts as lost
const PATIENCE_MS = 10_000; // longest pause asked for by the server that a call sits out by itself
const TRIES = 4; // of a request that is safe to repeat
const EARLY_MS = 30_000; // a token is refreshed this long before its end
const IDLE_MS = 6 * 3_600_000; // a client that only listens refreshes this often; the session ends after 7 days

/** Milliseconds of "15m"; an access token's life where the server says nothing else. */
function life(text) {
  const [, n, unit] = /^(\d+)([smhd])$/.exec(text ?? "") ?? [null, "15", "m"];
  return Number(n) * { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit];
}

export class Session {
  #now = null; // {user, accessToken, refreshToken, expiresAt, refreshedAt}
  #refreshing = null;
  #key;

  /** `on.ended(error)`: nobody is signed in any more; `on.renewed(token)`: there is a newer token. */
  constructor({ base, storage, fetch, prefix }, on) {
    this.base = base;
    this.storage = storage;
    this.fetch = fetch;
    this.on = on;
    this.#key = `${prefix}session`;
    this.pauses = new Pauses();
  }

  get user() {
    return this.#now?.user ?? null;
  }

  get stale() {
    return this.#now !== null && Date.now() - this.#now.refreshedAt > IDLE_MS;
  }

  stored() {
    try {
      const stored = JSON.parse(this.storage.getItem(this.#key) ?? "null");
      return stored?.user?.id && stored.refreshToken ? stored : null;
    } catch {
      return null; // not ours
    }
  }

  #save(session) {
    this.#now = session;
    try {
      this.storage.setItem(this.#key, JSON.stringify(session));
    } catch {
      // The session lives as long as this page.
    }
  }

  begin(user, tokens) {
    const { accessToken, refreshToken, expiresIn } = tokens;
    const now = Date.now();
    this.#save({ user, accessToken, refreshToken, expiresAt: now + life(expiresIn), refreshedAt: now });
  }

  /** Goes on with a session of the storage. */
  resume(stored) {
    this.#now = stored;
  }

  describe(user) {
    if (this.#now?.user.id !== user.id) return;
    // Another tab may have stored newer tokens that were not heard of yet.
    const stored = this.stored();
    const newer = stored?.user.id === user.id && stored.refreshedAt > this.#now.refreshedAt;
    this.#save({ ...(newer ? stored : this.#now), user });
  }

  /** The newest tokens of this session, to end it with. */
  refreshToken() {
    const stored = this.stored();
    if (this.#now && stored?.user.id === this.#now.user.id) this.#now = stored;
    return this.#now?.refreshToken;
  }

  renew() {
    return this.refresh(this.#now?.accessToken);
  }

  /** Ends a session at the server; may be sent again. */
  logout(refreshToken) {
    return this.#persist(() => this.once("POST", "/auth/logout", { body: { refreshToken } }), () => true);
  }

  /** Forgets the session here, and in the storage unless another one is there by now. */
  end(error) {
    const ended = this.#now;
    this.#now = null;
    if (ended === null) return;
    if (this.stored()?.refreshToken === ended.refreshToken) this.storage.removeItem(this.#key);
    this.on.ended(error);
  }

  /** Another tab has changed the storage. */
  heard(key) {
    if (key !== this.#key && key !== null) return;
    const stored = this.stored();
    if (this.#now === null) return;
    if (stored?.user.id === this.#now.user.id) this.#now = stored;
    else this.end(stored ? new ParlanceError("signed_out", "somebody else has signed in") : undefined);
  }

  /** An access token that is still good for a while. */
  async token() {
    if (this.#now === null) throw signedOut();
    if (this.#now.expiresAt - Date.now() < EARLY_MS) await this.refresh(this.#now.accessToken);
    if (this.#now === null) throw signedOut();
    return this.#now.accessToken;
  }

  /** Replaces this access token, unless that has happened. */
  refresh(stale) {
    if (this.#now?.accessToken !== stale) return Promise.resolve();
    const alone = (task) => {
      const locks = globalThis.navigator?.locks;
      return locks ? locks.request(this.#key, task) : task();
    };
    this.#refreshing ??= alone(() => this.#rotate(stale)).finally(() => (this.#refreshing = null));
    return this.#refreshing;
  }

  async #rotate(stale) {
    const old = this.#now;
    if (old === null) throw signedOut();
    const stored = this.stored();
    if (stored && stored.user.id !== old.user.id) {
      this.end(new ParlanceError("signed_out", "somebody else has signed in"));
      throw signedOut();
    }
    if (old.accessToken !== stale) return; // another tab was faster, and has been heard
    if (stored && stored.refreshToken !== old.refreshToken && stored.refreshedAt > old.refreshedAt) {
      this.#now = stored; // or not yet
    } else {
      const body = { refreshToken: old.refreshToken };
      const going = () => this.#now?.refreshToken === old.refreshToken; // the user may be described anew meanwhile
      let tokens;
      try {
        // Its answer may be lost: for 10 s the same token brings the same successor.
        tokens = await this.#persist(() => this.once("POST", "/auth/refresh", { body }), () => true);
      } catch (error) {
        // Only the server itself ends a session, not what stands between.
        if (error.status === 401 && error.code !== "network" && going()) this.end(error);
        throw error;
      }
      if (this.#now?.user.id !== old.user.id) throw signedOut();
      if (going()) this.begin(this.#now.user, tokens); // else another tab was faster
    }
    this.on.renewed(this.#now.accessToken);
  }

  /** Any route of the API, in the name of who is signed in. */
  async request(method, path, options = {}) {
    const owner = this.user?.id;
    const key = options.key === true ? uuid() : options.key;
    const safe = method === "GET" || key !== undefined;
    const attempt = async () => {
      const token = await this.token();
      if (this.user?.id !== owner) throw signedOut();
      return this.once(method, path, { ...options, key, token });
    };
    const renewed = async () => {
      try {
        return await attempt();
      } catch (error) {
        if (error.status !== 401 || error.code === "invalid_credentials" || !error.token) throw error;
        await this.refresh(error.token);
        return attempt();
      }
    };
    return this.#persist(renewed, (error) => safe || AT_ONCE.has(error.code), options.tries);
  }

  /** Tries again what may pass, while `again(error)` says that this is safe. */
  async #persist(attempt, again, tries = TRIES) {
    for (let tried = 1; ; tried++) {
      try {
        return await attempt();
      } catch (error) {
        const patient = (error.retryAfterMs ?? 0) <= PATIENCE_MS;
        if (!error.retryable || !again(error) || !patient || tried >= tries) throw error;
        await this.pauses.sleep((error.retryAfterMs ?? 0) + jitter(tried - 1));
      }
    }
  }

  /** One request, with or without a token. @param {string} method @param {string} path @param {any} [options] */
  async once(method, path, { body, query, key, token, signal } = {}) {
    const url = new URL(this.base + API + path);
    for (const [name, value] of Object.entries(query ?? {})) {
      if (value !== undefined && value !== null) url.searchParams.set(name, String(value));
    }
    const headers = {};
    if (body !== undefined) headers["Content-Type"] = "application/json";
    if (key !== undefined) headers["Idempotency-Key"] = key;
    if (token !== undefined) headers.Authorization = `Bearer ${token}`;
    const lost = AbortSignal.timeout(REQUEST_MS);
    let response, answer;
    try {
      response = await this.fetch(url.href, {
        method,
        headers,
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: signal ? AbortSignal.any([signal, lost]) : lost,
      });
      answer = await response.json().catch((error) => {
        if (error.name !== "SyntaxError") throw error;
      });
    } catch (error) {
      if (signal?.aborted) throw error;
      throw network(`no answer: ${error.cause?.message ?? error.message}`, {});
    }
    if (response.ok && answer?.success) return answer.data;
    throw refusal(response, answer, token);
  }
}

function refusal(response, answer, token) {
  const { status, headers } = response;
  const said = answer?.message?.message ?? `status ${status}`;
  const wait = Number.parseFloat(headers.get("Retry-After") ?? "");
  const details = Array.isArray(said) ? said : [];
  const message = details.length > 0 ? details.join("; ") : String(said);
  const more = { status, details, requestId: answer?.requestId ?? headers.get("X-Request-Id") ?? undefined };
  if (wait >= 0) more.retryAfterMs = wait * 1_000;
  // What is not of this server's form comes from something between.
  const error = answer?.code ? new ParlanceError(answer.code, message, more) : between(message, more);
  Object.defineProperty(error, "token", { value: token });
  return error;
}

const between = (message, more) => network(message, { ...more, retryable: more.status >= 500 || more.status === 429 });
