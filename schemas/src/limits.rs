//! Every limit in one table. What is configurable says so; the rest is part of the contract.

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $ty:ty = $value:expr, $unit:literal;)*) => {
        $($(#[doc = $doc])+ pub const $name: $ty = $value;)*

        /// Name, value and unit of every limit, for the documentation.
        pub fn table() -> Vec<(&'static str, String, &'static str, &'static str)> {
            vec![$((stringify!($name), $name.to_string(), $unit, concat!($($doc),+)),)*]
        }
    };
}

limits! {
    /// Largest REST body and socket frame.
    BODY_BYTES: usize = 131_072, "bytes";
    /// Text of a message.
    CONTENT_CHARS: usize = 10_000, "code points";
    /// Metadata of a message, as JSON.
    METADATA_BYTES: usize = 16_384, "bytes";
    /// Nesting of that JSON.
    METADATA_DEPTH: usize = 32, "levels";
    /// A client's own id of a message, and an Idempotency-Key.
    CLIENT_ID_CHARS: usize = 128, "characters";
    /// A client's id of a socket request.
    REQUEST_ID_CHARS: usize = 64, "characters";
    /// Shortest username.
    USERNAME_MIN: usize = 3, "characters";
    /// Longest username.
    USERNAME_MAX: usize = 50, "characters";
    /// First and last name, each.
    NAME_CHARS: usize = 100, "characters";
    /// An e-mail address (RFC 5321 §4.5.3.1.3).
    EMAIL_CHARS: usize = 254, "characters";
    /// Shortest password.
    PASSWORD_MIN: usize = 8, "characters";
    /// Longest password.
    PASSWORD_MAX: usize = 128, "characters";
    /// Largest whole number of a query: JSON keeps it exact everywhere.
    WHOLE_MAX: i64 = 9_007_199_254_740_991, "integer";
    /// Largest page.
    PAGE_MAX: u32 = 100, "items";
    /// Page when no limit is asked for, for messages.
    PAGE_MESSAGES: u32 = 50, "items";
    /// Page when no limit is asked for, elsewhere.
    PAGE_OTHER: u32 = 20, "items";
    /// Conversations a list sorts and pages over.
    LIST_CONVERSATIONS: usize = 2_000, "conversations";
    /// Results a search counts.
    SEARCH_TOTAL: usize = 1_000, "results";
    /// Preview of the last message in a conversation list.
    PREVIEW_CHARS: usize = 200, "code points";
    /// Name of a conversation.
    CONVERSATION_NAME_CHARS: usize = 255, "code points";
    /// Description of a conversation.
    DESCRIPTION_CHARS: usize = 500, "code points";
    /// A URL of a picture.
    URL_CHARS: usize = 2_048, "characters";
    /// What a user says about himself.
    BIO_CHARS: usize = 500, "code points";
    /// A user's status line.
    STATUS_CHARS: usize = 100, "code points";
    /// Why somebody is blocked.
    BLOCK_REASON_CHARS: usize = 500, "code points";
    /// Users that one user may block.
    BLOCKS: usize = 2_000, "users";
    /// Members of a group or channel.
    GROUP_MEMBERS: i64 = 10_000, "members";
    /// Members that one request may name.
    MEMBERS_PER_COMMAND: usize = 256, "members";
    /// Admins that the head of a conversation knows.
    HEAD_ADMINS: usize = 8, "members";
    /// An emoji.
    EMOJI_CHARS: usize = 50, "code points";
    /// Different emoji on a message.
    REACTION_EMOJI: usize = 30, "emoji";
    /// Reactions shown with a message, the newest; others are counted.
    REACTIONS_SHOWN: usize = 100, "reactions";
    /// Pinned messages of a conversation.
    PINS: i64 = 100, "messages";
    /// Edits and pins of one message.
    MESSAGE_REVISIONS: usize = 256, "changes";
    /// Conversations that one request forwards a message to.
    FORWARD_TARGETS: usize = 20, "conversations";
    /// Settings of notifications of a conversation, as JSON.
    NOTIFICATION_SETTINGS_BYTES: usize = 2_048, "bytes";
    /// Conversations that one frame tells of what was received.
    DELIVERED_CONVERSATIONS: usize = 100, "conversations";
    /// Conversations that are on the screen of one Socket.IO socket (`conversation:join`).
    ON_SCREEN: usize = 1_000, "conversations";
    /// Cursors of one sync.
    SYNC_CURSORS: usize = 2_000, "conversations";
    /// Changes of one conversation, or entries of the feed, that a sync brings; beyond: recovered:false.
    SYNC_CHANGES: i64 = 1_000, "changes";
    /// Changes in one frame of a sync.
    SYNC_FRAME_CHANGES: usize = 100, "changes";
    /// Size of such a frame, unless one change alone is larger.
    SYNC_FRAME_BYTES: usize = 65_536, "bytes";
    /// Life of a record of chat.signals.
    SIGNAL_MS: u64 = 60_000, "ms";
    /// Time after the last signal at which somebody types no more.
    TYPING_MS: u64 = 10_000, "ms";
    /// Time in which a node tells others once that somebody types in a conversation.
    TYPING_EVERY_MS: u64 = 3_000, "ms";
    /// Users of whom a node tells at once that they type in a conversation that has, or ever had, more than
    /// 64 members; who else types there stands in the list alone.
    TYPING_SHOWN: usize = 10, "users";
    /// Users who have joined one call.
    CALL_PARTICIPANTS: usize = 50, "users";
    /// Calls that one user has joined: one more, and he is forgotten in the oldest.
    CALLS_PER_USER: usize = 16, "calls";
    /// Time after which a participant of a call who is silent is forgotten.
    CALL_MS: u64 = 3_600_000, "ms";
    /// An id of a call.
    CALL_ID_CHARS: usize = 64, "characters";
    /// An offer, an answer of a call, as JSON.
    CALL_PAYLOAD_BYTES: usize = 65_536, "bytes";
    /// A candidate of a call, as JSON. An offer or answer counts once more for each time it has this size.
    CALL_CANDIDATE_BYTES: usize = 4_096, "bytes";
    /// What a user says of himself beside his presence.
    CUSTOM_STATUS_CHARS: usize = 200, "code points";
    /// A client's own name of its device.
    DEVICE_ID_CHARS: usize = 64, "characters";
    /// Idle time after which a device is away.
    AWAY_MS: u64 = 300_000, "ms";
    /// Activity of a device that has moved by so much is told, for itself and for when its user was last
    /// here: at most one record a device in that time, and none where nobody does anything.
    PRESENCE_ACTIVE_MS: u64 = 60_000, "ms";
    /// Users whose presence one session subscribes to.
    PRESENCE_SUBSCRIPTIONS: usize = 200, "users";
    /// The same on all sockets of a user, of those that he has no direct conversation with.
    PRESENCE_SUBSCRIPTIONS_OF_USER: usize = 1_000, "users";
    /// Direct conversations, the newest, whose other side is told of a user's presence.
    PRESENCE_PEERS: usize = 1_000, "users";
    /// Time in which a user whose last socket ended may come back, and nobody hears of it.
    PRESENCE_GRACE_MS: u64 = 5_000, "ms";
    /// The same, if his node stopped in good order.
    PRESENCE_LEFT_MS: u64 = 20_000, "ms";
    /// The same for a user who comes and goes all the time, as long as he does.
    PRESENCE_FLAP_MS: u64 = 30_000, "ms";
    /// Comings and goings within the time below, above which that is so.
    PRESENCE_FLAPS: usize = 5, "transitions";
    /// That time.
    PRESENCE_FLAP_WINDOW_MS: u64 = 60_000, "ms";
    /// Interval of a node's heartbeats.
    PRESENCE_HEARTBEAT_MS: u64 = 5_000, "ms";
    /// Silence after which a node is dead, and its devices gone.
    PRESENCE_NODE_MS: u64 = 20_000, "ms";
    /// Silence of a socket after which its device is gone.
    PRESENCE_SILENT_MS: u64 = 50_000, "ms";
    /// Silence of the last socket after which its user is offline, whatever else.
    PRESENCE_GONE_MS: u64 = 58_000, "ms";
    /// Devices of one record of a snapshot, and entries of one that publishes.
    PRESENCE_CHUNK: usize = 256, "items";
    /// Members up to which a conversation is routed by member, and its receipts are pushed.
    ROUTE_BY_MEMBER: usize = 64, "members";
    /// Requests of one socket that wait for their answer; then it is not read.
    SOCKET_IN_FLIGHT: usize = 64, "requests";
    /// Frames a socket may send.
    SOCKET_FRAMES_PER_SECOND: u32 = 50, "frames/s";
    /// Frames a socket may send at once.
    SOCKET_FRAMES_BURST: u32 = 100, "frames";
    /// Frames beside those that tell of a device only what it has told; beyond, they count as frames.
    SOCKET_REPEATS_PER_SECOND: u32 = 1_000, "frames/s";
    /// The same at once.
    SOCKET_REPEATS_BURST: u32 = 2_000, "frames";
    /// Sockets of one user on one node.
    SOCKETS_PER_USER: usize = 20, "sockets";
    /// Bytes queued towards one socket before it is told to resync.
    SOCKET_QUEUE_BYTES: usize = 262_144, "bytes";
    /// Time for a resync frame to leave before the socket is closed.
    SOCKET_DRAIN_MS: u64 = 15_000, "ms";
    /// Time to authenticate a socket.
    SOCKET_AUTH_MS: u64 = 10_000, "ms";
    /// Interval of pings to a socket.
    SOCKET_PING_MS: u64 = 25_000, "ms";
    /// Silence after which a socket is dead.
    SOCKET_DEAD_MS: u64 = 60_000, "ms";
    /// Life of an access token.
    ACCESS_TOKEN_MS: i64 = 900_000, "ms";
    /// Life of a session without use.
    SESSION_MS: i64 = 604_800_000, "ms";
    /// Time in which a refresh token that was just rotated gives the same successor again.
    REFRESH_GRACE_MS: i64 = 10_000, "ms";
    /// Life of a claim (e-mail, username) whose registration was not finished.
    CLAIM_PENDING_MS: i64 = 60_000, "ms";
    /// Wait for the durable append of a command before `outcome_unknown`.
    APPEND_MS: u64 = 2_000, "ms";
    /// Wait for the outcome of a command before `outcome_unknown`.
    REPLY_MS: u64 = 5_000, "ms";
    /// Tries of a record whose fold panics before it is a dead letter.
    POISON_TRIES: u32 = 5, "tries";
    /// Rows of one bucket of a conversation's timeline and changes.
    BUCKET_ROWS: i64 = 1_024, "rows";
    /// Largest record of a topic.
    RECORD_BYTES: usize = 1_000_000, "bytes";
}
