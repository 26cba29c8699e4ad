// One row of the log as elements. Builds and returns; what a button does is asked of `act`.

import { avatar, h, icon, spoken, ticks } from "./dom.js";
import { initials, isolated, nameOf, pieces, summary, tint } from "./text.js";
import { clock, dayLabel, fullTime } from "./time.js";
import { inWords } from "./words.js";

/** Longer texts are cut until they are asked for, so that one of them does not push everything away. */
const CUT_FROM = 2_400;
const CUT_TO = 1_800;
const CUT_LINES = 40;

/** What must be the same for a row to stay as it is. */
export function signature(row, context) {
  if (row.kind === "day") return dayLabel(row.at, new Date());
  if (row.kind === "new") return "new";
  if (row.kind === "pending") return `${row.entry.state} ${row.entry.error?.code ?? ""} ${context.online}`;
  const { message } = row;
  const reactions = message.shownReactions.map((one) => `${one.emoji}${one.count}${one.mine}`).join(" ");
  const quote = message.replyTo ? `${message.replyTo.id}${message.replyTo.rev}` : message.replyToId;
  return [message.rev, row.startsGroup, row.endsGroup, row.tick, quote, context.named, context.expanded.has(message.id), reactions].join("|");
}

export function rowElement(row, context) {
  switch (row.kind) {
    case "day": return h("div", { class: "divider day", role: "separator", "aria-label": dayLabel(row.at, new Date()) }, h("span", {}, dayLabel(row.at, new Date())));
    case "new": return h("div", { class: "divider new", role: "separator", "aria-label": "New messages" }, h("span", {}, "New messages"));
    case "pending": return pending(row, context);
    default: return message(row, context);
  }
}

function bubbleClass(...parts) {
  return ["message", ...parts].filter(Boolean).join(" ");
}

function message(row, context) {
  const { message: it, mine } = row;
  const name = mine ? "You" : nameOf(it.sender);
  const named = context.named && !mine;
  const node = h("div", {
    class: bubbleClass(mine ? "mine" : "theirs", row.startsGroup && "starts", row.endsGroup && "ends", it.isDeleted && "deleted", named && "named"),
    role: "group", tabindex: "-1", "data-seq": it.seq, "aria-label": `${isolated(name)}, ${clock(it.createdAt)}`, "aria-describedby": `text-${it.id}`,
  });
  if (named) node.append(row.endsGroup ? avatar(tint(it.senderId), initials(name), { kind: "small" }) : h("span", { class: "avatar-gap" }));
  const bubble = h("div", { class: "bubble" });
  if (named && row.startsGroup) bubble.append(h("p", { class: `sender ink-${tint(it.senderId)}` }, h("bdi", {}, name)));
  if (it.replyToId && !it.isDeleted) bubble.append(quote(it, context));
  const body = it.isDeleted ? h("p", { class: "text quiet" }, "This message was deleted") : text(it, context);
  body.id = `text-${it.id}`;
  bubble.append(h("div", { class: "line" }, body, meta(row)));
  node.append(bubble);
  if (!it.isDeleted) node.append(actions(it, context));
  if (it.shownReactions.length > 0) node.append(reactions(it, context));
  return node;
}

function text(it, context) {
  const content = it.content ?? "";
  const shown = context.expanded.has(it.id) ? content : beginning(content);
  const long = shown !== content;
  const body = h("p", { class: "text", dir: "auto" }, shown ? linked(shown) : h("span", { class: "quiet" }, summary(it)));
  if (!long) return body;
  const more = h("button", { type: "button", class: "link-button in", tabindex: "-1", onclick: () => context.act("expand", it, more) }, "Show all");
  return h("div", {}, body, more);
}

function beginning(content) {
  const lines = content.split("\n");
  if (content.length <= CUT_FROM && lines.length <= CUT_LINES) return content;
  const some = lines.slice(0, CUT_LINES - 10).join("\n");
  return `${some.length > CUT_FROM ? [...some].slice(0, CUT_TO).join("") : some}…`;
}

function linked(content) {
  return pieces(content).map((piece) => (piece.href
    ? h("a", { class: "in", tabindex: "-1", href: piece.href, target: "_blank", rel: "noopener noreferrer" }, piece.text)
    : document.createTextNode(piece.text)));
}

function meta(row) {
  const { message: it } = row;
  return h("p", { class: "meta" },
    it.isPinned ? h("span", { class: "meta-pin", title: "Pinned" }, icon("pin", "small"), spoken("Pinned")) : null,
    it.isEdited && !it.isDeleted ? h("span", {}, "edited") : null,
    h("time", { datetime: it.createdAt, title: fullTime(it.createdAt) }, clock(it.createdAt)),
    row.tick && !it.isDeleted ? ticks(row.tick) : null);
}

function quote(it, context) {
  const original = it.replyTo;
  const who = original ? (original.senderId === context.me ? "You" : nameOf(original.sender)) : "…";
  return h("button", { type: "button", class: "quote in", tabindex: "-1", title: "Show it", onclick: () => context.act("jump", { id: it.replyToId }) },
    h("span", { class: "quote-who" }, spoken("In reply to "), h("bdi", {}, who), spoken(": ")),
    h("span", { class: "quote-text" }, h("bdi", {}, summary(original))));
}

function actions(it, context) {
  const button = h("button", {
    type: "button", class: "icon-button message-actions in", tabindex: "-1", "aria-label": "Message actions", title: "Message actions",
    "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => context.act("menu", it, button),
  }, icon("more", "dots"));
  return button;
}

function reactions(it, context) {
  return h("div", { class: "reactions" }, it.shownReactions.map((one) => h("button", {
    type: "button", class: "reaction in", tabindex: "-1", "aria-pressed": String(one.mine), "data-emoji": one.emoji,
    "aria-label": `${one.emoji} ${one.count}${one.mine ? ", reacted by you" : ""}`,
    title: one.mine ? "Take your reaction back" : "React with the same",
    onclick: () => context.act(one.mine ? "unreact" : "react", it, null, one.emoji),
  }, h("span", { class: "reaction-emoji" }, one.emoji), h("span", {}, String(one.count)))));
}

/** A message that is still on this device. */
function pending({ entry }, context) {
  const failed = entry.state === "failed";
  const words = { queued: "Waiting to be sent", sending: context.online ? "Sending" : "Waiting to be sent" }[entry.state] ?? "Sent";
  const at = new Date(entry.at ?? Date.now());
  const node = h("div", { class: bubbleClass("mine", "pending", "starts", "ends", failed && "failed"), role: "group", tabindex: "-1", "aria-label": `You, ${clock(at)}, not sent yet` });
  const state = failed ? null : h("p", { class: "meta" }, h("span", { class: "meta-wait" }, icon("clock", "small"), words));
  const body = h("p", { class: "text", dir: "auto" }, linked(entry.content ?? ""));
  node.append(h("div", { class: "bubble" }, h("div", { class: "line" }, body, state ?? "")));
  if (!failed) return node;
  node.append(h("div", { class: "failure" },
    h("p", {}, icon("warn", "small"), ` Not sent: ${inWords(entry.error)}`),
    h("button", { type: "button", class: "link-button in", onclick: () => context.act("retry", entry) }, "Retry"),
    h("button", { type: "button", class: "link-button in", onclick: () => context.act("discard", entry) }, "Discard")));
  return node;
}
