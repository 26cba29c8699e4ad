// Words and names as they are shown. Pure: no DOM, no clock.
//
// Whatever people write stays text here: a link is a piece of text beside an address that was checked, and
// nobody's name is ever empty or able to turn the line around it.

export const CONTENT_MAX = 10_000;
export const NAME_MAX = 255;
export const EMOJI_MAX = 50;
export const EMOJI = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

const SEEN = /[\p{L}\p{N}\p{P}\p{S}]/u;
const ADDRESS = /https?:\/\/[^\s<>"'`\u0000-\u001f\u200b-\u200f\u202a-\u202e\u2060-\u2069]+/giu;
const TURNS = /[\u202a-\u202e\u2066-\u2069]/gu;
const CLOSING = { ")": "(", "]": "[", "}": "{" };

/** Code points, as the server counts them. */
export function codePoints(text) {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** Whether a reader would see anything. */
export function isVisible(text) {
  return SEEN.test(text ?? "");
}

/** An address without what belongs to the sentence around it. */
function trimmed(address) {
  let end = address.length;
  while (end > 0) {
    const last = address[end - 1];
    if (/[.,;:!?…]/u.test(last)) end -= 1;
    else if (last in CLOSING) {
      const inner = address.slice(0, end);
      const opened = inner.split(CLOSING[last]).length;
      if (inner.split(last).length <= opened) break;
      end -= 1;
    } else break;
  }
  return address.slice(0, end);
}

/** The text in pieces, `{ text }` or `{ text, href }`; joined they are the text again. Only http and https. */
export function pieces(text) {
  const out = [];
  let from = 0;
  for (const found of text.matchAll(ADDRESS)) {
    const address = trimmed(found[0]);
    let url;
    try {
      url = new URL(address);
    } catch {
      continue;
    }
    if ((url.protocol !== "http:" && url.protocol !== "https:") || !url.hostname) continue;
    if (found.index > from) out.push({ text: text.slice(from, found.index) });
    out.push({ text: address, href: url.href });
    from = found.index + address.length;
  }
  if (from < text.length) out.push({ text: text.slice(from) });
  return out;
}

/** One line of it, for previews and quotes. */
export function oneLine(text, most = 160) {
  const line = [...(text ?? "").replace(/\s+/gu, " ").trim()];
  return line.length > most ? `${line.slice(0, most).join("")}…` : line.join("");
}

/** Keeps a name from changing the direction of the words around it, where there is no element to do that. */
export function isolated(text) {
  return `\u2068${(text ?? "").replace(TURNS, "")}\u2069`;
}

export function nameOf(user) {
  const full = [user?.firstName, user?.lastName].filter(isVisible).join(" ").replace(TURNS, "").trim();
  return full || user?.username || "Somebody";
}

/** The person on the other side of a direct conversation; undefined in one's notes. */
export function otherOf(conversation, me) {
  return conversation.participants?.find((one) => one.userId !== me)?.user;
}

export function titleOf(conversation, me) {
  const other = conversation.type === "direct" ? otherOf(conversation, me) : undefined;
  if (other) return nameOf(other);
  if (isVisible(conversation.name)) return conversation.name.replace(TURNS, "");
  if (conversation.type !== "direct") return "Unnamed group";
  return conversation.memberCount === 1 ? "Notes to yourself" : "Conversation";
}

/** One or two letters for the round picture. */
export function initials(name) {
  const words = name.split(/[\s_.-]+/u).map((word) => word.match(/[\p{L}\p{N}]/u)?.[0]).filter(Boolean);
  const picked = words.length > 1 ? words[0] + words[words.length - 1] : words[0] ?? "•";
  return picked.toLocaleUpperCase();
}

/** One of eight tints, always the same for the same id. */
export function tint(id) {
  let sum = 0;
  for (const char of id ?? "") sum = (sum * 31 + char.charCodeAt(0)) % 65_521;
  return sum % 8;
}

/** What a message says in one line. */
export function summary(message) {
  if (!message) return "";
  if (message.isDeleted) return "This message was deleted";
  const line = oneLine(message.content);
  if (isVisible(line)) return line;
  const kind = message.type ?? message.messageType ?? "text";
  return kind === "text" ? "(no text)" : `(${kind})`;
}

export function plural(count, one, many) {
  return `${count.toLocaleString()} ${count === 1 ? one : many}`;
}
