// The list of conversations as it was last seen here, kept on this device: so that a page that is opened without
// a connection shows where one was and what waits to be sent. Never more than a picture: the server's list takes
// its place as soon as it is there. Gone when its reader signs out.

const KEY = "parlance.list";
const MOST = 100;

/** What was kept for this user, as the list of state.js; empty for anybody else. */
export function kept(user, storage = globalThis.localStorage) {
  try {
    const { user: owner, conversations } = JSON.parse(storage.getItem(KEY) ?? "{}");
    if (owner !== user || !Array.isArray(conversations)) return new Map();
    // A picture is as of no `rev`: whatever the server shows is newer, also after it was restored from a backup.
    return new Map(conversations.filter((one) => typeof one?.id === "string").map((one) => [one.id, { ...one, rev: 0 }]));
  } catch {
    // Nothing kept, or not by this version: the list begins empty.
    return new Map();
  }
}

export function keep(user, conversations, storage = globalThis.localStorage) {
  try {
    storage.setItem(KEY, JSON.stringify({ user, conversations: conversations.slice(0, MOST) }));
  } catch {
    // A full or forbidden storage: the list is asked for next time.
  }
}

export function forget(storage = globalThis.localStorage) {
  try {
    storage.removeItem(KEY);
  } catch {
    // As above.
  }
}
