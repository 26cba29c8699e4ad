// Finding people: a search that gives buttons (one person) or checkboxes (several), and the dialogs built on
// it: a new conversation, and more members for a group.

import { announce, avatar, h, icon, roving, spoken } from "./dom.js";
import { field, openDialog } from "./overlay.js";
import { STATUSES, statusOf } from "./seen.js";
import { codePoints, initials, isVisible, nameOf, NAME_MAX, plural, tint } from "./text.js";
import { inWords } from "./words.js";

const WAIT_MS = 180;
const AT_MOST = 256;

/**
 * A searchbox and its results. `several` makes them checkboxes; `pick(user)` is called for a button,
 * `chosen(map)` after each change of the selection. `without` are ids that are not shown.
 */
function search(session, { several, pick, chosen, without = new Set() }) {
  const selected = new Map();
  const box = field("Find people", { type: "search", autocomplete: "off", spellcheck: "false", autocapitalize: "none", placeholder: "Name, username or whole e-mail address" });
  const chips = h("ul", { class: "chips", "aria-label": "Chosen people" });
  const results = h("ul", { class: "people", role: "list", "aria-label": "People" });
  const note = h("p", { class: "quiet people-note", role: "status" });
  const hint = "Type the beginning of a name. An e-mail address has to be whole.";
  let timer;
  let turn = 0;

  function say(text) {
    note.textContent = text;
  }

  function toggle(user, on) {
    if (on && selected.size < AT_MOST) selected.set(user.id, user);
    else selected.delete(user.id);
    showChips();
    chosen?.(selected);
  }

  function showChips() {
    chips.replaceChildren(...[...selected.values()].map((user) => h("li", {},
      h("button", { type: "button", class: "chip", "aria-label": `Remove ${nameOf(user)}`, onclick: () => {
        toggle(user, false);
        const boxed = results.querySelector(`[data-id="${user.id}"]`);
        if (boxed) boxed.checked = false;
        box.input.focus();
      } }, h("bdi", {}, nameOf(user)), icon("close", "small")))));
  }

  function row(user) {
    const name = nameOf(user);
    const status = user.presenceStatus ? statusOf({ status: user.presenceStatus }) : undefined;
    const content = [avatar(tint(user.id), initials(name), { status }),
      h("span", { class: "person-name" }, h("bdi", {}, name), status ? spoken(`, ${STATUSES[status]}`) : null), h("span", { class: "person-handle" }, `@${user.username}`)];
    if (!several) return h("li", {}, h("button", { type: "button", class: "person", onclick: () => pick(user) }, content));
    const check = h("input", { type: "checkbox", class: "check", "data-id": user.id, onchange: () => toggle(user, check.checked) });
    check.checked = selected.has(user.id);
    return h("li", {}, h("label", { class: "person" }, content, check));
  }

  async function find() {
    const query = box.input.value.trim();
    const mine = (turn += 1);
    if (!query) {
      results.replaceChildren();
      say(hint);
      return;
    }
    try {
      const { users } = await session.chat.findPeople(query);
      if (mine !== turn) return;
      const found = users.filter((user) => !without.has(user.id));
      results.replaceChildren(...found.map(row));
      say(found.length === 0 ? `Nobody is found for “${query}”. Check the spelling, or ask them to sign up here.` : "");
      if (found.length > 0) announce(plural(found.length, "person found", "people found"));
    } catch (error) {
      if (mine !== turn) return;
      results.replaceChildren();
      say(inWords(error));
    }
  }

  box.input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(find, WAIT_MS);
  });
  box.input.addEventListener("keydown", (event) => {
    const first = results.querySelector("button, input");
    if (event.key === "ArrowDown" && first) {
      event.preventDefault();
      first.focus();
    }
    if (event.key === "Enter") {
      event.preventDefault();
      clearTimeout(timer);
      find();
    }
  });
  roving(results, "button, input");
  say(hint);
  return { node: h("div", { class: "finder" }, several ? chips : null, box.node, note, results), input: box.input, selected };
}

export function newConversation(session, open) {
  const body = h("div", { class: "stack" });
  const foot = h("div", { class: "dialog-foot-inner" });
  const opened = openDialog("New conversation", { content: body, footer: foot });
  const problem = h("p", { class: "form-error", role: "alert" });
  let busy = false;

  async function enter(opening, doing) {
    if (busy) return;
    busy = true;
    problem.textContent = "";
    try {
      const id = session.take(await opening());
      opened.close();
      open(id);
    } catch (error) {
      problem.replaceChildren(icon("warn"), inWords(error, doing));
    }
    busy = false;
  }

  function direct() {
    const finder = search(session, { pick: (user) => enter(() => session.chat.openDirect(user.id), "direct") });
    foot.hidden = true;
    return finder;
  }

  function group() {
    const name = field("Group name", { autocomplete: "off" });
    const create = h("button", { type: "submit", class: "button primary" }, "Create group");
    const chosen = (selected) => create.replaceChildren(selected.size ? `Create group (${selected.size + 1})` : "Create group");
    const finder = search(session, { several: true, chosen });
    const submit = (event) => {
      event.preventDefault();
      const text = name.input.value.trim();
      if (!isVisible(text)) {
        name.fail("Give the group a name.");
        name.input.focus();
      } else if (codePoints(text) > NAME_MAX) {
        name.fail(`At most ${NAME_MAX} characters.`);
        name.input.focus();
      } else if (finder.selected.size === 0) {
        problem.replaceChildren(icon("warn"), "Choose at least one person.");
        finder.input.focus();
      } else {
        enter(() => session.chat.createGroup({ name: text, participantIds: [...finder.selected.keys()] }), "member");
      }
    };
    foot.hidden = false;
    foot.replaceChildren(create);
    create.addEventListener("click", submit);
    finder.node.prepend(name.node);
    return finder;
  }

  const kinds = h("div", { class: "segments", role: "radiogroup", "aria-label": "Kind of conversation" });
  const place = h("div", {});
  const choose = (make) => {
    problem.textContent = "";
    const finder = make();
    place.replaceChildren(finder.node);
    return finder;
  };
  for (const [label, make] of [["Direct", direct], ["Group", group]]) {
    const radio = h("input", { type: "radio", name: "kind", class: "segment-input", onchange: () => choose(make) });
    radio.checked = make === direct;
    kinds.append(h("label", { class: "segment" }, radio, h("span", {}, label)));
  }
  body.append(kinds, place, problem);
  choose(direct).input.focus();
}

export function addPeople(session, id, members, done) {
  const problem = h("p", { class: "form-error", role: "alert" });
  const finder = search(session, { several: true, without: new Set(members.map((one) => one.userId)) });
  const add = h("button", { type: "button", class: "button primary" }, "Add");
  const opened = openDialog("Add people", { content: h("div", { class: "stack" }, finder.node, problem), footer: add });
  add.addEventListener("click", async () => {
    if (finder.selected.size === 0) {
      problem.replaceChildren(icon("warn"), "Choose at least one person.");
      return;
    }
    add.disabled = true;
    try {
      await session.chat.addMembers(id, [...finder.selected.keys()]);
      opened.close();
      done();
    } catch (error) {
      add.disabled = false;
      problem.replaceChildren(icon("warn"), inWords(error, "member"));
    }
  });
  finder.input.focus();
}
