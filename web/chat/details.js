// What lies beside a conversation: who is in it and what may be changed, and what is pinned.

import { avatar, h, icon, iconButton } from "./dom.js";
import { confirm, field, openDialog, openMenu } from "./overlay.js";
import { addPeople } from "./people.js";
import { customOf, statusOf, statusWords } from "./seen.js";
import { mayManage, mayManageMember } from "./state.js";
import { codePoints, initials, isVisible, nameOf, NAME_MAX, otherOf, plural, summary, tint, titleOf } from "./text.js";
import { fullTime, listTime } from "./time.js";
import { inWords } from "./words.js";

const ROLES = { owner: "Owner", admin: "Admin", moderator: "Moderator", member: "Member" };

/** A round picture with the status of its user, and that status in words: `show()` again when something has changed. */
function presenceOf(session, user, { kind, before = "" } = {}) {
  const face = h("span", { class: "face" });
  const words = h("span");
  let key;
  function show() {
    const view = session.presence.of(user.id);
    const status = statusOf(view);
    const said = view ? statusWords(view, new Date()) : "";
    const custom = customOf(view);
    const now = [status, said, custom].join("\n");
    if (key === now) return;
    key = now;
    face.replaceChildren(avatar(tint(user.id), initials(nameOf(user)), { kind, status }));
    words.replaceChildren(said && before, said, ...(custom ? [" · ", h("bdi", {}, custom)] : []));
  }
  show();
  return { face, words, show };
}

/** A list in a side dialog that is read when it opens: waiting, failed, empty, or there; then it stays until there is another. */
async function fill(place, read, show) {
  if (!place.querySelector("ul")) place.replaceChildren(h("p", { class: "quiet" }, "Loading…"));
  try {
    place.replaceChildren(...show(await read()));
  } catch (error) {
    place.replaceChildren(h("div", { class: "edge-error", role: "alert" }, h("p", {}, inWords(error)),
      h("button", { type: "button", class: "button", onclick: () => fill(place, read, show) }, "Try again")));
  }
}

export function pinnedMessages(session, id, jump) {
  const place = h("div", { class: "stack" });
  const opened = openDialog("Pinned messages", { kind: "side", content: place });
  const read = () => session.chat.pins(id);
  const row = ({ message, messageId, pinnedBy }) => {
    const item = h("li", { class: "pin" });
    const problem = h("p", { class: "form-error", role: "alert" });
    const unpin = async () => {
      try {
        await session.chat.unpin(messageId);
        item.remove();
        if (!place.querySelector(".pin")) place.replaceChildren(...none());
      } catch (error) {
        problem.replaceChildren(icon("warn"), inWords(error, "pin"));
      }
    };
    const who = message?.senderId === session.me ? "You" : nameOf(message?.sender);
    item.append(h("button", { type: "button", class: "pin-text", onclick: () => {
      opened.close();
      jump(messageId);
    } }, h("span", { class: "pin-who" }, h("bdi", {}, who), message ? h("time", { datetime: message.createdAt, title: fullTime(message.createdAt) }, listTime(message.createdAt, new Date())) : null),
    h("span", { class: "pin-content" }, h("bdi", {}, summary(message))),
    h("span", { class: "quiet" }, "Pinned by ", h("bdi", {}, pinnedBy?.id === session.me ? "you" : nameOf(pinnedBy)))),
    iconButton("close", "Unpin", { onclick: unpin }), problem);
    return item;
  };
  const none = () => [h("div", { class: "empty" }, icon("pin", "large"), h("p", {}, "Nothing is pinned. Pin a message from its menu, and everybody here finds it in this list."))];
  fill(place, read, ({ pinnedMessages: pins }) => (pins.length === 0 ? none() : [h("ul", { class: "pins", role: "list" }, pins.map(row))]));
}

/** Who has read a message of the reader's own in a group. */
export function messageReaders(session, message) {
  const place = h("div", { class: "stack" });
  openDialog("Read by", { kind: "side", content: place });
  const row = ({ user, userId, readAt }) => {
    const name = nameOf(user);
    return h("li", { class: "member" }, avatar(tint(userId), initials(name)), h("span", { class: "person-name" }, h("bdi", {}, name)),
      h("time", { class: "person-handle", datetime: readAt }, fullTime(readAt)));
  };
  const none = () => h("div", { class: "empty" }, icon("people", "large"), h("p", {}, "Nobody yet, or nobody who shows what they read."));
  fill(place, () => session.chat.reads(message.id), ({ reads }) => {
    const others = reads.filter((one) => one.userId !== session.me);
    return [others.length === 0 ? none() : h("ul", { class: "people", role: "list", "aria-label": "Readers" }, others.map(row))];
  });
}

export function conversationInfo(session, id, { openPerson }) {
  const conversation = session.list.get(id);
  const place = h("div", { class: "stack info" });
  const opened = openDialog("Conversation info", { kind: "side", content: place, onclose: () => {
    session.watchers.delete(watch);
    session.presence.follow("info", null);
  } });
  const title = titleOf(conversation, session.me);
  const other = otherOf(conversation, session.me);
  const direct = conversation.type === "direct";
  const seen = direct && other ? presenceOf(session, other, { kind: "big" }) : null;
  const face = seen?.face ?? avatar(tint(id), direct ? initials(title) : icon("people"), { kind: "big" });
  const problem = h("p", { class: "form-error", role: "alert" });
  const attempt = async (task, doing) => {
    problem.replaceChildren();
    try {
      await task();
      return true;
    } catch (error) {
      problem.replaceChildren(icon("warn"), inWords(error, doing));
      return false;
    }
  };
  let members = null;
  let participants = conversation.participants;
  /** Others change it too while it is open. */
  const watch = () => {
    const now = session.list.get(id);
    if (!now) return opened.close();
    name.replaceChildren(h("bdi", {}, titleOf(now, session.me)));
    seen?.show();
    members?.show();
    if (now.participants === participants) return undefined;
    participants = now.participants;
    return members?.reload();
  };
  session.watchers.add(watch);
  const name = h("p", { class: "info-name" }, h("bdi", {}, title));
  place.append(h("div", { class: "info-head" }, face, name,
    h("p", { class: "quiet" }, direct ? (other ? `@${other.username}` : "Only you see this") : ROLES[conversation.role]),
    seen ? h("p", { class: "info-presence" }, seen.words) : null));
  if (isVisible(conversation.description)) place.append(h("p", { dir: "auto" }, conversation.description));
  place.append(muteSwitch(session, conversation, attempt));
  if (direct && other) place.append(blockButton(session, other, attempt));
  if (!direct) {
    if (mayManage(conversation)) place.append(renameForm(session, id, name));
    members = memberSection(session, id, { attempt, close: opened.close, openPerson });
    place.append(members.node);
    place.append(leaveButton(session, id, { attempt, close: opened.close }));
  }
  place.append(problem);
}

function muteSwitch(session, conversation, attempt) {
  const box = h("input", { type: "checkbox", class: "switch", role: "switch", onchange: async () => {
    const { checked } = box;
    if (!await attempt(() => session.chat.setConversation(conversation.id, { isMuted: checked }))) box.checked = !checked;
  } });
  box.checked = conversation.isMuted;
  return h("label", { class: "switch-row" }, h("span", {}, "Mute", h("span", { class: "quiet" }, "Not counted in the title of the page")), box);
}

function blockButton(session, other, attempt) {
  const button = h("button", { type: "button", class: "button wide", hidden: true });
  const show = (blocked) => {
    button.hidden = false;
    button.className = blocked ? "button wide" : "button danger-quiet wide";
    button.textContent = blocked ? "Unblock" : "Block";
    button.onclick = async () => {
      const text = "Neither of you can send to the other, and neither finds the other. What was said stays. The other one is not told.";
      if (!blocked && !await confirm(`Block ${nameOf(other)}?`, text, "Block")) return;
      if (await attempt(() => (blocked ? session.chat.unblock(other.id) : session.chat.block(other.id)))) show(!blocked);
      button.focus();
    };
  };
  attempt(async () => {
    show(await isBlocked(session, other.id));
  });
  return button;
}

/** By all pages: a user blocks at most 2,000. */
async function isBlocked(session, userId) {
  for (let page = 1; ; page += 1) {
    const some = await session.chat.blocked({ limit: 100, page });
    if (some.some((one) => one.user.id === userId)) return true;
    if (some.length < 100) return false;
  }
}

function renameForm(session, id, shown) {
  const box = field("Group name", { autocomplete: "off" });
  box.input.value = session.list.get(id).name ?? "";
  const rename = async (event) => {
    event.preventDefault();
    const name = box.input.value.trim();
    if (!isVisible(name)) return box.fail("A group needs a name.");
    if (codePoints(name) > NAME_MAX) return box.fail(`At most ${NAME_MAX} characters.`);
    try {
      session.take(await session.chat.updateConversation(id, { name }));
      shown.replaceChildren(h("bdi", {}, name));
    } catch (error) {
      box.fail(inWords(error));
    }
    return undefined;
  };
  return h("form", { class: "inline-form", onsubmit: rename, novalidate: true }, box.node, h("button", { type: "submit", class: "button" }, "Rename"));
}

function memberSection(session, id, { attempt, close, openPerson }) {
  const items = h("div", {});
  const heading = h("h3", {}, "Members");
  let members = [];
  let seen = [];
  const reload = () => fill(items, async () => {
    members = await everyMember(session, id);
    session.presence.seed({ participants: members });
    session.presence.follow("info", members.map((one) => one.userId));
    return members;
  }, (all) => {
    heading.textContent = plural(all.length, "member", "members");
    seen = [];
    return [h("ul", { class: "people", role: "list", "aria-label": "Members" }, all.map(row))];
  });

  function row(member) {
    const conversation = session.list.get(id);
    const you = member.userId === session.me;
    const name = nameOf(member.user);
    const may = conversation && mayManageMember(conversation, member, session.me);
    const button = iconButton("more", `Manage ${name}`, { "aria-haspopup": "menu", "aria-expanded": "false", onclick: () => openMenu(button, `Manage ${name}`, choices(member)) });
    const presence = presenceOf(session, { ...member.user, id: member.userId }, { before: " · " });
    seen.push(presence);
    return h("li", { class: "member" }, presence.face,
      h("span", { class: "person-name" }, h("bdi", {}, name), you ? " (you)" : ""),
      h("span", { class: "person-handle" }, `@${member.user?.username ?? ""}`, presence.words),
      member.role === "member" ? null : h("span", { class: "role" }, ROLES[member.role]),
      you ? null : may ? button : message(member));
  }

  function message(member) {
    return iconButton("chat", `Message ${nameOf(member.user)}`, { onclick: () => talk(member) });
  }

  async function talk(member) {
    await attempt(async () => {
      const direct = session.take(await session.chat.openDirect(member.userId));
      close();
      openPerson(direct);
    }, "direct");
  }

  function choices(member) {
    const conversation = session.list.get(id);
    const role = (to) => async () => {
      if (await attempt(() => session.chat.setRole(id, member.userId, to), "member")) await reload();
    };
    const remove = async () => {
      const name = nameOf(member.user);
      if (!await confirm(`Remove ${name}?`, `${name} will not see this group any more.`, "Remove")) return;
      if (await attempt(() => session.chat.removeMember(id, member.userId), "member")) await reload();
    };
    return [
      { label: "Message", icon: "chat", select: () => talk(member) },
      conversation.role === "owner" && member.role !== "admin" && { label: "Make admin", icon: "user", select: role("admin") },
      member.role !== "member" && { label: "Make member", icon: "user", select: role("member") },
      { label: "Remove", icon: "bin", danger: true, select: remove },
    ].filter(Boolean);
  }

  const conversation = session.list.get(id);
  const add = h("button", { type: "button", class: "button", onclick: () => addPeople(session, id, members, reload) }, icon("plus", "small"), "Add people");
  reload();
  return { node: h("section", { class: "stack" }, h("div", { class: "section-head" }, heading, mayManage(conversation) ? add : null), items), reload, show: () => seen.forEach((one) => one.show()) };
}

/** All pages; a group has at most 10,000 members, of which the list shows the first 1,000. */
async function everyMember(session, id) {
  const out = [];
  let cursor;
  do {
    const page = await session.chat.members(id, { limit: 100, cursor });
    out.push(...page.participants);
    cursor = page.nextCursor;
  } while (cursor && out.length < 1_000);
  return out;
}

function leaveButton(session, id, { attempt, close }) {
  const leave = async () => {
    const text = "You will not see what is said here any more. Somebody can add you again.";
    if (!await confirm("Leave this group?", text, "Leave")) return;
    if (await attempt(() => session.leave(id))) close();
  };
  return h("button", { type: "button", class: "button danger-quiet wide", onclick: leave }, icon("exit", "small"), "Leave group");
}
