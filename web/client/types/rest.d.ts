// Generated from schemas/json/openapi.json by tests/client/types.mjs; not edited by hand.
export interface paths {
    "/api/v1/auth/login": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Opens a session. */
        post: operations["login"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/logout": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Ends the session of the refresh token, else of the bearer. */
        post: operations["logout"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/refresh": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Gives new tokens for a refresh token, once. */
        post: operations["refresh"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/auth/register": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Makes an account. */
        post: operations["register"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One's conversations: those that are pinned first, then the last active. */
        get: operations["conversations"];
        put?: never;
        /** Opens a conversation, or finds the direct one of the two. */
        post: operations["openConversation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/self": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Notes to oneself, made on first use. */
        get: operations["notes"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A conversation. */
        get: operations["conversation"];
        /** Changes name, description and picture for all, and what the caller has set for himself. */
        put: operations["changeConversation"];
        post?: never;
        /** Deletes it for all; its owner. */
        delete: operations["deleteConversation"];
        options?: never;
        head?: never;
        /** Changes name, description and picture for all, and what the caller has set for himself. */
        patch: operations["changeConversation_patch"];
        trace?: never;
    };
    "/api/v1/conversations/{id}/leave": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Leaves. */
        post: operations["leaveConversation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Messages, the newest page first. */
        get: operations["messagesOfConversation"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/participants": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Members, with their roles. */
        get: operations["participants"];
        put?: never;
        /** Adds members; owner and admins. */
        post: operations["addParticipants"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/participants/{userId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Gives a member another role; owner and admins. */
        put: operations["changeParticipant"];
        post?: never;
        /** Removes a member, or leaves. */
        delete: operations["removeParticipant"];
        options?: never;
        head?: never;
        /** Gives a member another role; owner and admins. */
        patch: operations["changeParticipant_patch"];
        trace?: never;
    };
    "/api/v1/conversations/{id}/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Everything up to a message, or to the newest, was read. */
        post: operations["readConversation"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/conversations/{id}/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Sets it up for the caller. */
        put: operations["setConversation"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Sets it up for the caller. */
        patch: operations["setConversation_patch"];
        trace?: never;
    };
    "/api/v1/conversations/{id}/unread": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What is unread, and what a count says. */
        get: operations["unread"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Messages of a conversation, the newest page first. */
        get: operations["messages"];
        put?: never;
        /** Sends a message: 201 means it is on disk. */
        post: operations["sendMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages/conversations/{conversationId}/pin/{messageId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Pins a message for all members. */
        post: operations["pinIn"];
        /** Pins a message no more. */
        delete: operations["unpinIn"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages/conversations/{conversationId}/pinned": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Pin messages of a conversation, the newest pin first. */
        get: operations["pinned"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A message. */
        get: operations["message"];
        /** Replaces the text; its sender. */
        put: operations["editMessage"];
        post?: never;
        /** Takes a message back; its sender. */
        delete: operations["deleteMessage"];
        options?: never;
        head?: never;
        /** Replaces the text; its sender. */
        patch: operations["editMessage_patch"];
        trace?: never;
    };
    "/api/v1/messages/{id}/edit-history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What the text was before. */
        get: operations["editHistory"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages/{id}/forward": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** To all conversations or none. */
        post: operations["forwardMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages/{id}/pin": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Pins a message for all members. */
        post: operations["pin"];
        /** Pins a message no more. */
        delete: operations["unpin"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages/{id}/reactions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Reacts to a message; once, however often. */
        post: operations["react"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages/{id}/reactions/{emoji}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Takes a reaction back. */
        delete: operations["unreact"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages/{id}/read": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Everything up to the message was read. */
        post: operations["readMessage"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages/{id}/reads": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who has read a message. */
        get: operations["readers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/messages/{id}/thread": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Answers to a message, the oldest first. */
        get: operations["thread"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/presence/batch": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The same, asked for in a body. */
        post: operations["presencesOf"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/presence/conversations/{id}/typing": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who types there now. */
        get: operations["typing"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/presence/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One's own presence, with one's devices. */
        get: operations["ownPresence"];
        /** Says how one is to be seen, whatever one's devices do. */
        put: operations["changePresence"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Says how one is to be seen, whatever one's devices do. */
        patch: operations["changePresence_patch"];
        trace?: never;
    };
    "/api/v1/presence/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What one may see of the presence of some users. */
        get: operations["presences"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/presence/users/{userId}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What one may see of somebody's presence. */
        get: operations["presence"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/blocked": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whom one has blocked, why and since when. */
        get: operations["blocks"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One's own profile. */
        get: operations["me"];
        /** Changes one's own profile; what is null goes. */
        put: operations["changeProfile"];
        post?: never;
        /** Deletes the account, for good. */
        delete: operations["deleteAccount"];
        options?: never;
        head?: never;
        /** Changes one's own profile; what is null goes. */
        patch: operations["changeProfile_patch"];
        trace?: never;
    };
    "/api/v1/users/me/blocked": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Whom one has blocked, the latest first. */
        get: operations["blockedUsers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/me/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Sets another password and ends every other session. */
        put: operations["changePassword"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Sets another password and ends every other session. */
        patch: operations["changePassword_patch"];
        trace?: never;
    };
    "/api/v1/users/me/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One's own settings, all of them. */
        get: operations["settings"];
        /** Changes some of one's own settings. */
        put: operations["changeSettings"];
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        /** Changes some of one's own settings. */
        patch: operations["changeSettings_patch"];
        trace?: never;
    };
    "/api/v1/users/search": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Users with a word of their names that begins so, or with just this e-mail address. */
        get: operations["searchUsers"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Somebody's public profile. */
        get: operations["user"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{id}/block": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Blocks somebody. */
        post: operations["blockUser"];
        /** Blocks somebody no more. */
        delete: operations["unblockUser"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/healthz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Answers while the process lives. */
        get: operations["alive"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/readyz": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Answers 200 when it takes work, else 503. */
        get: operations["ready"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description Who is to be added. */
        AddParticipants: {
            /** @description Their role; `member` unless given. */
            role?: components["schemas"]["ParticipantRole"] | null;
            /** @description The users, each once. */
            userIds: components["schemas"]["UserId"][];
        };
        /** @description Who may see or do something. */
        Audience: "everyone" | "contacts" | "nobody";
        /** @description Why somebody is blocked. */
        BlockUser: {
            /** @description For oneself. */
            reason?: string | null;
            /** @description For what. */
            reportCategory?: components["schemas"]["ReportCategory"] | null;
            /** @description Whether he is reported too. */
            reportSubmitted?: boolean | null;
        };
        /** @description Somebody who is blocked. */
        BlockedUser: {
            /** @description Since when. */
            blockedAt: components["schemas"]["Timestamp"];
            /** @description Of the entry: the user's. */
            id: components["schemas"]["UserId"];
            /** @description Why, for the caller alone. */
            reason: string | null;
            /** @description Who. */
            user: components["schemas"]["User"];
        };
        /** @description Stable, machine-readable error codes. */
        Code: "validation_failed" | "malformed_id" | "malformed_json" | "unknown_field" | "empty_message" | "message_deleted" | "too_many_effects" | "unsupported" | "unauthenticated" | "token_expired" | "session_ended" | "invalid_credentials" | "not_member" | "forbidden" | "blocked" | "not_found" | "method_not_allowed" | "conflict" | "idempotency_mismatch" | "already_member" | "username_taken" | "email_taken" | "too_large" | "rate_limited" | "internal" | "overloaded" | "outcome_unknown";
        /** @description What a member may change: for all, by role; for himself. */
        ConversationChange: {
            /** @description Picture; null: none. Owner and admins. */
            avatarUrl?: string | null;
            /** @description Description; null: none. Owner and admins. */
            description?: string | null;
            /** @description Out of the caller's list. */
            isArchived?: boolean | null;
            /** @description No notifications, for the caller. */
            isMuted?: boolean | null;
            /** @description On top of the caller's list. */
            isPinned?: boolean | null;
            /** @description Name. Owner and admins. */
            name?: string;
        };
        /**
         * Format: uuid
         * @description A direct, group or channel conversation.
         */
        ConversationId: string;
        /** @description What a member sets for himself. */
        ConversationSettings: {
            /** @description Out of the list. */
            isArchived?: boolean | null;
            /** @description No notifications. */
            isMuted?: boolean | null;
            /** @description On top of the list. */
            isPinned?: boolean | null;
            /** @description An object of the client's own; null: none. */
            notificationSettings?: {
                [key: string]: unknown;
            } | null;
        };
        /** @description The view, and what only its viewer sees of it. */
        ConversationViewed: {
            /** @description Picture. */
            avatarUrl: string | null;
            /** @description When it was opened. */
            createdAt: components["schemas"]["Timestamp"];
            /** @description Who opened it. */
            createdById: components["schemas"]["UserId"];
            /** @description When it was deleted. */
            deletedAt: components["schemas"]["Timestamp"] | null;
            /** @description Description. */
            description: string | null;
            /** @description The conversation. */
            id: components["schemas"]["ConversationId"];
            /** @description Whether it is a channel. */
            isChannel: boolean;
            /** @description Whether it is a group. */
            isGroup: boolean;
            /** @description The last message, its text cut at 200 code points. */
            lastMessage: components["schemas"]["Preview"] | null;
            /** @description When it was sent. */
            lastMessageAt: components["schemas"]["Timestamp"] | null;
            /** @description The last message. */
            lastMessageId: components["schemas"]["MessageId"] | null;
            /**
             * Format: int64
             * @description Members.
             */
            memberCount: number;
            /** @description Free-form object. */
            metadata: unknown;
            /** @description Name; null for a direct one. */
            name: string | null;
            /** @description The first 100 members. */
            participants: components["schemas"]["Participant"][];
            /**
             * Format: int64
             * @description Number of the last change.
             */
            rev: number;
            /**
             * Format: int64
             * @description Number of the last message.
             */
            seq: number;
            /** @description Direct, group or channel. */
            type: components["schemas"]["Kind"];
            /**
             * Format: int64
             * @description Countable messages that the viewer has not read.
             */
            unreadCount: number;
            /** @description When it last changed. */
            updatedAt: components["schemas"]["Timestamp"];
            /** @description What the viewer has set and read. */
            userParticipant: components["schemas"]["OwnParticipant"];
        };
        /** @description A page of one's conversations. */
        Conversations: {
            /** @description The page. */
            items: components["schemas"]["ConversationViewed"][];
            /** Format: int64 */
            limit: number;
            /** @description Gives the next page; null at the end. */
            nextCursor: string | null;
            /** Format: int64 */
            page: number;
            /** Format: int64 */
            total: number;
            /** Format: int64 */
            totalPages: number;
        };
        /** @description One of a user's devices. */
        Device: {
            /** @description Its name. */
            deviceId: string;
            /** @description When he last did something on it, as of when it was told of. */
            lastActive: components["schemas"]["Timestamp"];
            /** @description What it is. */
            type: components["schemas"]["DeviceKind"];
        };
        /** @description What a device is. */
        DeviceKind: "web" | "mobile" | "desktop";
        /** @description What the text of a message was. */
        EditHistory: {
            /** @description Its text now. */
            currentContent: string;
            /**
             * Format: uint
             * @description Edits.
             */
            editCount: number;
            /** @description Former texts, the one that was replaced last first. */
            history: components["schemas"]["FormerText"][];
            /** @description The message. */
            messageId: components["schemas"]["MessageId"];
        };
        /** @description A new text for a message. */
        EditMessage: {
            /** @description The text. */
            content: string;
        };
        /** @description Every answer that is not a success. */
        Error: {
            code: components["schemas"]["Code"];
            message: components["schemas"]["ErrorMessage"];
            method: string;
            path: string;
            requestId: string;
            /** Format: uint16 */
            statusCode: number;
            timestamp: components["schemas"]["Timestamp"];
        };
        /** @description For people. */
        ErrorMessage: {
            error: string;
            message: components["schemas"]["ErrorText"];
            /** Format: uint16 */
            statusCode: number;
        };
        /** @description One line for most errors, a list for validation errors. */
        ErrorText: string | string[];
        /** @description A former text. */
        FormerText: {
            /** @description The text. */
            content: string;
            /** @description The same. */
            createdAt: components["schemas"]["Timestamp"];
            /** @description When it was replaced. */
            editedAt: components["schemas"]["Timestamp"];
            /** @description Its id: derived from the message and the edit. */
            id: components["schemas"]["MessageId"];
            /** @description The message. */
            messageId: components["schemas"]["MessageId"];
            /** @description The message's metadata, which edits leave as they are. */
            metadata: {
                [key: string]: unknown;
            } | null;
        };
        /** @description Where to forward a message. */
        ForwardMessage: {
            /** @description Conversations, each once. */
            conversationIds: components["schemas"]["ConversationId"][];
        };
        /** @description What became of it. */
        Forwarded: {
            /** @description Conversations that were lost to somebody who was faster. */
            failed: components["schemas"]["NotForwarded"][];
            /** @description The new messages, in the order of the request. */
            forwardedMessages: components["schemas"]["MessageShown"][];
            /** @description For people. */
            message: string;
        };
        /** @description What a conversation is. */
        Kind: "direct" | "group" | "channel";
        /** @description Who signs in. */
        Login: {
            /** @description Username or e-mail address. */
            identifier: string;
            /** @description Sent by clients that know of a second factor; there is none yet. */
            mfaCode?: string | null;
            /** @description Password. */
            password: string;
        };
        /** @description The end of a session. */
        Logout: {
            /** @description Of the session; without it, that of the bearer ends. */
            refreshToken?: string | null;
        };
        /** @description A message as clients get it. */
        Message: {
            /** @description The client's own id. */
            clientMessageId: string | null;
            /** @description Text. */
            content: string;
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** @description When the log took it. */
            createdAt: components["schemas"]["Timestamp"];
            /** @description When it was deleted. */
            deletedAt: components["schemas"]["Timestamp"] | null;
            /** @description The message. */
            id: components["schemas"]["MessageId"];
            /** @description Whether it was deleted. */
            isDeleted: boolean;
            /** @description Whether it was edited. */
            isEdited: boolean;
            /** @description Whether it is pinned. */
            isPinned: boolean;
            /** @description The same, under the predecessor's name. */
            messageType: string;
            /** @description Free-form object. */
            metadata: {
                [key: string]: unknown;
            } | null;
            /** @description Who did. */
            pinChangedById?: components["schemas"]["UserId"] | null;
            /**
             * Format: int64
             * @description Number of the change that pinned it, or unpinned it, last; absent if none did. Equal to `rev`: this is it.
             */
            pinRev?: number | null;
            /** @description The message answered. */
            replyToId: components["schemas"]["MessageId"] | null;
            /**
             * Format: int64
             * @description Number of its last change in the conversation.
             */
            rev: number;
            /** @description The sender as of then. */
            sender: components["schemas"]["User"];
            /** @description Who sent it. */
            senderId: components["schemas"]["UserId"];
            /**
             * Format: int64
             * @description Number in the conversation.
             */
            seq: number;
            /** @description sent, delivered or read, towards its sender. */
            status: string;
            /** @description Type. */
            type: string;
            /** @description When it last changed. */
            updatedAt: components["schemas"]["Timestamp"];
        };
        /**
         * Format: uuid
         * @description A message; derived where the client chose an id, else v7.
         */
        MessageId: string;
        /** @description That a user has read a message. */
        MessageRead: {
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** @description The same. */
            createdAt: components["schemas"]["Timestamp"];
            /** @description Null. */
            deletedAt: components["schemas"]["Timestamp"] | null;
            /** @description Its id: derived from message and user. */
            id: components["schemas"]["MessageId"];
            /** @description The message. */
            messageId: components["schemas"]["MessageId"];
            /** @description When he had read that far. */
            readAt: components["schemas"]["Timestamp"];
            /** @description The same. */
            updatedAt: components["schemas"]["Timestamp"];
            /** @description Who has read it. */
            userId: components["schemas"]["UserId"];
        };
        /** @description A message as answers show it (`shown`). */
        MessageShown: {
            /** @description The client's own id. */
            clientMessageId: string | null;
            /** @description Text. */
            content: string;
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** @description When the log took it. */
            createdAt: components["schemas"]["Timestamp"];
            /** @description When it was deleted. */
            deletedAt: components["schemas"]["Timestamp"] | null;
            /** @description The message. */
            id: components["schemas"]["MessageId"];
            /** @description Whether it was deleted. */
            isDeleted: boolean;
            /** @description Whether it was edited. */
            isEdited: boolean;
            /** @description Whether it is pinned. */
            isPinned: boolean;
            /** @description The same, under the predecessor's name. */
            messageType: string;
            /** @description Free-form object. */
            metadata: {
                [key: string]: unknown;
            } | null;
            /** @description Who did. */
            pinChangedById?: components["schemas"]["UserId"] | null;
            /**
             * Format: int64
             * @description Number of the change that pinned it, or unpinned it, last; absent if none did. Equal to `rev`: this is it.
             */
            pinRev?: number | null;
            /** @description How often each emoji stands on it. */
            reactionCounts: {
                [key: string]: number;
            };
            /** @description The newest 100. */
            reactions: components["schemas"]["Reaction"][];
            /** @description The message that it answers; null for most. */
            replyTo: components["schemas"]["Message"] | null;
            /** @description The message answered. */
            replyToId: components["schemas"]["MessageId"] | null;
            /**
             * Format: int64
             * @description Number of its last change in the conversation.
             */
            rev: number;
            /** @description The sender as of then. */
            sender: components["schemas"]["User"];
            /** @description Who sent it. */
            senderId: components["schemas"]["UserId"];
            /**
             * Format: int64
             * @description Number in the conversation.
             */
            seq: number;
            /** @description sent, delivered or read, towards its sender. */
            status: string;
            /** @description Type. */
            type: string;
            /** @description When it last changed. */
            updatedAt: components["schemas"]["Timestamp"];
        };
        /** @description A page as `page::write` writes it. */
        Messages: {
            /** @description Whether there are older ones. */
            hasMore: boolean;
            /** @description The oldest first. */
            messages: components["schemas"]["MessageShown"][];
            /**
             * Format: int64
             * @description Gives the page after this one, as `after`; null at the end.
             */
            nextAfter: number | null;
            /**
             * Format: int64
             * @description Gives the page before this one, as `before`; null at the end.
             */
            nextBefore: number | null;
            /** @description Where the page lies. */
            pagination: components["schemas"]["Pagination"];
        };
        /** @description A conversation that did not get the message. */
        NotForwarded: {
            /** @description Why, as a request of its own would have been answered. */
            code: components["schemas"]["Code"];
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
        };
        /** @description A conversation to be opened. */
        OpenConversation: {
            /** @description Picture, an http or https URL. */
            avatarUrl?: string | null;
            /** @description Description. */
            description?: string | null;
            /** @description Name; of a group or channel required, of a direct conversation of no use. */
            name?: string | null;
            /** @description The others: of a direct conversation one. */
            participantIds: components["schemas"]["UserId"][];
            /** @description What it is to be. */
            type: "direct" | "group" | "channel";
        } | {
            participantIds?: unknown[];
            /** @constant */
            type?: "direct";
        } | {
            name: string;
            /** @enum {unknown} */
            type?: "group" | "channel";
        };
        /** @description What the viewer has set and read. */
        OwnParticipant: {
            /** @description Archived. */
            isArchived: boolean;
            /** @description Muted. */
            isMuted: boolean;
            /** @description Pinned. */
            isPinned: boolean;
            /** @description When. */
            lastReadAt: components["schemas"]["Timestamp"] | null;
            /** @description The last message read. */
            lastReadMessageId: components["schemas"]["MessageId"] | null;
            /** @description What he has set about notifications. */
            notificationSettings: unknown;
            /** @description Role. */
            role: string;
            /**
             * Format: int64
             * @description Countable messages behind his marker.
             */
            unreadCount: number;
        };
        /** @description One's own presence, and oneself. */
        OwnPresence: {
            /** @description Since when. */
            awayAt: components["schemas"]["Timestamp"] | null;
            /**
             * Format: uint64
             * @description Idle time after which a device is away.
             */
            awayTimeoutSeconds: number;
            /** @description When he became what he is; null where that is hidden. */
            createdAt: components["schemas"]["Timestamp"] | null;
            /** @description What he says of himself. */
            customStatus: string | null;
            /** @description Until when: from then on the text is gone, without another frame to those who see him offline. */
            customStatusExpiresAt: components["schemas"]["Timestamp"] | null;
            /** @description Null. */
            deletedAt: components["schemas"]["Timestamp"] | null;
            /** @description His devices; null for others. */
            devices: components["schemas"]["Device"][] | null;
            /** @description The user's: each has one presence. */
            id: components["schemas"]["UserId"];
            /** @description When he was last here; of one who is here, when he last did something. */
            lastSeenAt: components["schemas"]["Timestamp"] | null;
            /** @description Whether he is shown as away. */
            showAsAway: boolean;
            /** @description What he is, as far as the viewer may see. */
            status: components["schemas"]["PresenceStatus"];
            /** @description When it last changed; null where that is hidden. */
            updatedAt: components["schemas"]["Timestamp"] | null;
            /** @description Oneself, as others are shown one. */
            user: components["schemas"]["User"];
            /** @description Whose. */
            userId: components["schemas"]["UserId"];
        };
        /** @description A user as he sees himself. Fields that Parlance has no use for are null, as clients expect them. */
        OwnProfile: {
            avatarUrl: string | null;
            bio: string | null;
            createdAt: components["schemas"]["Timestamp"];
            deletedAt: components["schemas"]["Timestamp"] | null;
            email: string;
            firstName: string | null;
            id: components["schemas"]["UserId"];
            isOnline: boolean;
            isVerified: boolean;
            lastName: string | null;
            lastSeen: components["schemas"]["Timestamp"] | null;
            mfaEnabled: boolean;
            oauthProvider: string | null;
            oauthProviderId: string | null;
            phone: string | null;
            presenceStatus: string;
            status: string | null;
            stripeCustomerId: string | null;
            stripeSubscriptionId: string | null;
            subscriptionExpiresAt: components["schemas"]["Timestamp"] | null;
            subscriptionTier: string;
            updatedAt: components["schemas"]["Timestamp"];
            username: string;
        };
        /** @description Page information of a list. */
        Pagination: {
            /** Format: int64 */
            limit: number;
            /** Format: int64 */
            page: number;
            /** Format: int64 */
            total: number;
            /** Format: int64 */
            totalPages: number;
        };
        /** @description A member in a conversation's view. */
        Participant: {
            /** @description Id of the membership: the user's, as a member is addressed by it. */
            id: components["schemas"]["UserId"];
            /** @description Since when. */
            joinedAt: components["schemas"]["Timestamp"];
            /** @description Role. */
            role: string;
            /** @description Public view. */
            user: components["schemas"]["User"];
            /** @description The user. */
            userId: components["schemas"]["UserId"];
        };
        /** @description Another role for a member. */
        ParticipantChange: {
            /** @description The role; `owner` hands it over. */
            role: "member" | "moderator" | "admin" | "owner";
        };
        /**
         * @description Roles below the owner's.
         * @enum {string}
         */
        ParticipantRole: "member" | "moderator" | "admin";
        /** @description A page of members. */
        Participants: {
            /** @description Gives the next page; null at the end. */
            nextCursor: string | null;
            /** @description Where it lies. */
            pagination: components["schemas"]["Pagination"];
            /** @description The page. */
            participants: components["schemas"]["Participant"][];
        };
        /** @description A password for another one. */
        PasswordChange: {
            /** @description The one that is valid now. */
            currentPassword: string;
            /** @description Another one, by the rules of registration. */
            newPassword: string;
        };
        /** @description A pinned message. */
        PinnedMessage: {
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** @description The same. */
            createdAt: components["schemas"]["Timestamp"];
            /** @description Null. */
            deletedAt: components["schemas"]["Timestamp"] | null;
            /** @description Its id: the message's, as a message is pinned once. */
            id: components["schemas"]["MessageId"];
            /** @description The message itself. */
            message: components["schemas"]["MessageShown"];
            /** @description The message. */
            messageId: components["schemas"]["MessageId"];
            /** @description When. */
            pinnedAt: components["schemas"]["Timestamp"];
            /** @description Public view; null if he is gone. */
            pinnedBy: components["schemas"]["User"] | null;
            /** @description Who pinned it. */
            pinnedById: components["schemas"]["UserId"];
            /** @description The same. */
            updatedAt: components["schemas"]["Timestamp"];
        };
        /** @description Pin messages. */
        PinnedMessages: {
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /**
             * Format: uint
             * @description How many.
             */
            count: number;
            /** @description The newest pin first. */
            pinnedMessages: components["schemas"]["PinnedMessage"][];
        };
        /** @description Presence as REST gives it. */
        Presence: {
            /** @description Since when. */
            awayAt: components["schemas"]["Timestamp"] | null;
            /**
             * Format: uint64
             * @description Idle time after which a device is away.
             */
            awayTimeoutSeconds: number;
            /** @description When he became what he is; null where that is hidden. */
            createdAt: components["schemas"]["Timestamp"] | null;
            /** @description What he says of himself. */
            customStatus: string | null;
            /** @description Until when: from then on the text is gone, without another frame to those who see him offline. */
            customStatusExpiresAt: components["schemas"]["Timestamp"] | null;
            /** @description Null. */
            deletedAt: components["schemas"]["Timestamp"] | null;
            /** @description His devices; null for others. */
            devices: components["schemas"]["Device"][] | null;
            /** @description The user's: each has one presence. */
            id: components["schemas"]["UserId"];
            /** @description When he was last here; of one who is here, when he last did something. */
            lastSeenAt: components["schemas"]["Timestamp"] | null;
            /** @description Whether he is shown as away. */
            showAsAway: boolean;
            /** @description What he is, as far as the viewer may see. */
            status: components["schemas"]["PresenceStatus"];
            /** @description When it last changed; null where that is hidden. */
            updatedAt: components["schemas"]["Timestamp"] | null;
            /** @description Whose. */
            userId: components["schemas"]["UserId"];
        };
        /** @description Whose presence is asked for. */
        PresenceAsked: {
            /** @description The users. */
            userIds: components["schemas"]["UserId"][];
        };
        /** @description What one decides about one's own presence. */
        PresenceChange: {
            /** @description What one says beside it; null: nothing. */
            customStatus?: string | null;
            /** @description When one says so no more, a time to come; null: never. Another text without it has no end. */
            customStatusExpiresAt?: components["schemas"]["Timestamp"] | null;
            /** @description What one is while one is here, whatever one's devices do; `online` or null: what they do. */
            status?: components["schemas"]["PresenceStatus"] | null;
        };
        /** @description Whether somebody is here. */
        PresenceStatus: "online" | "away" | "do_not_disturb" | "offline";
        /** @description The last message, for lists. */
        Preview: {
            /** @description The first 200 code points of its text. */
            content: string;
            /** @description When it was sent. */
            createdAt: components["schemas"]["Timestamp"];
            /** @description The message. */
            id: components["schemas"]["MessageId"];
            /** @description Whether it was deleted since; then its text is empty. */
            isDeleted?: boolean;
            /** @description Its sender. */
            senderId: components["schemas"]["UserId"];
            /**
             * Format: int64
             * @description Its number.
             */
            seq: number;
            /** @description Its type. */
            type: string;
        };
        /** @description What one tells about oneself. */
        ProfileChange: {
            /** @description Picture, an http or https URL; null: none. */
            avatarUrl?: string | null;
            /** @description About oneself; null: nothing. */
            bio?: string | null;
            /** @description First name; null: none. */
            firstName?: string | null;
            /** @description Last name; null: none. */
            lastName?: string | null;
            /** @description Telephone number, nobody else's; null: none. */
            phone?: string | null;
            /** @description Status line; null: none. */
            status?: string | null;
        };
        /** @description A reaction to a message. */
        React: {
            /** @description The emoji. */
            emoji: string;
        };
        /** @description A reaction in a REST answer. */
        Reaction: {
            /** @description When. */
            createdAt: components["schemas"]["Timestamp"];
            /** @description Null. */
            deletedAt: components["schemas"]["Timestamp"] | null;
            /** @description The emoji. */
            emoji: string;
            /** @description Its id: derived from message, user and emoji. */
            id: components["schemas"]["MessageId"];
            /** @description The message. */
            messageId: components["schemas"]["MessageId"];
            /** @description The same. */
            updatedAt: components["schemas"]["Timestamp"];
            /** @description Public view of the user; null if he is gone. */
            user: components["schemas"]["User"] | null;
            /** @description Whose. */
            userId: components["schemas"]["UserId"];
        };
        /** @description How far was read. */
        ReadConversation: {
            /** @description The last message that was read; without it the newest there is. */
            messageId?: components["schemas"]["MessageId"] | null;
        };
        /** @description A receipt; of an own message there is none. */
        ReadOrSaid: components["schemas"]["MessageRead"] | components["schemas"]["Said"];
        /** @description The same with its user. */
        Reader: {
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /** @description The same. */
            createdAt: components["schemas"]["Timestamp"];
            /** @description Null. */
            deletedAt: components["schemas"]["Timestamp"] | null;
            /** @description Its id: derived from message and user. */
            id: components["schemas"]["MessageId"];
            /** @description The message. */
            messageId: components["schemas"]["MessageId"];
            /** @description When he had read that far. */
            readAt: components["schemas"]["Timestamp"];
            /** @description The same. */
            updatedAt: components["schemas"]["Timestamp"];
            /** @description Public view; null if he is gone. */
            user: components["schemas"]["User"] | null;
            /** @description Who has read it. */
            userId: components["schemas"]["UserId"];
        };
        /** @description Who has read a message. */
        Readers: {
            /** @description The message. */
            messageId: components["schemas"]["MessageId"];
            /** @description Gives the next page, of a conversation with many members; null at the end. */
            nextCursor: string | null;
            /**
             * Format: uint
             * @description Readers in `reads`: all of them, unless the list has pages.
             */
            readCount: number;
            /** @description The newest first. */
            reads: components["schemas"]["Reader"][];
        };
        /** @description A refresh. */
        Refresh: {
            /** @description Of the session. */
            refreshToken: string;
        };
        /** @description An account to be made. */
        Register: {
            /**
             * Format: email
             * @description Nobody else's.
             */
            email: string;
            /** @description First name. */
            firstName?: string | null;
            /** @description Last name. */
            lastName?: string | null;
            /** @description Any characters; common ones, and those close to the name, are refused. */
            password: string;
            /** @description Nobody else's, whatever its case. */
            username: string;
        };
        /** @description An account that was made. */
        Registered: {
            /** @description For people. */
            message: string;
            /** @description Whose it is. */
            userId: components["schemas"]["UserId"];
        };
        /**
         * @description What a user can be reported for.
         * @enum {string}
         */
        ReportCategory: "spam" | "harassment" | "inappropriate" | "other";
        /** @description The answer of routes without anything to show. */
        Said: {
            /** @description For people. */
            message: string;
        };
        /** @description A message to be sent. It has content or metadata. */
        SendMessage: {
            /** @description Makes the request safe to repeat: the same one is the same message. */
            clientMessageId?: string | null;
            /** @description Text. */
            content?: string | null;
            /** @description Where to. */
            conversationId: components["schemas"]["ConversationId"];
            /**
             * @description The same; give one of the two.
             * @enum {string|null}
             */
            messageType?: "text" | "image" | "video" | "audio" | "file" | "voice" | "location" | "poll" | "contact" | "code" | "gif" | "sticker" | null;
            /** @description Free-form, at most 16 KiB and 32 levels. */
            metadata?: ({
                files?: {
                    fileUrl?: string | null;
                    thumbnailUrl?: string | null;
                }[] | null;
            } & {
                [key: string]: unknown;
            }) | null;
            /** @description The message answered. */
            replyToId?: components["schemas"]["MessageId"] | null;
            /**
             * @description What it is; text if not given.
             * @enum {string|null}
             */
            type?: "text" | "image" | "video" | "audio" | "file" | "voice" | "location" | "poll" | "contact" | "code" | "gif" | "sticker" | null;
        } | {
            content: string;
        } | {
            metadata: Record<string, never>;
        };
        /** @description All settings of a user. */
        Settings: {
            aiAssistantEnabled: boolean;
            aiMessageSuggestions: boolean;
            aiTranslationEnabled: boolean;
            aiTranslationTargetLang: string | null;
            allowGroupInvites: boolean;
            archiveChats: boolean;
            autoDownloadDocuments: boolean;
            autoDownloadImages: boolean;
            autoDownloadVideos: boolean;
            blockedContactNotifications: boolean;
            callNotifications: boolean;
            /** @description When he registered. */
            createdAt: components["schemas"]["Timestamp"];
            /** @description Null. */
            deletedAt: components["schemas"]["Timestamp"] | null;
            emailNotificationsEnabled: boolean;
            groupNotifications: boolean;
            /** @description Of the settings: the user's, as there is one set of them. */
            id: components["schemas"]["UserId"];
            language: string;
            lastSeenVisibility: components["schemas"]["Audience"];
            mentionNotifications: boolean;
            messageNotifications: boolean;
            messageTextSize: number;
            notificationSound: boolean;
            notificationTone: string;
            profileVisibility: components["schemas"]["Audience"];
            pushNotificationsEnabled: boolean;
            reactionNotifications: boolean;
            readReceiptsVisibility: components["schemas"]["Audience"];
            sendOnEnter: boolean;
            showOnlineStatus: boolean;
            showTypingIndicator: boolean;
            /** @enum {unknown} */
            theme: "light" | "dark" | "auto";
            timezone: string;
            twoStepVerification: boolean;
            /** @description When they last changed. */
            updatedAt: components["schemas"]["Timestamp"];
            /** @description Whose. */
            userId: components["schemas"]["UserId"];
            whoCanMessage: components["schemas"]["Audience"];
        };
        /** @description Settings to be changed, any of them. */
        SettingsChange: {
            aiAssistantEnabled?: boolean;
            aiMessageSuggestions?: boolean;
            aiTranslationEnabled?: boolean;
            aiTranslationTargetLang?: string | null;
            allowGroupInvites?: boolean;
            archiveChats?: boolean;
            autoDownloadDocuments?: boolean;
            autoDownloadImages?: boolean;
            autoDownloadVideos?: boolean;
            blockedContactNotifications?: boolean;
            callNotifications?: boolean;
            emailNotificationsEnabled?: boolean;
            groupNotifications?: boolean;
            language?: string;
            lastSeenVisibility?: components["schemas"]["Audience"];
            mentionNotifications?: boolean;
            messageNotifications?: boolean;
            messageTextSize?: number;
            notificationSound?: boolean;
            notificationTone?: string;
            profileVisibility?: components["schemas"]["Audience"];
            pushNotificationsEnabled?: boolean;
            reactionNotifications?: boolean;
            readReceiptsVisibility?: components["schemas"]["Audience"];
            sendOnEnter?: boolean;
            showOnlineStatus?: boolean;
            showTypingIndicator?: boolean;
            /** @enum {unknown} */
            theme?: "light" | "dark" | "auto";
            timezone?: string;
            twoStepVerification?: boolean;
            whoCanMessage?: components["schemas"]["Audience"];
        };
        /** @description Of the process. */
        Status: {
            /** @description In a word. */
            status: string;
        };
        /**
         * Format: date-time
         * @description UTC with milliseconds: 2026-11-23T18:30:00.000Z
         */
        Timestamp: string;
        /** @description Tokens of a session. */
        Tokens: {
            /** @description For the header `Authorization`. */
            accessToken: string;
            /** @description Life of the access token. */
            expiresIn: string;
            /** @description Good for one refresh. */
            refreshToken: string;
            /** @description Who has signed in; not there after a refresh. */
            user?: components["schemas"]["OwnProfile"] | null;
        };
        /** @description Somebody who types, in a list. */
        TypingIndicator: {
            /** @description Where. */
            conversationId: components["schemas"]["ConversationId"];
            /** @description When it ends by itself, unless he goes on. */
            expiresAt: components["schemas"]["Timestamp"];
            /**
             * Format: uuid
             * @description The same as long as he types.
             */
            id: string;
            /** @description True: who types no more is not in the list. */
            isTyping: boolean;
            /** @description When he began. */
            startedAt: components["schemas"]["Timestamp"];
            /** @description Who, as others see him. */
            user: components["schemas"]["User"];
            /** @description Who. */
            userId: components["schemas"]["UserId"];
        };
        /** @description What is unread, twice. */
        Unread: {
            /** @description The conversation. */
            conversationId: components["schemas"]["ConversationId"];
            /**
             * Format: int64
             * @description As the messages behind the marker say it; null if they are too many to be counted.
             */
            counted: number | null;
            /**
             * Format: int64
             * @description The last message that the caller has read or sent.
             */
            markerSeq: number;
            /**
             * Format: int64
             * @description The newest message.
             */
            seq: number;
            /**
             * Format: int64
             * @description As every view of the conversation says it.
             */
            unreadCount: number;
        };
        /** @description A user as others see him. */
        User: {
            /** @description Picture. */
            avatarUrl: string | null;
            /** @description About himself. */
            bio: string | null;
            /** @description First name. */
            firstName: string | null;
            /** @description The user. */
            id: components["schemas"]["UserId"];
            /** @description Whether he has a socket; null where nobody asked. */
            isOnline: boolean | null;
            /** @description Last name. */
            lastName: string | null;
            /** @description When he was last seen; null where nobody asked or he hides it. */
            lastSeen: components["schemas"]["Timestamp"] | null;
            /** @description online, away, `do_not_disturb`, offline; null where nobody asked. */
            presenceStatus: string | null;
            /** @description Status line. */
            status: string | null;
            /** @description Username. */
            username: string;
        };
        /**
         * Format: uuid
         * @description A person or bot.
         */
        UserId: string;
        /** @description The public view, and since when the user is here. */
        UserProfile: {
            /** @description Picture. */
            avatarUrl: string | null;
            /** @description About himself. */
            bio: string | null;
            /** @description Since when he is here. */
            createdAt: components["schemas"]["Timestamp"];
            /** @description First name. */
            firstName: string | null;
            /** @description The user. */
            id: components["schemas"]["UserId"];
            /** @description Whether he has a socket; null where nobody asked. */
            isOnline: boolean | null;
            /** @description Last name. */
            lastName: string | null;
            /** @description When he was last seen; null where nobody asked or he hides it. */
            lastSeen: components["schemas"]["Timestamp"] | null;
            /** @description online, away, `do_not_disturb`, offline; null where nobody asked. */
            presenceStatus: string | null;
            /** @description Status line. */
            status: string | null;
            /** @description Username. */
            username: string;
        };
        /** @description Users that were found. */
        UsersFound: {
            /** @description Gives the next page; null at the end. */
            nextCursor: string | null;
            /** @description Where it lies. */
            pagination: components["schemas"]["Pagination"];
            /** @description The page. */
            users: components["schemas"]["User"][];
        };
    };
    responses: {
        /** @description `malformed_id` */
        "400.malformed_id": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "malformed_id";
                    /** @constant */
                    statusCode?: 400;
                };
            };
        };
        /** @description `validation_failed` */
        "400.validation_failed": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "validation_failed";
                    /** @constant */
                    statusCode?: 400;
                };
            };
        };
        /** @description `validation_failed`, `malformed_id` */
        "400.validation_failed.malformed_id": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "validation_failed" | "malformed_id";
                    /** @constant */
                    statusCode?: 400;
                };
            };
        };
        /** @description `validation_failed`, `malformed_id`, `malformed_json`, `unknown_field` */
        "400.validation_failed.malformed_id.malformed_json.unknown_field": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "validation_failed" | "malformed_id" | "malformed_json" | "unknown_field";
                    /** @constant */
                    statusCode?: 400;
                };
            };
        };
        /** @description `validation_failed`, `malformed_id`, `malformed_json`, `unknown_field`, `empty_message`, `message_deleted` */
        "400.validation_failed.malformed_id.malformed_json.unknown_field.empty_message.message_deleted": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "validation_failed" | "malformed_id" | "malformed_json" | "unknown_field" | "empty_message" | "message_deleted";
                    /** @constant */
                    statusCode?: 400;
                };
            };
        };
        /** @description `validation_failed`, `malformed_id`, `malformed_json`, `unknown_field`, `message_deleted` */
        "400.validation_failed.malformed_id.malformed_json.unknown_field.message_deleted": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "validation_failed" | "malformed_id" | "malformed_json" | "unknown_field" | "message_deleted";
                    /** @constant */
                    statusCode?: 400;
                };
            };
        };
        /** @description `validation_failed`, `malformed_id`, `malformed_json`, `unknown_field`, `too_many_effects` */
        "400.validation_failed.malformed_id.malformed_json.unknown_field.too_many_effects": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "validation_failed" | "malformed_id" | "malformed_json" | "unknown_field" | "too_many_effects";
                    /** @constant */
                    statusCode?: 400;
                };
            };
        };
        /** @description `validation_failed`, `malformed_id`, `message_deleted` */
        "400.validation_failed.malformed_id.message_deleted": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "validation_failed" | "malformed_id" | "message_deleted";
                    /** @constant */
                    statusCode?: 400;
                };
            };
        };
        /** @description `validation_failed`, `malformed_json`, `unknown_field` */
        "400.validation_failed.malformed_json.unknown_field": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "validation_failed" | "malformed_json" | "unknown_field";
                    /** @constant */
                    statusCode?: 400;
                };
            };
        };
        /** @description `invalid_credentials` */
        "401.invalid_credentials": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "invalid_credentials";
                    /** @constant */
                    statusCode?: 401;
                };
            };
        };
        /** @description `unauthenticated`, `session_ended` */
        "401.unauthenticated.session_ended": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "unauthenticated" | "session_ended";
                    /** @constant */
                    statusCode?: 401;
                };
            };
        };
        /** @description `unauthenticated`, `token_expired`, `session_ended` */
        "401.unauthenticated.token_expired.session_ended": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "unauthenticated" | "token_expired" | "session_ended";
                    /** @constant */
                    statusCode?: 401;
                };
            };
        };
        /** @description `unauthenticated`, `token_expired`, `session_ended`, `invalid_credentials` */
        "401.unauthenticated.token_expired.session_ended.invalid_credentials": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "unauthenticated" | "token_expired" | "session_ended" | "invalid_credentials";
                    /** @constant */
                    statusCode?: 401;
                };
            };
        };
        /** @description `blocked` */
        "403.blocked": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "blocked";
                    /** @constant */
                    statusCode?: 403;
                };
            };
        };
        /** @description `forbidden` */
        "403.forbidden": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "forbidden";
                    /** @constant */
                    statusCode?: 403;
                };
            };
        };
        /** @description `forbidden`, `blocked` */
        "403.forbidden.blocked": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "forbidden" | "blocked";
                    /** @constant */
                    statusCode?: 403;
                };
            };
        };
        /** @description `not_member` */
        "403.not_member": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "not_member";
                    /** @constant */
                    statusCode?: 403;
                };
            };
        };
        /** @description `not_member`, `forbidden` */
        "403.not_member.forbidden": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "not_member" | "forbidden";
                    /** @constant */
                    statusCode?: 403;
                };
            };
        };
        /** @description `not_member`, `forbidden`, `blocked` */
        "403.not_member.forbidden.blocked": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "not_member" | "forbidden" | "blocked";
                    /** @constant */
                    statusCode?: 403;
                };
            };
        };
        /** @description `not_found` */
        "404.not_found": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "not_found";
                    /** @constant */
                    statusCode?: 404;
                };
            };
        };
        /** @description `conflict` */
        "409.conflict": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "conflict";
                    /** @constant */
                    statusCode?: 409;
                };
            };
        };
        /** @description `conflict`, `idempotency_mismatch` */
        "409.conflict.idempotency_mismatch": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "conflict" | "idempotency_mismatch";
                    /** @constant */
                    statusCode?: 409;
                };
            };
        };
        /** @description `conflict`, `idempotency_mismatch`, `already_member` */
        "409.conflict.idempotency_mismatch.already_member": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "conflict" | "idempotency_mismatch" | "already_member";
                    /** @constant */
                    statusCode?: 409;
                };
            };
        };
        /** @description `idempotency_mismatch` */
        "409.idempotency_mismatch": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "idempotency_mismatch";
                    /** @constant */
                    statusCode?: 409;
                };
            };
        };
        /** @description `idempotency_mismatch`, `username_taken`, `email_taken` */
        "409.idempotency_mismatch.username_taken.email_taken": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "idempotency_mismatch" | "username_taken" | "email_taken";
                    /** @constant */
                    statusCode?: 409;
                };
            };
        };
        /** @description `too_large` */
        "413.too_large": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "too_large";
                    /** @constant */
                    statusCode?: 413;
                };
            };
        };
        /** @description `rate_limited` */
        "429.rate_limited": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "Retry-After": components["headers"]["Retry-After"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "rate_limited";
                    /** @constant */
                    statusCode?: 429;
                };
            };
        };
        /** @description `internal` */
        "500.internal": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "internal";
                    /** @constant */
                    statusCode?: 500;
                };
            };
        };
        /** @description `overloaded` */
        "503.overloaded": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "Retry-After": components["headers"]["Retry-After"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "overloaded";
                    /** @constant */
                    statusCode?: 503;
                };
            };
        };
        /** @description `overloaded`, `outcome_unknown` */
        "503.overloaded.outcome_unknown": {
            headers: {
                RateLimit: components["headers"]["RateLimit"];
                "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                "Retry-After": components["headers"]["Retry-After"];
                "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                "X-Request-Id": components["headers"]["X-Request-Id"];
                [name: string]: unknown;
            };
            content: {
                "application/json": components["schemas"]["Error"] & {
                    /** @enum {unknown} */
                    code?: "overloaded" | "outcome_unknown";
                    /** @constant */
                    statusCode?: 503;
                };
            };
        };
    };
    parameters: never;
    requestBodies: never;
    headers: {
        /** @description Class, requests left, seconds until the limit is whole again. */
        RateLimit: string;
        /** @description Class, requests at once, seconds until as many are back; absent where nothing is counted. */
        "RateLimit-Policy": string;
        /** @description Seconds to wait before the same request may succeed. */
        "Retry-After": number;
        /** @description `Bearer`. */
        "WWW-Authenticate": "Bearer";
        /** @description Gives the next page as `cursor`; absent at the end. */
        "X-Next-Cursor": string;
        /** @description Requests at once. */
        "X-RateLimit-Limit": number;
        /** @description Requests left. */
        "X-RateLimit-Remaining": number;
        /** @description Seconds until the limit is whole again. */
        "X-RateLimit-Reset": number;
        /** @description Finds the request in the server's log. */
        "X-Request-Id": string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    login: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Login"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Tokens"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_json.unknown_field"];
            401: components["responses"]["401.invalid_credentials"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    logout: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["Logout"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    refresh: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Refresh"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Tokens"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.session_ended"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    register: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Register"];
            };
        };
        responses: {
            /** @description Done. */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Registered"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_json.unknown_field"];
            403: components["responses"]["403.forbidden"];
            409: components["responses"]["409.idempotency_mismatch.username_taken.email_taken"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    conversations: {
        parameters: {
            query?: {
                /** @description Only of this kind. */
                type?: "direct" | "group" | "channel";
                /** @description Only archived ones; else they are left out. */
                archived?: true | false | 1 | 0;
                /** @description Only those that are pinned, or are not. */
                pinned?: true | false | 1 | 0;
                /** @description Only with this in their name, or in that of the other one. */
                search?: string;
                /** @description Which page, from 1. */
                page?: number;
                /** @description Items on the page; more than 100 are taken as that. */
                limit?: number;
                /** @description `nextCursor` of the page before; instead of `page`. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Conversations"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    openConversation: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["OpenConversation"];
            };
        };
        responses: {
            /** @description Done. */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["ConversationViewed"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field.too_many_effects"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.forbidden.blocked"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.idempotency_mismatch"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    notes: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["ConversationViewed"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    conversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["ConversationViewed"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    changeConversation: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ConversationChange"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["ConversationViewed"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.not_member.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.idempotency_mismatch"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    deleteConversation: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.not_member.forbidden"];
            409: components["responses"]["409.idempotency_mismatch"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    changeConversation_patch: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ConversationChange"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["ConversationViewed"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.not_member.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.idempotency_mismatch"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    leaveConversation: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict.idempotency_mismatch"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    messagesOfConversation: {
        parameters: {
            query?: {
                /** @description Which page, from 1. */
                page?: number;
                /** @description Items on the page; more than 100 are taken as that. */
                limit?: number;
                /** @description The page before the message with this `seq`. */
                before?: number;
                /** @description The page after the message with this `seq`; not together with `before`. */
                after?: number;
                /** @description The page before this message of the conversation. */
                beforeMessageId?: components["schemas"]["MessageId"];
            };
            header?: never;
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Messages"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.not_member"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    participants: {
        parameters: {
            query?: {
                /** @description Which page, from 1. */
                page?: number;
                /** @description Items on the page; more than 100 are taken as that. */
                limit?: number;
                /** @description `nextCursor` of the page before; instead of `page`. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Participants"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    addParticipants: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["AddParticipants"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field.too_many_effects"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.not_member.forbidden"];
            409: components["responses"]["409.conflict.idempotency_mismatch.already_member"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    changeParticipant: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
                /** @description Of the member. */
                userId: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ParticipantChange"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.not_member.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.idempotency_mismatch"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    removeParticipant: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
                /** @description Of the member. */
                userId: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.not_member.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict.idempotency_mismatch"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    changeParticipant_patch: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
                /** @description Of the member. */
                userId: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ParticipantChange"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.not_member.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.idempotency_mismatch"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    readConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ReadConversation"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    setConversation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ConversationSettings"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    setConversation_patch: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ConversationSettings"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            404: components["responses"]["404.not_found"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    unread: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Unread"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    messages: {
        parameters: {
            query: {
                /** @description Of the conversation. */
                conversationId: components["schemas"]["ConversationId"];
                /** @description Which page, from 1. */
                page?: number;
                /** @description Items on the page; more than 100 are taken as that. */
                limit?: number;
                /** @description The page before the message with this `seq`. */
                before?: number;
                /** @description The page after the message with this `seq`; not together with `before`. */
                after?: number;
                /** @description The page before this message of the conversation. */
                beforeMessageId?: components["schemas"]["MessageId"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Messages"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.not_member"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    sendMessage: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SendMessage"];
            };
        };
        responses: {
            /** @description Done. */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["MessageShown"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field.empty_message.message_deleted"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.not_member.forbidden.blocked"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.idempotency_mismatch"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    pinIn: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the conversation. */
                conversationId: components["schemas"]["ConversationId"];
                /** @description Of the message. */
                messageId: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["PinnedMessage"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.message_deleted"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.blocked"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict.idempotency_mismatch"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    unpinIn: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the conversation. */
                conversationId: components["schemas"]["ConversationId"];
                /** @description Of the message. */
                messageId: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.message_deleted"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.blocked"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict.idempotency_mismatch"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    pinned: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Of the conversation. */
                conversationId: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["PinnedMessages"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.not_member"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    message: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Of the message. */
                id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["MessageShown"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    editMessage: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the message. */
                id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EditMessage"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["MessageShown"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field.empty_message.message_deleted"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.forbidden.blocked"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict.idempotency_mismatch"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    deleteMessage: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the message. */
                id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.forbidden"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.idempotency_mismatch"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    editMessage_patch: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the message. */
                id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["EditMessage"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["MessageShown"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field.empty_message.message_deleted"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.forbidden.blocked"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict.idempotency_mismatch"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    editHistory: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Of the message. */
                id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["EditHistory"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.not_member"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    forwardMessage: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the message. */
                id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ForwardMessage"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Forwarded"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field.message_deleted"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.not_member.forbidden.blocked"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.idempotency_mismatch"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    pin: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the message. */
                id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["PinnedMessage"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.message_deleted"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.blocked"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict.idempotency_mismatch"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    unpin: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the message. */
                id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.message_deleted"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.blocked"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict.idempotency_mismatch"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    react: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the message. */
                id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["React"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Reaction"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field.message_deleted"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.blocked"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict.idempotency_mismatch"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    unreact: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the message. */
                id: components["schemas"]["MessageId"];
                /** @description The emoji. */
                emoji: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.message_deleted"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.idempotency_mismatch"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    readMessage: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Of the message. */
                id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["ReadOrSaid"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    readers: {
        parameters: {
            query?: {
                /** @description Members looked at for a page; more than 100 are taken as that. */
                limit?: number;
                /** @description `nextCursor` of the page before; instead of `page`. */
                cursor?: string;
            };
            header?: never;
            path: {
                /** @description Of the message. */
                id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Readers"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            403: components["responses"]["403.not_member"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    thread: {
        parameters: {
            query?: {
                /** @description Which page, from 1. */
                page?: number;
                /** @description Items on the page; more than 100 are taken as that. */
                limit?: number;
                /** @description The answers behind the one with this `seq`. */
                after?: number;
            };
            header?: never;
            path: {
                /** @description Of the message. */
                id: components["schemas"]["MessageId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Messages"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    presencesOf: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PresenceAsked"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Presence"][];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    typing: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Of the conversation. */
                id: components["schemas"]["ConversationId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["TypingIndicator"][];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    ownPresence: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Presence"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    changePresence: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["PresenceChange"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["OwnPresence"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            409: components["responses"]["409.idempotency_mismatch"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    changePresence_patch: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["PresenceChange"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["OwnPresence"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            409: components["responses"]["409.idempotency_mismatch"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    presences: {
        parameters: {
            query: {
                /** @description Whose, with commas between, at most 200. */
                userIds: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Presence"][];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    presence: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Of the user. */
                userId: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Presence"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    blocks: {
        parameters: {
            query?: {
                /** @description Which page, from 1. */
                page?: number;
                /** @description Items on the page; more than 100 are taken as that. */
                limit?: number;
                /** @description `nextCursor` of the page before; instead of `page`. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Next-Cursor": components["headers"]["X-Next-Cursor"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["BlockedUser"][];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    me: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["OwnProfile"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    changeProfile: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ProfileChange"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["OwnProfile"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    deleteAccount: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    changeProfile_patch: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["ProfileChange"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["OwnProfile"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            409: components["responses"]["409.conflict"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    blockedUsers: {
        parameters: {
            query?: {
                /** @description Which page, from 1. */
                page?: number;
                /** @description Items on the page; more than 100 are taken as that. */
                limit?: number;
                /** @description `nextCursor` of the page before; instead of `page`. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-Next-Cursor": components["headers"]["X-Next-Cursor"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["User"][];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    changePassword: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordChange"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended.invalid_credentials"];
            409: components["responses"]["409.idempotency_mismatch"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    changePassword_patch: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["PasswordChange"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended.invalid_credentials"];
            409: components["responses"]["409.idempotency_mismatch"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    settings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Settings"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    changeSettings: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["SettingsChange"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Settings"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    changeSettings_patch: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["SettingsChange"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Settings"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    searchUsers: {
        parameters: {
            query?: {
                /** @description What is looked for. */
                query?: string;
                /** @description The same. */
                q?: string;
                /** @description Which page, from 1. */
                page?: number;
                /** @description Items on the page; more than 100 are taken as that. */
                limit?: number;
                /** @description `nextCursor` of the page before; instead of `page`. */
                cursor?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["UsersFound"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    user: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Of the user. */
                id: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["UserProfile"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    blockUser: {
        parameters: {
            query?: never;
            header?: {
                /** @description Makes the request safe to repeat: the same key is the same request. */
                "Idempotency-Key"?: string;
            };
            path: {
                /** @description Of the user. */
                id: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody?: {
            content: {
                "application/json": components["schemas"]["BlockUser"];
            };
        };
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.validation_failed.malformed_id.malformed_json.unknown_field"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            404: components["responses"]["404.not_found"];
            409: components["responses"]["409.conflict.idempotency_mismatch"];
            413: components["responses"]["413.too_large"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    unblockUser: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description Of the user. */
                id: components["schemas"]["UserId"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Said"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            400: components["responses"]["400.malformed_id"];
            401: components["responses"]["401.unauthenticated.token_expired.session_ended"];
            404: components["responses"]["404.not_found"];
            429: components["responses"]["429.rate_limited"];
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded.outcome_unknown"];
        };
    };
    alive: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Status"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
    ready: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "X-RateLimit-Limit": components["headers"]["X-RateLimit-Limit"];
                    "X-RateLimit-Remaining": components["headers"]["X-RateLimit-Remaining"];
                    "X-RateLimit-Reset": components["headers"]["X-RateLimit-Reset"];
                    "X-Request-Id": components["headers"]["X-Request-Id"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        data: components["schemas"]["Status"];
                        /** @constant */
                        success: true;
                        timestamp: components["schemas"]["Timestamp"];
                    };
                };
            };
            500: components["responses"]["500.internal"];
            503: components["responses"]["503.overloaded"];
        };
    };
}
