// Elements, made by hand. The only way into the document: text stays text, and there is no way here to give
// markup, a handler as text or a style attribute, so the policy of the page (no inline script or style,
// trusted types) holds by construction.

import { STATUSES } from "./seen.js";

const SVG = "http://www.w3.org/2000/svg";
const REFUSED = /^(?:style|on.*|srcdoc|innerHTML|outerHTML)$/i;

/** `h("button", { class: "primary", type: "button", onclick: f }, "Send")`; a handler is a function. */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  set(element, props);
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export function set(element, props) {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === "function" && name.startsWith("on")) {
      element.addEventListener(name.slice(2), value);
    } else if (REFUSED.test(name)) {
      throw new TypeError(`an element is not given ${name} here`);
    } else if (value === undefined || value === null || value === false) {
      element.removeAttribute(name);
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  return element;
}

/** Shows nothing, says it to a screen reader. */
export function spoken(text) {
  return h("span", { class: "visually-hidden" }, text);
}

const ICONS = {
  back: ["M15 5l-7 7 7 7"],
  plus: ["M12 5v14", "M5 12h14"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  more: ["M5 12h.01", "M12 12h.01", "M19 12h.01"],
  send: ["M12 19V5", "M5.5 11.5L12 5l6.5 6.5"],
  check: ["M5 12.5l4.5 4.5L19 7.5"],
  reply: ["M9 7l-5 5 5 5", "M4 12h9a7 7 0 0 1 7 7v0"],
  edit: ["M4 20h4L19 9l-4-4L4 16z", "M13 7l4 4"],
  bin: ["M5 7h14", "M10 7V4h4v3", "M7 7l1 13h8l1-13"],
  pin: ["M9 4h6l-1 6 3 3v2H7v-2l3-3z", "M12 15v5"],
  copy: ["M9 9h11v11H9z", "M5 15H4V4h11v1"],
  smile: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z", "M8.5 14.5a4.5 4.5 0 0 0 7 0", "M9 9.5h.01", "M15 9.5h.01"],
  down: ["M12 5v14", "M5.5 12.5L12 19l6.5-6.5"],
  info: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z", "M12 11v5", "M12 8h.01"],
  search: ["M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14z", "M16 16l4.5 4.5"],
  people: ["M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7z", "M2.5 20a6.5 6.5 0 0 1 13 0", "M16 4.5a3.5 3.5 0 0 1 0 6.5", "M18 14a6.5 6.5 0 0 1 3.5 6"],
  chat: ["M4 5h16v11H9l-5 4z"],
  clock: ["M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z", "M12 7.5V12l3 2"],
  warn: ["M12 4l9 16H3z", "M12 10v4.5", "M12 17h.01"],
  exit: ["M14 4H5v16h9", "M10 12h11", "M17 8l4 4-4 4"],
  muted: ["M6 10a6 6 0 0 1 12 0c0 5 2 6 2 7H4c0-1 2-2 2-7z", "M4 4l16 16"],
  user: ["M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8z", "M4.5 20a7.5 7.5 0 0 1 15 0"],
};

/** One shape for each status, so that its colour is not needed. */
const SHAPES = {
  online: "M7 1a6 6 0 1 0 0 12 6 6 0 0 0 0-12z",
  away: "M7.6.9a6.1 6.1 0 1 0 5.4 8.3A5.1 5.1 0 0 1 7.6.9z",
  do_not_disturb: "M7 1a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM3.8 6h6.4v2H3.8z",
  offline: "M7 1a6 6 0 1 0 0 12 6 6 0 0 0 0-12zM7 3.2a3.8 3.8 0 1 1 0 7.6 3.8 3.8 0 0 1 0-7.6z",
};

/** As `icon`, in the colour of its status. */
export function statusIcon(status) {
  const svg = vector("svg", { viewBox: "0 0 14 14", class: `status-icon ${status}`, "aria-hidden": "true", focusable: "false" });
  svg.append(vector("path", { d: SHAPES[status] }));
  return svg;
}

/** Drawn with the colour of the text; hidden from screen readers, which have the words beside it. */
export function icon(name, kind = "") {
  const svg = vector("svg", { viewBox: "0 0 24 24", class: `icon ${kind}`.trim(), "aria-hidden": "true", focusable: "false" });
  for (const path of ICONS[name]) svg.append(vector("path", { d: path }));
  return svg;
}

function vector(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** The ticks of a message of one's own: one, two, two in the accent; the word is for screen readers. */
export function ticks(state) {
  const words = { sent: "Sent", delivered: "Delivered", read: "Read" };
  const svg = vector("svg", { viewBox: "0 0 22 14", class: "tick", "aria-hidden": "true", focusable: "false" });
  svg.append(vector("path", { d: "M2 7.5l4 4L14 3" }));
  if (state !== "sent") svg.append(vector("path", { d: "M10 11l.5.5L19 3" }));
  return h("span", { class: `ticks ${state}`, title: words[state] }, svg, spoken(words[state]));
}

/** A button that is an icon; its name is its label and its tooltip. */
export function iconButton(name, label, props = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, ...props }, icon(name, name === "more" ? "dots" : ""));
}

/** Moves focus within a group by arrow keys, Home and End; the group is one stop of the Tab key. */
export function roving(container, selector, { horizontal = false } = {}) {
  const [back, on] = horizontal ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
  const items = () => [...container.querySelectorAll(selector)];
  container.addEventListener("keydown", (event) => {
    const all = items();
    const at = all.indexOf(event.target.closest(selector));
    const to = { [back]: at - 1, [on]: at + 1, Home: 0, End: all.length - 1 }[event.key];
    if (at < 0 || to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const next = all[Math.max(0, Math.min(all.length - 1, to))];
    next.focus();
  });
  container.addEventListener("focusin", (event) => {
    const item = event.target.closest(selector);
    if (item) for (const one of items()) one.tabIndex = one === item ? 0 : -1;
  });
}

/** One live region each for what can wait and what cannot; filled and emptied, so that a repetition is said. */
let polite;
let alertBox;

export function liveRegions() {
  polite = h("div", { class: "visually-hidden", "aria-live": "polite", id: "announcer" });
  alertBox = h("div", { class: "toasts", role: "alert", id: "alerts" });
  return [polite, alertBox];
}

export function announce(text) {
  polite?.replaceChildren(h("p", {}, text));
}

const SHOWN_MS = 8_000;

/** Something failed that has no place of its own on the page. Stays for eight seconds or until it is closed. */
export function alertUser(text) {
  const toast = h("div", { class: "toast" }, icon("warn"), h("p", {}, text));
  const close = () => toast.remove();
  toast.append(iconButton("close", "Dismiss", { onclick: close }));
  alertBox?.replaceChildren(toast);
  setTimeout(close, SHOWN_MS);
}

/** `status`: one of the four, in words beside it; without one there is no dot. */
export function avatar(id, letters, { kind = "", status } = {}) {
  const dot = status && h("span", { class: "dot", title: STATUSES[status] }, statusIcon(status));
  return h("span", { class: `avatar tint-${id} ${kind}`.trim(), "aria-hidden": "true" }, letters, dot);
}
