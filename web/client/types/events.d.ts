// Generated from schemas/json/asyncapi-ws.json and chat.events by tests/client/types.mjs; not edited by hand.
import type {components} from "./rest.js";

/**
 * UTC with milliseconds: 2026-11-23T18:30:00.000Z
 */
export type Timestamp = string;
/**
 * A person or bot.
 */
export type UserId = string;
/**
 * A direct, group or channel conversation.
 */
export type ConversationId = string;
/**
 * A message; derived where the client chose an id, else v7.
 */
export type MessageId = string;
/**
 * What a conversation is.
 */
export type Kind = "direct" | "group" | "channel";
/**
 * Whether somebody is here.
 */
export type PresenceStatus = "online" | "away" | "do_not_disturb" | "offline";
/**
 * What a device is.
 */
export type DeviceKind = "web" | "mobile" | "desktop";
/**
 * Whether somebody is here.
 */
export type PresenceStatus1 = "online" | "away" | "do_not_disturb" | "offline";

export interface Socket {
  frames: Frames;
  requests: Requests;
  answers: Answers;
}
/**
 * What the server says, by type.
 */
export interface Frames {
  "conversation.added": ConversationAddedFrame;
  "conversation.deleted": ConversationDeletedFrame;
  "conversation.removed": ConversationRemovedFrame;
  "conversation.updated": ConversationUpdatedFrame;
  "member.added": MemberAddedFrame;
  "member.changed": MemberChangedFrame;
  "member.removed": MemberRemovedFrame;
  "message.created": MessageCreatedFrame;
  "message.deleted": MessageDeletedFrame;
  "message.reaction": MessageReactionFrame;
  "message.updated": MessageUpdatedFrame;
  presence: PresenceFrame;
  receipt: ReceiptFrame;
  resync: ResyncFrame;
  "sync.changes": SyncChangesFrame;
  "sync.done": SyncDoneFrame;
  "sync.receipts": SyncReceiptsFrame;
  "sync.reset": SyncResetFrame;
  typing: TypingFrame;
  "user.updated": UserUpdatedFrame;
  welcome: WelcomeFrame;
}
/**
 * The user is a member of a conversation from now on.
 */
export interface ConversationAddedFrame {
  at: string;
  data: {
    conversation?: Conversation;
    conversationId: string;
    rev: number;
  };
  feed: number;
  type: "conversation.added";
}
/**
 * A conversation as its members see it.
 */
export interface Conversation {
  /**
   * Picture.
   */
  avatarUrl: string | null;
  createdAt: Timestamp;
  createdById: UserId;
  /**
   * When it was deleted.
   */
  deletedAt: Timestamp | null;
  /**
   * Description.
   */
  description: string | null;
  id: ConversationId;
  /**
   * Whether it is a channel.
   */
  isChannel: boolean;
  /**
   * Whether it is a group.
   */
  isGroup: boolean;
  /**
   * The last message, its text cut at 200 code points.
   */
  lastMessage: Preview | null;
  /**
   * When it was sent.
   */
  lastMessageAt: Timestamp | null;
  /**
   * The last message.
   */
  lastMessageId: MessageId | null;
  /**
   * Members.
   */
  memberCount: number;
  /**
   * Free-form object.
   */
  metadata: {
    [k: string]: unknown;
  };
  /**
   * Name; null for a direct one.
   */
  name: string | null;
  /**
   * The first 100 members.
   */
  participants: Participant[];
  /**
   * Number of the last change.
   */
  rev: number;
  /**
   * Number of the last message.
   */
  seq: number;
  type: Kind;
  updatedAt: Timestamp;
}
/**
 * The last message, for lists.
 */
export interface Preview {
  /**
   * The first 200 code points of its text.
   */
  content: string;
  createdAt: Timestamp;
  id: MessageId;
  /**
   * Whether it was deleted since; then its text is empty.
   */
  isDeleted?: boolean;
  senderId: UserId;
  /**
   * Its number.
   */
  seq: number;
  /**
   * Its type.
   */
  type: string;
}
/**
 * A member in a conversation's view.
 */
export interface Participant {
  id: UserId;
  joinedAt: Timestamp;
  /**
   * Role.
   */
  role: string;
  user: User;
  userId: UserId;
}
/**
 * A user as others see him.
 */
export interface User {
  /**
   * Picture.
   */
  avatarUrl: string | null;
  /**
   * About himself.
   */
  bio: string | null;
  /**
   * First name.
   */
  firstName: string | null;
  id: UserId;
  /**
   * Whether he has a socket; null where nobody asked.
   */
  isOnline: boolean | null;
  /**
   * Last name.
   */
  lastName: string | null;
  /**
   * When he was last seen; null where nobody asked or he hides it.
   */
  lastSeen: Timestamp | null;
  /**
   * online, away, `do_not_disturb`, offline; null where nobody asked.
   */
  presenceStatus: string | null;
  /**
   * Status line.
   */
  status: string | null;
  /**
   * Username.
   */
  username: string;
}
/**
 * The conversation was deleted.
 */
export interface ConversationDeletedFrame {
  at: string;
  conversationId: string;
  data: ConversationDeletedData;
  rev: number;
  seq?: number;
  type: "conversation.deleted";
}
/**
 * Payload of `conversation.deleted`.
 */
export interface ConversationDeletedData {
  actorId: UserId;
  id: ConversationId;
}
/**
 * The user is a member of a conversation no more.
 */
export interface ConversationRemovedFrame {
  at: string;
  data: {
    conversationId: string;
    rev: number;
  };
  feed: number;
  type: "conversation.removed";
}
/**
 * Name, description or picture have changed.
 */
export interface ConversationUpdatedFrame {
  at: string;
  conversationId: string;
  data: ConversationUpdatedData;
  rev: number;
  seq?: number;
  type: "conversation.updated";
}
/**
 * Payload of `conversation.updated`: what owner and admins set, as it is now.
 */
export interface ConversationUpdatedData {
  /**
   * Picture.
   */
  avatarUrl: string | null;
  /**
   * Description.
   */
  description: string | null;
  id: ConversationId;
  /**
   * Name; null for a direct one.
   */
  name: string | null;
  type: Kind;
  updatedAt: Timestamp;
}
/**
 * Members were added; with `rev` 1 the conversation begins.
 */
export interface MemberAddedFrame {
  at: string;
  conversationId: string;
  data: MemberAddedData;
  rev: number;
  seq?: number;
  type: "member.added";
}
/**
 * Payload of `member.added`. The first one of a conversation carries its view.
 */
export interface MemberAddedData {
  actorId: UserId;
  /**
   * The conversation as of then.
   */
  conversation: Conversation | null;
  /**
   * Who was added.
   */
  members: Participant[];
}
/**
 * A member has another role.
 */
export interface MemberChangedFrame {
  at: string;
  conversationId: string;
  data: MemberChangedData;
  rev: number;
  seq?: number;
  type: "member.changed";
}
/**
 * Payload of `member.removed` and `member.changed`.
 */
export interface MemberChangedData {
  actorId: UserId;
  /**
   * Members now.
   */
  memberCount: number;
  /**
   * Who was removed, or has another role.
   */
  members: Affected[];
}
/**
 * A member to whom something happened.
 */
export interface Affected {
  id: UserId;
  /**
   * His role now; of one who was removed: the last.
   */
  role: string;
  userId: UserId;
}
/**
 * Members have left or were removed.
 */
export interface MemberRemovedFrame {
  at: string;
  conversationId: string;
  data: MemberRemovedData;
  rev: number;
  seq?: number;
  type: "member.removed";
}
/**
 * Payload of `member.removed` and `member.changed`.
 */
export interface MemberRemovedData {
  actorId: UserId;
  /**
   * Members now.
   */
  memberCount: number;
  /**
   * Who was removed, or has another role.
   */
  members: Affected[];
}
/**
 * A message was sent.
 */
export interface MessageCreatedFrame {
  at: string;
  conversationId: string;
  data: MessageCreatedData;
  rev: number;
  seq?: number;
  type: "message.created";
}
/**
 * A message as clients get it.
 */
export interface MessageCreatedData {
  /**
   * The client's own id.
   */
  clientMessageId: string | null;
  /**
   * Text.
   */
  content: string;
  conversationId: ConversationId;
  createdAt: Timestamp;
  /**
   * When it was deleted.
   */
  deletedAt: Timestamp | null;
  id: MessageId;
  /**
   * Whether it was deleted.
   */
  isDeleted: boolean;
  /**
   * Whether it was edited.
   */
  isEdited: boolean;
  /**
   * Whether it is pinned.
   */
  isPinned: boolean;
  /**
   * The same, under the predecessor's name.
   */
  messageType: string;
  /**
   * Free-form object.
   */
  metadata: {
    [k: string]: unknown;
  } | null;
  /**
   * Who did.
   */
  pinChangedById?: UserId | null;
  /**
   * Number of the change that pinned it, or unpinned it, last; absent if none did. Equal to `rev`: this is it.
   */
  pinRev?: number | null;
  /**
   * The message answered.
   */
  replyToId: MessageId | null;
  /**
   * Number of its last change in the conversation.
   */
  rev: number;
  sender: User;
  senderId: UserId;
  /**
   * Number in the conversation.
   */
  seq: number;
  /**
   * sent, delivered or read, towards its sender.
   */
  status: string;
  /**
   * Type.
   */
  type: string;
  updatedAt: Timestamp;
}
/**
 * A message was taken back: its placeholder.
 */
export interface MessageDeletedFrame {
  at: string;
  conversationId: string;
  data: MessageDeletedData;
  rev: number;
  seq?: number;
  type: "message.deleted";
}
/**
 * A message as clients get it.
 */
export interface MessageDeletedData {
  /**
   * The client's own id.
   */
  clientMessageId: string | null;
  /**
   * Text.
   */
  content: string;
  conversationId: ConversationId;
  createdAt: Timestamp;
  /**
   * When it was deleted.
   */
  deletedAt: Timestamp | null;
  id: MessageId;
  /**
   * Whether it was deleted.
   */
  isDeleted: boolean;
  /**
   * Whether it was edited.
   */
  isEdited: boolean;
  /**
   * Whether it is pinned.
   */
  isPinned: boolean;
  /**
   * The same, under the predecessor's name.
   */
  messageType: string;
  /**
   * Free-form object.
   */
  metadata: {
    [k: string]: unknown;
  } | null;
  /**
   * Who did.
   */
  pinChangedById?: UserId | null;
  /**
   * Number of the change that pinned it, or unpinned it, last; absent if none did. Equal to `rev`: this is it.
   */
  pinRev?: number | null;
  /**
   * The message answered.
   */
  replyToId: MessageId | null;
  /**
   * Number of its last change in the conversation.
   */
  rev: number;
  sender: User;
  senderId: UserId;
  /**
   * Number in the conversation.
   */
  seq: number;
  /**
   * sent, delivered or read, towards its sender.
   */
  status: string;
  /**
   * Type.
   */
  type: string;
  updatedAt: Timestamp;
}
/**
 * Somebody reacted to a message, or does so no more.
 */
export interface MessageReactionFrame {
  at: string;
  conversationId: string;
  data: MessageReactionData;
  rev: number;
  seq?: number;
  type: "message.reaction";
}
/**
 * Payload of `message.reaction`: one was added or taken back, and what stands now.
 */
export interface MessageReactionData {
  /**
   * Added, or taken back.
   */
  added: boolean;
  /**
   * How often each emoji stands on the message now.
   */
  counts: {
    [k: string]: number;
  };
  /**
   * The emoji.
   */
  emoji: string;
  messageId: MessageId;
  user: User;
  userId: UserId;
}
/**
 * A message was edited, pinned or unpinned.
 */
export interface MessageUpdatedFrame {
  at: string;
  conversationId: string;
  data: MessageUpdatedData;
  rev: number;
  seq?: number;
  type: "message.updated";
}
/**
 * A message as clients get it.
 */
export interface MessageUpdatedData {
  /**
   * The client's own id.
   */
  clientMessageId: string | null;
  /**
   * Text.
   */
  content: string;
  conversationId: ConversationId;
  createdAt: Timestamp;
  /**
   * When it was deleted.
   */
  deletedAt: Timestamp | null;
  id: MessageId;
  /**
   * Whether it was deleted.
   */
  isDeleted: boolean;
  /**
   * Whether it was edited.
   */
  isEdited: boolean;
  /**
   * Whether it is pinned.
   */
  isPinned: boolean;
  /**
   * The same, under the predecessor's name.
   */
  messageType: string;
  /**
   * Free-form object.
   */
  metadata: {
    [k: string]: unknown;
  } | null;
  /**
   * Who did.
   */
  pinChangedById?: UserId | null;
  /**
   * Number of the change that pinned it, or unpinned it, last; absent if none did. Equal to `rev`: this is it.
   */
  pinRev?: number | null;
  /**
   * The message answered.
   */
  replyToId: MessageId | null;
  /**
   * Number of its last change in the conversation.
   */
  rev: number;
  sender: User;
  senderId: UserId;
  /**
   * Number in the conversation.
   */
  seq: number;
  /**
   * sent, delivered or read, towards its sender.
   */
  status: string;
  /**
   * Type.
   */
  type: string;
  updatedAt: Timestamp;
}
/**
 * Somebody whom the user has a direct conversation with, has subscribed to, or is himself, is something else now, or says something else of himself.
 */
export interface PresenceFrame {
  at: string;
  data: PresenceShown;
  type: "presence";
}
/**
 * Presence as a socket is told of it.
 */
export interface PresenceShown {
  /**
   * What he says of himself.
   */
  customStatus: string | null;
  /**
   * Until when: from then on the text is gone, without another frame to those who see him offline.
   */
  customStatusExpiresAt: string | null;
  /**
   * When he was last here; of one who is here, when he last did something.
   */
  lastSeenAt: string | null;
  /**
   * What he is, as far as the viewer may see.
   */
  status: "online" | "away" | "do_not_disturb" | "offline";
  /**
   * Whose.
   */
  userId: string;
}
/**
 * Somebody has received or read more.
 */
export interface ReceiptFrame {
  at: string;
  conversationId: string;
  data: Receipt;
  type: "receipt";
}
/**
 * Payload of the frame `receipt`.
 */
export interface Receipt {
  /**
   * When.
   */
  at: string;
  /**
   * Received or read.
   */
  kind: "delivered" | "read";
  /**
   * The message, where the client named it.
   */
  messageId: string | null;
  /**
   * Everything up to this message.
   */
  seq: number;
  /**
   * Whose.
   */
  userId: string;
}
/**
 * The queue was dropped: read again what is on screen.
 */
export interface ResyncFrame {
  type: "resync";
}
/**
 * Missed frames of a conversation or of the feed, as they were pushed.
 */
export interface SyncChangesFrame {
  conversationId?: string;
  data: {}[];
  feed?: number;
  id: string;
  type: "sync.changes";
}
/**
 * The sync is over: where the client stands now.
 */
export interface SyncDoneFrame {
  data?: {
    cursors: {
      conversations?: {
        [k: string]: number;
      };
      feed?: number;
    };
  };
  error?: {
    code:
      | "validation_failed"
      | "malformed_id"
      | "malformed_json"
      | "unknown_field"
      | "empty_message"
      | "message_deleted"
      | "too_many_effects"
      | "unsupported"
      | "unauthenticated"
      | "token_expired"
      | "session_ended"
      | "invalid_credentials"
      | "not_member"
      | "forbidden"
      | "blocked"
      | "not_found"
      | "method_not_allowed"
      | "conflict"
      | "idempotency_mismatch"
      | "already_member"
      | "username_taken"
      | "email_taken"
      | "too_large"
      | "rate_limited"
      | "internal"
      | "overloaded"
      | "outcome_unknown";
    details?: string[];
    message: string;
    retryAfterMs?: number;
  };
  id: string;
  ok: boolean;
  type: "sync.done";
}
/**
 * How far members have come.
 */
export interface SyncReceiptsFrame {
  data: {
    at: string | null;
    conversationId: string;
    kind: "delivered" | "read";
    seq: number;
    userId: string;
  }[];
  id: string;
  type: "sync.receipts";
}
/**
 * A cursor is too old: what it is about, as it is now.
 */
export interface SyncResetFrame {
  data: {
    conversation?: Conversation;
    conversationId?: string;
    feed?: number;
    recovered: false;
    removed?: true;
    rev?: number;
    seq?: number;
  };
  id: string;
  type: "sync.reset";
}
/**
 * Somebody types in a conversation that never had more than 64 members, or does so no more. That he goes on is not told; that it ends is.
 */
export interface TypingFrame {
  at: string;
  conversationId: string;
  data: Typing;
  type: "typing";
}
/**
 * Payload of the frame `typing`.
 */
export interface Typing {
  /**
   * Whether he types, or does so no more.
   */
  isTyping: boolean;
  /**
   * When it ends by itself, unless he goes on; null when it has ended.
   */
  until: string | null;
  /**
   * Who.
   */
  userId: string;
  /**
   * His name.
   */
  username: string;
}
/**
 * The user has changed something of his own: what, by its name.
 */
export interface UserUpdatedFrame {
  at: string;
  data: {
    blocked?: {
      blocked: boolean;
      userId: string;
    };
    conversation?: {};
    presence?: {
      customStatus: string | null;
      customStatusExpiresAt: string | null;
      status: PresenceStatus | null;
    };
    settings?: {};
    user?: components["schemas"]["User"];
  };
  feed: number;
  type: "user.updated";
}
/**
 * Answers a handshake that said who it is.
 */
export interface WelcomeFrame {
  data: {
    /**
     * Whether a sync follows.
     */
    recovered?: boolean;
    serverTime: string;
    sessionId: string;
    userId: string;
  };
  type: "welcome";
}
/**
 * What a client asks, by type.
 */
export interface Requests {
  activity: ActivityFrame;
  auth: AuthFrame;
  "conversation.read": ConversationReadFrame;
  delivered: DeliveredFrame;
  "message.delete": MessageDeleteFrame;
  "message.edit": MessageEditFrame;
  "message.react": MessageReactFrame;
  "message.read": MessageReadFrame;
  "message.send": MessageSendFrame;
  "message.unreact": MessageUnreactFrame;
  ping: PingFrame;
  "presence.subscribe": PresenceSubscribeFrame;
  "presence.unsubscribe": PresenceUnsubscribeFrame;
  "presence.update": PresenceUpdateFrame;
  sync: SyncFrame;
  typing: TypingRequestFrame;
}
/**
 * The user is active on this device: he is not away.
 */
export interface ActivityFrame {
  data: {};
  id: string;
  type: "activity";
}
/**
 * Says who it is, within 10 s; later: that the session was refreshed. With cursors a sync follows.
 */
export interface AuthFrame {
  data: {
    cursors?: {
      conversations?: {
        [k: string]: number;
      };
      feed?: number;
    };
    device?: {
      id?: string;
      type?: DeviceKind;
    };
    token: string;
  };
  id: string;
  type: "auth";
}
/**
 * The conversation was read, up to the message or whole.
 */
export interface ConversationReadFrame {
  data: {
    conversationId: string;
    messageId?: string;
  };
  id: string;
  type: "conversation.read";
}
/**
 * The device has received everything up to the message with this number.
 */
export interface DeliveredFrame {
  data: {
    conversations: {
      [k: string]: number;
    };
  };
  id: string;
  type: "delivered";
}
/**
 * Takes a message back; its sender.
 */
export interface MessageDeleteFrame {
  data: {
    messageId: string;
  };
  id: string;
  type: "message.delete";
}
/**
 * Replaces the text of a message; its sender.
 */
export interface MessageEditFrame {
  data: {
    content: string;
    messageId: string;
  };
  id: string;
  type: "message.edit";
}
/**
 * Reacts to a message.
 */
export interface MessageReactFrame {
  data: {
    emoji: string;
    messageId: string;
  };
  id: string;
  type: "message.react";
}
/**
 * Everything up to the message was read.
 */
export interface MessageReadFrame {
  data: {
    messageId: string;
  };
  id: string;
  type: "message.read";
}
/**
 * Sends a message.
 */
export interface MessageSendFrame {
  data: components["schemas"]["SendMessage"];
  id: string;
  type: "message.send";
}
/**
 * Takes a reaction back.
 */
export interface MessageUnreactFrame {
  data: {
    emoji: string;
    messageId: string;
  };
  id: string;
  type: "message.unreact";
}
/**
 * Asks for a sign of life.
 */
export interface PingFrame {
  data?: unknown;
  id: string;
  type: "ping";
}
/**
 * Asks what users are now, and to be told when that changes, until the socket closes; in all 200 users a socket.
 */
export interface PresenceSubscribeFrame {
  data: {
    /**
     * @maxItems 200
     */
    userIds: string[];
  };
  id: string;
  type: "presence.subscribe";
}
/**
 * Asks to be told no more.
 */
export interface PresenceUnsubscribeFrame {
  data: {
    /**
     * @maxItems 200
     */
    userIds: string[];
  };
  id: string;
  type: "presence.unsubscribe";
}
/**
 * What the user is on this device, for as long as the socket is open, and what he says of himself, which is kept.
 */
export interface PresenceUpdateFrame {
  data: {
    customStatus?: string | null;
    customStatusExpiresAt?: string | null;
    status?: PresenceStatus1;
  };
  id: string;
  type: "presence.update";
}
/**
 * Asks for what was missed.
 */
export interface SyncFrame {
  data: {
    conversations?: {
      [k: string]: number;
    };
    feed?: number;
  };
  id: string;
  type: "sync";
}
/**
 * The user types in the conversation, or does so no more. It may be said at every key stroke, and ends by itself 10 s after it was last said.
 */
export interface TypingRequestFrame {
  data: {
    conversationId: string;
    isTyping?: boolean;
  };
  id: string;
  type: "typing";
}
/**
 * How requests are answered.
 */
export interface Answers {
  "activity.answer": ActivityAnswerFrame;
  "auth.answer": AuthAnswerFrame;
  "conversation.read.answer": ConversationReadAnswerFrame;
  "delivered.answer": DeliveredAnswerFrame;
  "message.delete.answer": MessageDeleteAnswerFrame;
  "message.edit.answer": MessageEditAnswerFrame;
  "message.react.answer": MessageReactAnswerFrame;
  "message.read.answer": MessageReadAnswerFrame;
  "message.send.answer": MessageSendAnswerFrame;
  "message.unreact.answer": MessageUnreactAnswerFrame;
  "ping.answer": PingAnswerFrame;
  "presence.subscribe.answer": PresenceSubscribeAnswerFrame;
  "presence.unsubscribe.answer": PresenceUnsubscribeAnswerFrame;
  "presence.update.answer": PresenceUpdateAnswerFrame;
  refused: RefusedFrame;
  "typing.answer": TypingAnswerFrame;
}
export interface ActivityAnswerFrame {
  data: {};
  id: string;
  ok: true;
}
export interface AuthAnswerFrame {
  data: {
    /**
     * Whether a sync follows.
     */
    recovered?: boolean;
    serverTime: string;
    sessionId: string;
    userId: string;
  };
  id: string;
  ok: true;
}
export interface ConversationReadAnswerFrame {
  data: components["schemas"]["Said"];
  id: string;
  ok: true;
}
export interface DeliveredAnswerFrame {
  data: {};
  id: string;
  ok: true;
}
export interface MessageDeleteAnswerFrame {
  data: components["schemas"]["Said"];
  id: string;
  ok: true;
}
export interface MessageEditAnswerFrame {
  data: components["schemas"]["MessageShown"];
  id: string;
  ok: true;
}
export interface MessageReactAnswerFrame {
  data: components["schemas"]["Reaction"];
  id: string;
  ok: true;
}
export interface MessageReadAnswerFrame {
  data: components["schemas"]["ReadOrSaid"];
  id: string;
  ok: true;
}
export interface MessageSendAnswerFrame {
  data: components["schemas"]["MessageShown"];
  id: string;
  ok: true;
}
export interface MessageUnreactAnswerFrame {
  data: components["schemas"]["Said"];
  id: string;
  ok: true;
}
export interface PingAnswerFrame {
  data: {
    at: string;
  };
  id: string;
  ok: true;
}
export interface PresenceSubscribeAnswerFrame {
  data: {
    presence: PresenceShown1[];
    subscribedCount: number;
  };
  id: string;
  ok: true;
}
/**
 * Presence as a socket is told of it.
 */
export interface PresenceShown1 {
  /**
   * What he says of himself.
   */
  customStatus: string | null;
  /**
   * Until when: from then on the text is gone, without another frame to those who see him offline.
   */
  customStatusExpiresAt: string | null;
  /**
   * When he was last here; of one who is here, when he last did something.
   */
  lastSeenAt: string | null;
  /**
   * What he is, as far as the viewer may see.
   */
  status: "online" | "away" | "do_not_disturb" | "offline";
  /**
   * Whose.
   */
  userId: string;
}
export interface PresenceUnsubscribeAnswerFrame {
  data: {
    unsubscribedCount: number;
  };
  id: string;
  ok: true;
}
export interface PresenceUpdateAnswerFrame {
  data: {};
  id: string;
  ok: true;
}
/**
 * A request was refused.
 */
export interface RefusedFrame {
  error: {
    code:
      | "validation_failed"
      | "malformed_id"
      | "malformed_json"
      | "unknown_field"
      | "empty_message"
      | "message_deleted"
      | "too_many_effects"
      | "unsupported"
      | "unauthenticated"
      | "token_expired"
      | "session_ended"
      | "invalid_credentials"
      | "not_member"
      | "forbidden"
      | "blocked"
      | "not_found"
      | "method_not_allowed"
      | "conflict"
      | "idempotency_mismatch"
      | "already_member"
      | "username_taken"
      | "email_taken"
      | "too_large"
      | "rate_limited"
      | "internal"
      | "overloaded"
      | "outcome_unknown";
    details?: string[];
    message: string;
    retryAfterMs?: number;
  };
  /**
   * Null where it could not be read.
   */
  id: string | null;
  ok: false;
}
export interface TypingAnswerFrame {
  data: {};
  id: string;
  ok: true;
}
