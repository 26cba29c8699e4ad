// People and messages made over REST, by plain fetch and not by the client library: what a test compares the
// page with must not come through the code that is tested.

import { randomBytes, randomUUID } from "node:crypto";

const PASSWORD = "violet-kettle-81";
const TRIES = 6;

/** One request, however often it is asked: a slow disk leaves the outcome open now and then. */
async function call(base, method, path, { body, token, key = randomUUID() } = {}) {
  const ask = () => fetch(`${base}/api/v1${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
      "Idempotency-Key": key,
    },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  let response = await ask();
  for (let number = 1; response.status === 503 && number < TRIES; number += 1) {
    await response.arrayBuffer();
    await new Promise((resolve) => setTimeout(resolve, 1_000 * Number(response.headers.get("Retry-After") ?? 1)));
    response = await ask();
  }
  const answer = await response.json();
  if (!response.ok) {
    throw new Error(`${method} ${path}: ${response.status} ${answer.code}: ${JSON.stringify(answer.message)}`);
  }
  return answer.data;
}

/** Somebody with an account; `base` may be changed, as when a server starts again. */
export class Person {
  constructor(base, firstName, lastName, username) {
    const name = username ?? `${firstName.toLowerCase()}_${randomBytes(4).toString("hex")}`;
    Object.assign(this, { base, firstName, lastName, username: name, email: `${name}@example.org`, password: PASSWORD });
  }

  get fullName() {
    return `${this.firstName} ${this.lastName}`;
  }

  static async register(base, firstName, lastName, username) {
    const person = new Person(base, firstName, lastName, username);
    const { email, password } = person;
    const body = { username: person.username, email, password, firstName, lastName };
    person.id = (await call(base, "POST", "/auth/register", { body })).userId;
    await person.login();
    return person;
  }

  async login() {
    const body = { identifier: this.username, password: this.password };
    const session = await call(this.base, "POST", "/auth/login", { body });
    this.id = session.user.id;
    this.token = session.accessToken;
  }

  call(method, path, body, key) {
    return call(this.base, method, path, { body, key, token: this.token });
  }

  direct(other) {
    return this.call("POST", "/conversations", { type: "direct", participantIds: [other.id] });
  }

  group(name, others) {
    return this.call("POST", "/conversations", { type: "group", name, participantIds: others.map((one) => one.id) });
  }

  send(conversation, content, more = {}) {
    return this.call("POST", "/messages", { conversationId: conversation.id ?? conversation, content, ...more });
  }

  /** Every message of a conversation, in order. */
  async history(conversation) {
    const id = conversation.id ?? conversation;
    const messages = [];
    let after = 0;
    while (after !== null) {
      const page = await this.call("GET", `/conversations/${id}/messages?limit=100&after=${after}`);
      messages.push(...page.messages);
      after = page.messages.length ? page.nextAfter : null;
    }
    return messages;
  }

  conversations() {
    return this.call("GET", "/conversations?limit=100").then((page) => page.items);
  }
}
