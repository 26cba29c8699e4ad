// People on two running nodes, by REST; run.py says where the nodes are.

import { createHmac, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

const words = (name) => (process.env[name] ?? "").split(" ").filter(Boolean);

export const NODES = words("PARLANCE_NODES");
export const REAL = process.env.PARLANCE_ENGINES === "real";
const PASSWORD = "violet-kettle-81";
/** With these codes nothing was done, or nobody knows: engines that stall cost a repetition, and not a test. */
const AGAIN = ["overloaded", "outcome_unknown"];
const TRIES = 5;
const TRIES_MS = 30_000;
let number = Math.floor(Math.random() * 1e9);

/** Whether to ask once more, behind so many tries since then. */
export const again = (code, tries, since) => AGAIN.includes(code) && tries < TRIES && Date.now() - since < TRIES_MS;

/** Somebody who has signed in. */
export class Person {
  static async called(name) {
    const one = new Person();
    number += 1;
    one.username = `${name}_${number.toString(36)}`;
    const form = { username: one.username, email: `${one.username}@example.org`, password: PASSWORD };
    one.id = (await one.post("/auth/register", { ...form, firstName: name, lastName: "Test" })).userId;
    await one.signIn();
    return one;
  }

  async signIn() {
    const { accessToken, refreshToken } = await this.post("/auth/login", { identifier: this.username, password: PASSWORD });
    this.token = accessToken;
    this.refreshToken = refreshToken;
    return this;
  }

  /** The same person on another device: a session of its own. */
  elsewhere() {
    return Object.assign(new Person(), { username: this.username, id: this.id }).signIn();
  }

  /** Asks once: the answer's status and body, whatever they are, and how long to wait before the next try. */
  async ask(method, path, body, { node = 0, key } = {}) {
    const headers = { "content-type": "application/json" };
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    if (key) headers["idempotency-key"] = key;
    const answer = await fetch(`${NODES[node]}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
    return { status: answer.status, body: await answer.json(), retryMs: Number(answer.headers.get("retry-after") ?? 1) * 1_000 };
  }

  /** Asks until it is known what became of it, under one key: what comes again is done once. */
  async call(method, path, body, options) {
    const [key, since] = [method === "GET" ? undefined : randomUUID(), Date.now()];
    for (let tries = 1; ; tries += 1) {
      const { status, body: answer, retryMs } = await this.ask(method, path, body, { key, ...options });
      if (status < 300) return answer.data;
      // The session that deletes the account ends with it: then it was done.
      if (tries > 1 && status === 401 && method === "DELETE" && path === "/users/me") return undefined;
      if (!again(answer.code, tries, since)) throw new Error(`${method} ${path}: ${status} ${JSON.stringify(answer)}`);
      await sleep(retryMs);
    }
  }

  get = (path, options) => this.call("GET", path, undefined, options);
  post = (path, body, options) => this.call("POST", path, body, options);
  put = (path, body, options) => this.call("PUT", path, body, options);
  delete = (path, options) => this.call("DELETE", path, undefined, options);

  direct = async (other) => (await this.post("/conversations", { type: "direct", participantIds: [other.id] })).id;
  group = async (...others) =>
    (await this.post("/conversations", { type: "group", name: "Crew", participantIds: others.map(({ id }) => id) })).id;
  say = (conversationId, content) => this.post("/messages", { conversationId, content });
}

/** Alice and Bob with a direct conversation. */
export async function pair() {
  const [alice, bob] = await Promise.all([Person.called("alice"), Person.called("bob")]);
  return { alice, bob, direct: await alice.direct(bob) };
}

/** The token with other claims, signed as the server signs. */
export function forged(token, claims) {
  const [head, body] = token.split(".");
  const changed = { ...JSON.parse(Buffer.from(body, "base64url")), ...claims };
  const text = `${head}.${Buffer.from(JSON.stringify(changed)).toString("base64url")}`;
  return `${text}.${createHmac("sha256", process.env.PARLANCE_SECRET).update(text).digest("base64url")}`;
}

/** Kills the process of a node at once; it is started again by itself. */
export function kill(node) {
  process.kill(Number(readFileSync(words("PARLANCE_PIDS")[node], "utf8")), "SIGKILL");
}

/** The sum of a counter over all processes, and over all labels if it is given without. */
export async function counted(name) {
  let sum = 0;
  for (const at of words("PARLANCE_METRICS")) {
    for (const line of (await (await fetch(`${at}/metrics`)).text()).split("\n")) {
      if (line.startsWith(`${name} `) || line.startsWith(`${name}{`)) sum += Number(line.slice(line.lastIndexOf(" ")));
    }
  }
  return sum;
}
