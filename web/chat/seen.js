// What is said about who is there and who types: words of presence. Pure: now is passed in.

import { clock, dayOf, daysBetween } from "./time.js";
import { isVisible, oneLine } from "./text.js";

const TURNS = /[\u202a-\u202e\u2066-\u2069]/gu;
const MINUTE = 60_000;
const ACTIVE_MS = 5 * MINUTE; // who did something so lately is away only because he says so
const NAMED = 2; // of several who type

export const STATUS_MAX = 200;
export const STATUSES = { online: "Online", away: "Away", do_not_disturb: "Do not disturb", offline: "Offline" };

/** One of the four, whatever later servers say; undefined of somebody who is not known. */
export function statusOf(view) {
  if (!view) return undefined;
  return Object.hasOwn(STATUSES, view.status) ? view.status : "offline";
}

/** A custom status on one line, or null; its writer does not turn the line around it. */
export function customOf(view) {
  const line = oneLine((view?.customStatus ?? "").replace(TURNS, ""), STATUS_MAX);
  return isVisible(line) ? line : null;
}

export function lastSeen(at, now) {
  const date = new Date(at);
  const minutes = Math.floor((now - date) / MINUTE);
  if (minutes < 1) return "Last seen just now";
  if (minutes < 60) return `Last seen ${minutes} ${minutes === 1 ? "minute" : "minutes"} ago`;
  const days = daysBetween(date, now);
  if (days === 0) return `Last seen today at ${clock(date)}`;
  if (days === 1) return `Last seen yesterday at ${clock(date)}`;
  return `Last seen on ${dayOf(date, now)}`;
}

/** The status in words, with when somebody was last seen if that is to be known. */
export function statusWords(view, now) {
  const status = statusOf(view);
  return status === "offline" && view.lastSeenAt ? lastSeen(view.lastSeenAt, now) : STATUSES[status];
}

/** "Ada is typing…"; without names where there can be one alone. */
export function typingWords(names, { direct = false } = {}) {
  if (names.length === 0) return "";
  if (direct) return "typing…";
  if (names.length === 1) return `${names[0]} is typing…`;
  const more = names.length - NAMED;
  if (more <= 0) return `${names[0]} and ${names[1]} are typing…`;
  return `${names.slice(0, NAMED).join(", ")} and ${more} ${more === 1 ? "other" : "others"} are typing…`;
}

/**
 * What the reader has chosen to be, by what the server says that he is: idle is not chosen, and neither is
 * "offline" of somebody whose device it has not yet heard of.
 */
export function chosenOf(view, now) {
  const status = statusOf(view);
  const devices = view?.devices ?? [];
  if (status === "do_not_disturb") return status;
  if (status === "offline" && devices.length > 0) return status;
  const lately = devices.some(({ lastActive }) => now - Date.parse(lastActive) < ACTIVE_MS);
  return status === "away" && lately ? status : "online";
}

/** How long a custom status may stand, by name: words, and when that ends. */
export const DURATIONS = {
  half: ["30 minutes", (now) => new Date(now.getTime() + 30 * MINUTE)],
  hour: ["1 hour", (now) => new Date(now.getTime() + 60 * MINUTE)],
  today: ["Today", (now) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + 1)],
  never: ["Until I clear it", () => null],
};

/** When a custom status ends, for who has set it. */
export function endWords(at, now) {
  if (!at) return "";
  const date = new Date(at);
  // Midnight is the end of the day before it.
  const days = daysBetween(now, new Date(date.getTime() - 1));
  if (days > 0) return `until ${dayOf(date, now)}`;
  return date.getHours() === 0 && date.getMinutes() === 0 ? "until midnight" : `until ${clock(date)}`;
}
