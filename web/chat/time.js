// Times as people say them. Pure: now is passed in.

const format = (options) => new Intl.DateTimeFormat(undefined, options);
const CLOCK = format({ hour: "numeric", minute: "2-digit" });
const WEEKDAY = format({ weekday: "long" });
const SHORT_WEEKDAY = format({ weekday: "short" });
const DAY = format({ weekday: "long", day: "numeric", month: "long" });
const DAY_OF_YEAR = format({ day: "numeric", month: "long", year: "numeric" });
const SHORT_DAY = format({ day: "numeric", month: "short" });
const SHORT_DATE = format({ day: "numeric", month: "short", year: "numeric" });
const SENTENCE_DAY = format({ day: "numeric", month: "long" });
const FULL = format({ dateStyle: "medium", timeStyle: "short" });

/** The days between two moments as a calendar counts them here, across a change of the clocks too. */
export function daysBetween(earlier, later) {
  const noon = (date) => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((noon(later) - noon(earlier)) / 86_400_000);
}

export const clock = (at) => CLOCK.format(new Date(at));
export const fullTime = (at) => FULL.format(new Date(at));

/** Above the messages of a day. */
export function dayLabel(at, now) {
  const date = new Date(at);
  const days = daysBetween(date, now);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days > 1 && days < 7) return WEEKDAY.format(date);
  return date.getFullYear() === now.getFullYear() ? DAY.format(date) : DAY_OF_YEAR.format(date);
}

/** A day in a sentence. */
export function dayOf(date, now) {
  return date.getFullYear() === now.getFullYear() ? SENTENCE_DAY.format(date) : DAY_OF_YEAR.format(date);
}

/** Beside a conversation in the list. */
export function listTime(at, now) {
  const date = new Date(at);
  const days = daysBetween(date, now);
  if (days <= 0) return CLOCK.format(date);
  if (days === 1) return "Yesterday";
  if (days < 7) return SHORT_WEEKDAY.format(date);
  return date.getFullYear() === now.getFullYear() ? SHORT_DAY.format(date) : SHORT_DATE.format(date);
}
