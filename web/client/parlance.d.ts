// The types of parlance.js. Bodies, answers and frames are those of the generated files in types/.

import type * as events from "./types/events.js";
import type { components, operations } from "./types/rest.js";

export type Schemas = components["schemas"];
export type Message = Schemas["MessageShown"];
export type Conversation = Schemas["ConversationViewed"];
export type User = Schemas["User"];
export type OwnProfile = Schemas["OwnProfile"];
export type ErrorCode = Schemas["Code"];

/** `data` of the answer of a route, by its operation. */
export type Data<Name extends keyof operations> = operations[Name]["responses"] extends infer Answers
  ? Answers[keyof Answers & (200 | 201)] extends { content: { "application/json": { data: infer Told } } }
    ? Told
    : never
  : never;

/** What Web Storage has of it. */
export interface KeyValues {
  readonly length: number;
  key(index: number): string | null;
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

/** Where a client stands. Plain JSON. */
export interface Cursors {
  /** Whose; cursors of somebody else are not used. */
  userId?: string;
  conversations?: Record<string, number>;
  /** Absent until every conversation is known. */
  feed?: number;
}

export interface Options {
  /** Of the API, without /api/v1; the page's own origin unless given. */
  url?: string;
  /** Of the sockets; /ws at `url` unless given. */
  socketUrl?: string;
  /** Where the session and unsent texts lie; localStorage unless given, else memory. */
  storage?: KeyValues;
  WebSocket?: new (url: string, protocols: string[]) => unknown;
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** `cursors` of an earlier client: goes on from there. */
  cursors?: Cursors | null;
  /** What presence calls this device; told by the server from the browser unless given. */
  device?: { id?: string; type?: "web" | "mobile" | "desktop" };
}

export class ParlanceError extends Error {
  constructor(code: string, message: string, more?: Partial<ParlanceError>);
  /** A code of the API, or `network`, `closed`, `signed_out`, `outbox_full`, `discarded`. */
  readonly code: ErrorCode | "network" | "closed" | "signed_out" | "outbox_full" | "discarded";
  /** Of HTTP; 0 where there was none. */
  readonly status: number;
  /** For `validation_failed`: one line for each mistake. */
  readonly details: string[];
  /** The same may succeed later. */
  readonly retryable: boolean;
  readonly retryAfterMs?: number;
  readonly requestId?: string;
  /** For `closed`: the code of the socket's close. */
  readonly closeCode?: number;
  toJSON(): { code: string; message: string; status: number; details: string[] };
}

export interface Outgoing {
  content?: string;
  type?: Extract<Schemas["SendMessage"], { type?: unknown }>["type"];
  metadata?: Record<string, unknown> | null;
  replyToId?: string | null;
  /** Chosen by the client unless given; the same name again is the same message. */
  clientMessageId?: string;
}

/** A text on its way; one and the same object while its state changes. */
export interface Entry {
  readonly clientMessageId: string;
  readonly conversationId: string;
  readonly type: NonNullable<Outgoing["type"]>;
  readonly content: string;
  readonly metadata?: Record<string, unknown> | null;
  readonly replyToId?: string | null;
  /** When it was written, by this device. */
  readonly at: string;
  readonly state: "queued" | "sending" | "sent" | "failed" | "discarded";
  /** Why it failed, or why the last try did not do. */
  readonly error?: ParlanceError;
  /** When it is sent. */
  readonly message?: Message;
  readonly done: Promise<Message>;
}

export type Status = "signed-out" | "offline" | "connecting" | "catching-up" | "live" | "reconnecting";

export interface StatusChange {
  status: Status;
  error?: ParlanceError;
  retryInMs?: number;
}

/** What can not be told change by change. */
export type Reset =
  | { feed: number; conversationId?: undefined; removed?: undefined }
  | { conversationId: string; rev: number; seq: number; conversation: events.Conversation; feed?: undefined; removed?: undefined }
  | { conversationId: string; removed: true; feed?: undefined };

/** Frames by their type, as a listener gets them. */
export type Frames = Omit<events.Frames, "resync" | "welcome" | `sync.${string}`>;

/** A frame of any type, also of those that come with later servers. */
export interface AnyFrame {
  type: string;
  conversationId?: string;
  rev?: number;
  seq?: number;
  feed?: number;
  at?: string;
  data?: any;
}

export interface RequestOptions {
  body?: unknown;
  query?: Record<string, string | number | boolean | null | undefined>;
  /** The Idempotency-Key; `true` makes one. With it, what was lost is tried again. */
  key?: string | true;
  signal?: AbortSignal;
}

export type PresenceStatus = events.PresenceStatus;
export type PresenceShown = events.PresenceShown;

export interface PresenceCalls {
  /** Told as `presence` events from now on, beginning with what they are now; at most 200 users. */
  subscribe(userIds: Iterable<string>): Promise<PresenceShown[]>;
  unsubscribe(userIds: Iterable<string>): Promise<void>;
  of(userIds: Iterable<string>): Promise<Schemas["Presence"][]>;
  me(): Promise<Schemas["Presence"]>;
  /** For all devices, until it is changed. */
  update(
    fields: Omit<Schemas["PresenceChange"], "customStatusExpiresAt"> & { customStatusExpiresAt?: string | Date | null },
  ): Promise<Schemas["OwnPresence"]>;
  /** For this client alone, until it is closed. */
  here(status: PresenceStatus): Promise<void>;
}

interface Page {
  limit?: number;
  cursor?: string | null;
}

type Said = Promise<Schemas["Said"]>;

export class Parlance {
  constructor(options?: Options);

  readonly user: OwnProfile | null;
  readonly status: Status;
  /** Texts that are not sent yet, in order. */
  readonly outbox: Entry[];
  readonly cursors: Cursors | undefined;
  readonly presence: PresenceCalls;

  signUp(account: { username: string; email: string; password: string; firstName: string; lastName: string }): Promise<OwnProfile>;
  signIn(account: { identifier: string; password: string }): Promise<OwnProfile>;
  signOut(options?: { discard?: boolean }): Promise<void>;
  restore(): Promise<boolean>;

  connect(): Promise<void>;
  close(): void;

  on<Type extends keyof Frames>(type: Type, listener: (frame: Frames[Type]) => void): () => void;
  on(type: "event", listener: (frame: AnyFrame) => void): () => void;
  on(type: "status", listener: (change: StatusChange) => void): () => void;
  on(type: "reset", listener: (what: Reset) => void): () => void;
  on(type: "outbox", listener: (entry: Entry) => void): () => void;
  on(type: string & {}, listener: (frame: AnyFrame) => void): () => void;

  /** Somebody uses the program: at most one sign of life a minute. A page's own events do it by themselves. */
  active(): void;
  /** At every key stroke; it ends by itself, and with what is sent. */
  typing(conversationId: string, isTyping?: boolean): void;

  send(conversationId: string, message: string | Outgoing): Entry;
  retry(clientMessageId: string): void;
  discard(clientMessageId: string): void;

  request<Told = any>(method: string, path: string, options?: RequestOptions): Promise<Told>;
  /** For `request`: from the conversations of this answer on, their events are told. The calls below do it themselves. */
  learning<Told>(answer: Promise<Told>): Promise<Told>;

  me(): Promise<OwnProfile>;
  updateMe(fields: Schemas["ProfileChange"]): Promise<OwnProfile>;
  settings(): Promise<Schemas["Settings"]>;
  updateSettings(fields: Schemas["SettingsChange"]): Promise<Schemas["Settings"]>;
  changePassword(passwords: { currentPassword: string; newPassword: string }): Said;
  findPeople(query: string, page?: Page): Promise<Data<"searchUsers">>;
  person(userId: string): Promise<Data<"user">>;
  block(userId: string): Said;
  unblock(userId: string): Said;
  blocked(page?: { limit?: number; page?: number }): Promise<Data<"blocks">>;

  conversations(
    filter?: Page & { type?: "direct" | "group" | "channel"; archived?: boolean; pinned?: boolean; search?: string },
  ): Promise<Data<"conversations">>;
  conversation(conversationId: string): Promise<Conversation>;
  notes(): Promise<Conversation>;
  openDirect(userId: string): Promise<Conversation>;
  createGroup(group: {
    name: string;
    participantIds: string[];
    type?: "group" | "channel";
    description?: string;
    avatarUrl?: string;
  }): Promise<Conversation>;
  updateConversation(
    conversationId: string,
    fields: { name?: string; description?: string | null; avatarUrl?: string | null },
  ): Promise<Conversation>;
  setConversation(conversationId: string, settings: Schemas["ConversationSettings"]): Said;
  deleteConversation(conversationId: string): Said;
  leave(conversationId: string): Said;
  members(conversationId: string, page?: Page): Promise<Data<"participants">>;
  addMembers(conversationId: string, userIds: string[], role?: Schemas["AddParticipants"]["role"]): Said;
  setRole(conversationId: string, userId: string, role: Schemas["ParticipantChange"]["role"]): Said;
  removeMember(conversationId: string, userId: string): Said;
  read(conversationId: string, messageId?: string): Said;
  typists(conversationId: string): Promise<Data<"typing">>;

  history(conversationId: string, page?: { before?: number; after?: number; limit?: number }): Promise<Data<"messagesOfConversation">>;
  message(messageId: string): Promise<Message>;
  edit(messageId: string, content: string): Promise<Message>;
  remove(messageId: string): Said;
  edits(messageId: string): Promise<Data<"editHistory">>;
  thread(messageId: string, page?: { limit?: number; after?: number }): Promise<Data<"thread">>;
  react(messageId: string, emoji: string): Promise<Schemas["Reaction"]>;
  unreact(messageId: string, emoji: string): Said;
  pin(messageId: string): Promise<Schemas["PinnedMessage"]>;
  unpin(messageId: string): Said;
  pins(conversationId: string): Promise<Data<"pinned">>;
  forward(messageId: string, conversationIds: string[]): Promise<Data<"forwardMessage">>;
  reads(messageId: string, page?: Page): Promise<Data<"readers">>;
}
