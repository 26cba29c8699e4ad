// Menus and dialogs. Both lie in the browser's top layer (popover, <dialog>), which also closes them by
// Escape, keeps the rest of the page out of reach of a dialog and gives the focus back.

import { h, icon, iconButton } from "./dom.js";

const GAP = 6;
let serial = 0;
const nextId = (prefix) => `${prefix}-${(serial += 1)}`;

/**
 * A menu beside a button, `items`: `{ label, icon, glyph, select, danger, checked, role }`, `{ row: [items] }`,
 * `{ group: name, items }` or `{ line: true }`. On a narrow screen it lies at the bottom.
 */
export function openMenu(anchor, label, items) {
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label, popover: "auto" });
  let chosen = false;
  for (const item of items) {
    if (item.line) menu.append(h("hr", { class: "menu-line" }));
    else if (item.group) menu.append(h("div", { role: "group", "aria-label": item.group }, item.items.map(entry)));
    else if (item.row) menu.append(h("div", { class: "menu-row", role: "none" }, item.row.map(entry)));
    else menu.append(entry(item));
  }

  function entry({ label: text, icon: name, glyph, shown, select, danger, checked }) {
    const role = checked === undefined ? "menuitem" : "menuitemradio";
    const pick = () => {
      chosen = true;
      menu.hidePopover();
      if (anchor.isConnected) anchor.focus({ preventScroll: true });
      select();
    };
    const content = shown ? [shown] : [glyph ?? (name && icon(name)), h("span", {}, text), checked && icon("check", "end")];
    return h("button", {
      type: "button", role, tabindex: "-1", class: danger ? "menu-item danger" : "menu-item",
      "aria-label": shown ? text : undefined, title: shown ? text : undefined,
      "aria-checked": checked === undefined ? undefined : String(checked), onclick: pick,
    }, content);
  }

  moveInside(menu);
  menu.addEventListener("toggle", (event) => {
    if (event.newState !== "closed") return;
    anchor.setAttribute("aria-expanded", "false");
    const inside = menu.contains(document.activeElement) || document.activeElement === document.body;
    menu.remove();
    if (!chosen && inside && anchor.isConnected) anchor.focus({ preventScroll: true });
  });
  (anchor.closest("dialog, main") ?? document.body).append(menu);
  anchor.setAttribute("aria-expanded", "true");
  menu.showPopover();
  place(menu, anchor);
  menu.querySelector("[role^=menuitem]")?.focus();
  return menu;
}

function moveInside(menu) {
  menu.addEventListener("keydown", (event) => {
    const all = [...menu.querySelectorAll("[role^=menuitem]")];
    const at = all.indexOf(document.activeElement);
    const inRow = document.activeElement?.closest(".menu-row");
    const rowEnd = inRow ? all.indexOf(inRow.lastElementChild) : at;
    const rowStart = inRow ? all.indexOf(inRow.firstElementChild) : at;
    const to = {
      ArrowDown: rowEnd + 1, ArrowUp: rowStart - 1, Home: 0, End: all.length - 1,
      ArrowRight: inRow ? at + 1 : at, ArrowLeft: inRow ? at - 1 : at,
    }[event.key];
    if (event.key === "Tab") menu.hidePopover();
    if (to === undefined) return;
    event.preventDefault();
    all[(to + all.length) % all.length]?.focus();
  });
}

/** Under the button where there is room, else above it; never outside of the window. */
function place(menu, anchor) {
  if (matchMedia("(max-width: 719px)").matches) return;
  const from = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = menu;
  const below = from.bottom + GAP + height <= innerHeight - GAP;
  const top = below ? from.bottom + GAP : Math.max(GAP, from.top - GAP - height);
  const left = from.left + width <= innerWidth - GAP ? from.left : from.right - width;
  menu.style.top = `${Math.min(top, Math.max(GAP, innerHeight - height - GAP))}px`;
  menu.style.left = `${Math.max(GAP, Math.min(left, innerWidth - width - GAP))}px`;
}

/** A dialog with a title and a close button; `kind` is "middle" or "side". Resolves when it has closed. */
export function openDialog(title, { kind = "middle", content, footer, onclose } = {}) {
  const id = nextId("title");
  const dialog = h("dialog", { class: `dialog ${kind}`, "aria-labelledby": id });
  const close = () => dialog.close();
  dialog.append(
    h("header", { class: "dialog-head" }, h("h2", { id }, title), iconButton("close", "Close", { onclick: close })),
    h("div", { class: "dialog-body" }, content),
  );
  if (footer) dialog.append(h("footer", { class: "dialog-foot" }, footer));
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    onclose?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  return { dialog, close };
}

/** Asks before something that cannot be taken back; true if the answer is yes. */
export function confirm(title, text, yes, { danger = true } = {}) {
  return new Promise((resolve) => {
    let answer = false;
    const accept = () => {
      answer = true;
      opened.close();
    };
    const opened = openDialog(title, {
      content: h("p", {}, text),
      footer: [
        h("button", { type: "button", class: "button", onclick: () => opened.close() }, "Cancel"),
        h("button", { type: "button", class: danger ? "button danger" : "button primary", onclick: accept }, yes),
      ],
      onclose: () => resolve(answer),
    });
    opened.dialog.querySelector(".dialog-foot .button").focus();
  });
}

/** A labelled field with room for its error beside it. */
export function field(label, { hint, ...props }) {
  const id = nextId("field");
  const error = h("p", { class: "field-error", id: `${id}-error` });
  const help = hint ? h("p", { class: "field-hint", id: `${id}-hint` }, hint) : null;
  const input = h("input", { id, class: "input", "aria-describedby": [help && `${id}-hint`, `${id}-error`].filter(Boolean).join(" "), ...props });
  const fail = (text) => {
    error.replaceChildren(text ? icon("warn") : "", text ?? "");
    if (text) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  };
  input.addEventListener("input", () => fail());
  const node = h("div", { class: "field" }, h("label", { for: id }, label), input, help, error);
  return { node, input, fail };
}

