// Never run: TypeScript looks at it, strictly, as it would at a program of somebody else.

import { Parlance, ParlanceError, type Entry, type Message } from "../../web/client/parlance.js";

export async function program(): Promise<Message> {
  const chat = new Parlance({ url: "http://localhost:3000", cursors: JSON.parse("{}") });
  await chat.signIn({ identifier: "alice", password: "violet-kettle-81" });
  const off = chat.on("message.created", ({ rev, seq, data }) => {
    const text: string = data.content;
    const numbers: [number, number | undefined] = [rev, seq];
    console.log(text, data.sender.username, numbers);
    // @ts-expect-error -- a message has no such field
    console.log(data.contents);
  });
  chat.on("message.reaction", ({ data }) => console.log(data.counts["👍"], data.added));
  chat.on("conversation.added", ({ feed, data }) => console.log(feed, data.conversation?.name));
  chat.on("receipt", ({ data }) => console.log(data.kind === "read", data.seq));
  chat.on("typing", ({ conversationId, data }) => console.log(conversationId, data.username, data.until ?? "over"));
  chat.on("presence", ({ data }) => console.log(data.userId, data.status === "do_not_disturb", data.customStatus));
  // @ts-expect-error -- no such status
  await chat.presence.update({ status: "busy" });
  const [seen] = await chat.presence.subscribe([chat.user?.id ?? ""]);
  console.log(seen?.lastSeenAt);
  chat.on("status", ({ status, retryInMs }) => console.log(status === "live", retryInMs));
  chat.on("reset", (what) => {
    if (what.feed !== undefined) console.log(what.feed);
    else if (what.removed) console.log(what.conversationId);
    else console.log(what.conversation.name, what.rev);
  });
  // @ts-expect-error -- no such state
  chat.on("status", ({ status }) => console.log(status === "alive"));
  await chat.connect();
  const { users } = await chat.findPeople("bob", { limit: 1 });
  const [bob] = users;
  if (!bob) throw new ParlanceError("not_found", "nobody");
  const { id, lastMessage } = await chat.openDirect(bob.id);
  console.log(lastMessage?.content);
  const entry: Entry = chat.send(id, { content: "hi", metadata: { of: "me" } });
  // @ts-expect-error -- the words are `content`
  chat.send(id, { text: "hi" });
  const { items, nextCursor } = await chat.conversations({ type: "group", limit: 10 });
  console.log(items.map(({ name, unreadCount }) => [name, unreadCount]), nextCursor);
  const page = await chat.history(id, { before: 10 });
  const last: number | null = page.nextBefore;
  console.log(last, page.messages[0]?.reactionCounts);
  try {
    return await entry.done;
  } catch (refused) {
    if (refused instanceof ParlanceError && refused.code === "not_member") off();
    throw refused;
  }
}
