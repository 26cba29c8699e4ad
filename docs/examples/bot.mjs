// A bot that answers every text once, however often it is stopped, killed and started again.
//
//     BOT_PASSWORD=… node bot.mjs          Node 22; with Node 20: node --experimental-websocket bot.mjs
//
// Also read from the environment: PARLANCE_URL, BOT_NAME, BOT_FOLDER (where it keeps its session, the answers
// that are not sent yet, and how far it has come). What makes "once" true: an answer lies in the folder
// before the cursor behind its question does, and its name is made of the question's, so sending it again
// is no second message.

import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { Parlance } from "../../web/client/parlance.js";

const { PARLANCE_URL: url = "http://localhost:3000", BOT_NAME: username = "echo-bot", BOT_FOLDER: folder = "bot" } = process.env;
const password = process.env.BOT_PASSWORD; // of 8 characters or more

mkdirSync(`${folder}/kept`, { recursive: true, mode: 0o700 });
const path = (key) => `${folder}/kept/${encodeURIComponent(key)}`;
const storage = {
  get length() { return readdirSync(`${folder}/kept`).length; },
  key: (i) => decodeURIComponent(readdirSync(`${folder}/kept`)[i]),
  getItem: (key) => (existsSync(path(key)) ? readFileSync(path(key), "utf8") : null),
  setItem: (key, value) => {
    writeFileSync(`${folder}/new`, value, { mode: 0o600 });
    renameSync(`${folder}/new`, path(key)); // whole or not at all
  },
  removeItem: (key) => rmSync(path(key), { force: true }),
};

const chat = new Parlance({ url, storage, cursors: JSON.parse(storage.getItem("cursors")) });

function answer({ id, conversationId, senderId, content, isDeleted, metadata }) {
  if (senderId === chat.user.id || isDeleted || !content || metadata?.bot) return; // bots do not talk to bots
  const words = content.trim() === "help" ? "I repeat what you say." : `You said: ${content.slice(0, 9_000)}`;
  chat.send(conversationId, { content: words, replyToId: id, metadata: { bot: true }, clientMessageId: `re-${id}` });
}

chat.on("message.created", ({ data }) => answer(data));
let reading = 0;
const save = () => reading === 0 && storage.setItem("cursors", JSON.stringify(chat.cursors));
chat.on("event", save); // after the answer lies in the outbox
chat.on("reset", async ({ conversationId, removed }) => {
  reading += 1; // Too much was missed, or it is the first start: the newest texts of what is unread.
  const all = conversationId ? [{ id: conversationId, unreadCount: 1 }] : (await chat.conversations({ limit: 100 })).items;
  for (const { id } of removed ? [] : all.filter(({ unreadCount }) => unreadCount > 0)) {
    (await chat.history(id, { limit: 100 })).messages.forEach(answer);
  }
  reading -= 1;
});
chat.on("outbox", ({ state, clientMessageId, error }) => {
  if (state === "failed") console.error(`no answer ${clientMessageId}: ${error.message}`), chat.discard(clientMessageId);
});
chat.on("status", ({ status, error }) => console.log(status, error?.message ?? ""));

if (!(await chat.restore())) {
  await chat.signIn({ identifier: username, password }).catch((error) => {
    if (error.code !== "invalid_credentials") throw error; // else it is not known yet
    return chat.signUp({ username, password, email: `${username}@example.org`, firstName: username, lastName: "Bot" });
  });
}
chat.connect();
