// Opens the page: reads where the API is, takes a stored session up, and shows either the way in or the
// conversations. Everything else is in the modules it calls.

import { Parlance } from "/client/parlance.js";
import { accountView, unreachableView } from "./account.js";
import { forgetDrafts } from "./composer.js";
import { liveRegions } from "./dom.js";
import { forget } from "./kept.js";
import { Session } from "./session.js";
import { Shell } from "./shell.js";
import { showTheme } from "./theme.js";
import { inWords } from "./words.js";

const root = document.querySelector("#app");
let shell = null;

function show(...nodes) {
  root.replaceChildren(...nodes);
}

function showAccount(chat, notice) {
  shell?.stop();
  shell = null;
  forget();
  document.title = "Parlance";
  show(accountView(chat, { notice, done: () => showChat(chat) }));
}

function showChat(chat) {
  shell?.stop();
  const session = new Session(chat);
  shell = new Shell(session);
  show(...shell.nodes);
  session.start();
  shell.start();
}

async function config() {
  const answer = await fetch("/config.json", { cache: "no-store" });
  if (!answer.ok) throw Object.assign(new Error("no configuration"), { status: answer.status });
  return answer.json();
}

async function open() {
  try {
    const { apiUrl, socketUrl } = await config();
    const chat = new Parlance({ url: apiUrl || undefined, socketUrl: socketUrl || undefined });
    chat.on("status", ({ status, error }) => {
      if (status !== "signed-out" || !shell) return;
      showAccount(chat, error && inWords(error, "session"));
      if (!error) forgetDrafts(); // asked for, in this tab or another
    });
    if (await chat.restore()) showChat(chat);
    else showAccount(chat);
  } catch (error) {
    show(unreachableView(open, error));
  }
}

showTheme();
document.body.append(...liveRegions());
open();
