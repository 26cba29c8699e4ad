// The reader's own status: what the menu of his account offers, and the dialog for a text of his own.

import { alertUser, h, icon, statusIcon } from "./dom.js";
import { field, openDialog } from "./overlay.js";
import { customOf, DURATIONS, endWords, STATUS_MAX, STATUSES, statusOf } from "./seen.js";
import { codePoints, isVisible } from "./text.js";
import { inWords } from "./words.js";

const CHOICES = { ...STATUSES, offline: "Invisible" };

/** Items of a menu: one status of four, and the custom one. */
export function statusItems(session) {
  const { presence } = session;
  const choose = (status) => presence.choose(status).catch((error) => alertUser(inWords(error)));
  const choices = Object.entries(CHOICES).map(([status, label]) => (
    { label, glyph: statusIcon(status), checked: presence.chosen === status, select: () => choose(status) }));
  const custom = customOf(presence.mine);
  return [
    { group: "Status", items: choices },
    { line: true },
    { label: custom ? "Change custom status" : "Set a custom status", icon: "smile", select: () => customStatus(session) },
    custom && { label: "Clear custom status", icon: "close", select: () => presence.set({ customStatus: null }).catch((error) => alertUser(inWords(error))) },
  ].filter(Boolean);
}

/** What the reader is to others, in words for himself; "" where there is nothing to remark. */
export function ownWords(presence, now) {
  const { mine, chosen } = presence;
  const custom = customOf(mine);
  if (custom) return { custom, ends: endWords(mine.customStatusExpiresAt, now) };
  if (chosen !== "online") return { words: CHOICES[chosen] };
  return { words: statusOf(mine) === "away" ? STATUSES.away : "" };
}

/** The dot on the reader's own picture; none until the server has said something. */
export function ownStatus({ mine, chosen }) {
  if (!mine) return undefined;
  return chosen === "online" ? statusOf(mine) : chosen;
}

function customStatus(session) {
  const { presence } = session;
  const now = new Date();
  const mine = customOf(presence.mine);
  const ends = mine && presence.mine.customStatusExpiresAt;
  const text = field("Custom status", { autocomplete: "off", dir: "auto", placeholder: "What are you up to?" });
  text.input.value = mine ?? "";
  const choose = h("select", { class: "input", id: "status-ends" },
    ends ? h("option", { value: "as-is" }, `As it is: ${endWords(ends, now)}`) : null,
    Object.entries(DURATIONS).map(([name, [words]]) => h("option", { value: name }, words)));
  choose.value = ends ? "as-is" : mine ? "never" : "today";
  const problem = h("p", { class: "form-error", role: "alert" });
  const save = h("button", { type: "submit", class: "button primary" }, "Save");

  async function carry(fields) {
    save.disabled = true;
    problem.replaceChildren();
    try {
      await presence.set(fields);
      opened.close();
    } catch (error) {
      save.disabled = false;
      problem.replaceChildren(icon("warn"), inWords(error));
    }
  }

  function submit(event) {
    event.preventDefault();
    const customStatus = text.input.value.trim();
    if (!isVisible(customStatus)) {
      text.fail("Write something first, or clear the status in the menu.");
      text.input.focus();
    } else if (codePoints(customStatus) > STATUS_MAX) {
      text.fail(`At most ${STATUS_MAX} characters.`);
      text.input.focus();
    } else {
      const until = choose.value === "as-is" ? ends : DURATIONS[choose.value][1](new Date());
      carry({ customStatus, customStatusExpiresAt: until && new Date(until).toISOString() });
    }
  }

  const form = h("form", { class: "stack", onsubmit: submit, novalidate: true }, text.node,
    h("div", { class: "field" }, h("label", { for: "status-ends" }, "Clear after"), choose), problem,
    h("div", { class: "form-end" }, save));
  const opened = openDialog("Custom status", { content: form });
  text.input.focus();
}
