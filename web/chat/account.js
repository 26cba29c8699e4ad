// Signing in and signing up. Errors stand beside the field they belong to; what was typed stays.

import { h, icon } from "./dom.js";
import { field } from "./overlay.js";
import { byField, inWords } from "./words.js";

const FORMS = {
  signIn: {
    title: "Sign in",
    lead: "With the account you have on this server.",
    fields: [
      ["identifier", "Username or e-mail", { autocomplete: "username", required: true, autocapitalize: "none", spellcheck: "false" }],
      ["password", "Password", { type: "password", autocomplete: "current-password", required: true }],
    ],
    other: ["New here?", "Create an account", "signUp"],
    send: (chat, values) => chat.signIn(values),
  },
  signUp: {
    title: "Create account",
    lead: "Others find you by your name or username.",
    fields: [
      ["firstName", "First name", { autocomplete: "given-name", required: true, maxlength: "100", half: true }],
      ["lastName", "Last name", { autocomplete: "family-name", required: true, maxlength: "100", half: true }],
      ["username", "Username", { autocomplete: "username", required: true, minlength: "3", maxlength: "50", pattern: "[A-Za-z0-9_\\-]+", autocapitalize: "none", spellcheck: "false", hint: "3 to 50 letters, digits, _ or -. People find you by it." }],
      ["email", "E-mail", { type: "email", autocomplete: "email", required: true, maxlength: "254" }],
      ["password", "Password", { type: "password", autocomplete: "new-password", required: true, minlength: "8", maxlength: "128", hint: "At least 8 characters. A few unrelated words are good." }],
    ],
    other: ["Already have an account?", "I have an account", "signIn"],
    send: (chat, values) => chat.signUp(values),
  },
};

/** Why a field cannot be sent as it is, before the server is asked. */
function mistake(input, label) {
  const { validity } = input;
  if (validity.valueMissing) return `${label} is needed.`;
  if (validity.tooShort) return `${label} needs at least ${input.minLength} characters.`;
  if (validity.patternMismatch) return "Only letters, digits, _ and - are possible.";
  if (validity.typeMismatch) return "This does not look like an e-mail address.";
  return null;
}

/** The screen of somebody who is not signed in; `done` is called when he is. */
export function accountView(chat, { done, notice, start = "signIn" }) {
  const main = h("main", { class: "account", id: "main" });

  function show(name, carried = {}) {
    const form = FORMS[name];
    const fields = new Map(form.fields.map(([key, label, { half, ...props }]) => {
      const one = field(label, { name: key, ...props });
      one.label = label;
      if (half) one.node.classList.add("half");
      if (carried[key]) one.input.value = carried[key];
      return [key, one];
    }));
    const problem = h("p", { class: "form-error", role: "alert" });
    const submit = h("button", { type: "submit", class: "button primary wide" }, form.title);
    const [question, label, target] = form.other;
    const change = h("button", { type: "button", class: "link-button", onclick: () => show(target, values()) }, label);
    const values = () => Object.fromEntries([...fields].map(([key, one]) => [key, one.input.value]));

    function fail(errors) {
      problem.replaceChildren(errors.form ? icon("warn") : "", errors.form ?? "");
      for (const [key, one] of fields) one.fail(errors[key]);
      const first = [...fields].find(([key]) => errors[key]);
      first?.[1].input.focus();
    }

    async function send(event) {
      event.preventDefault();
      if (submit.disabled) return;
      const wrong = {};
      for (const [key, one] of fields) {
        const why = mistake(one.input, one.label);
        if (why) wrong[key] = why;
      }
      fail(wrong);
      if (Object.keys(wrong).length > 0) return;
      submit.disabled = true;
      submit.replaceChildren("One moment…");
      try {
        await form.send(chat, values());
        done();
      } catch (error) {
        const errors = name === "signIn" ? { form: inWords(error) } : byField(error, [...fields.keys()]);
        submit.disabled = false;
        submit.replaceChildren(form.title);
        fail(errors);
        if (error.code === "invalid_credentials") fields.get("password").input.select();
      }
    }

    main.replaceChildren(h("div", { class: "account-card" },
      h("div", { class: "brand" }, h("img", { src: "/chat/icon.svg", alt: "", width: "40", height: "40" }), h("span", {}, "Parlance")),
      h("h1", {}, form.title),
      h("p", { class: "lead" }, form.lead),
      notice ? h("p", { class: "notice", role: "status" }, notice) : null,
      h("form", { novalidate: true, class: "form", onsubmit: send },
        h("div", { class: "fields" }, [...fields.values()].map((one) => one.node)), problem, submit),
      h("p", { class: "account-other" }, question, " ", change),
    ));
    main.querySelector("input").focus();
  }

  show(start);
  return main;
}

/** While the server cannot be reached at all. */
export function unreachableView(retry, error) {
  return h("main", { class: "account", id: "main" }, h("div", { class: "account-card" },
    h("h1", {}, "The server cannot be reached"),
    h("p", { class: "lead" }, inWords(error)),
    h("button", { type: "button", class: "button primary", onclick: retry }, "Try again")));
}
