// What went wrong, in words that say what to do next. Decided by the code of the error, which is stable;
// the server's own sentence is used only for mistakes of input, which it names one by one.

const BY_CODE = {
  validation_failed: "Something in it is not as it should be. Check it and try again.",
  empty_message: "There is nothing in the message yet.",
  message_deleted: "This message was deleted in the meantime.",
  too_many_effects: "That touches too much at once. Do it in smaller steps.",
  unsupported: "This server cannot do that.",
  unauthenticated: "You are signed out. Sign in again.",
  token_expired: "You are signed out. Sign in again.",
  session_ended: "Your session has ended. Sign in again.",
  invalid_credentials: "The name or the password is not right.",
  not_member: "You are not a member of this conversation any more.",
  forbidden: "You may not do this.",
  blocked: "One of you has blocked the other, so nothing can be sent here.",
  not_found: "It is not there any more, or not for you to see.",
  conflict: "It has changed in the meantime. Look at it again.",
  idempotency_mismatch: "This was sent before with another text.",
  already_member: "Already a member.",
  username_taken: "This username is taken. Choose another one.",
  email_taken: "There is an account with this address already. Sign in instead?",
  too_large: "This is larger than the server takes.",
  rate_limited: "That was a little fast. Wait a moment and try again.",
  internal: "The server has made a mistake. It is not your fault; try again later.",
  overloaded: "The server is busy. Try again in a moment.",
  outcome_unknown: "The server did not say in time whether it was done. Try again: nothing is done twice.",
};

const DONE_TO = {
  "message.edit": { forbidden: "Only its sender can edit a message." },
  "message.delete": { forbidden: "Only its sender can delete a message." },
  react: { conflict: "There are 30 different reactions on this message already." },
  pin: { conflict: "There are 100 pinned messages already. Unpin one first." },
  session: { signed_out: "Somebody else has signed in in this browser.", closed: "Your session has ended. Sign in again." },
  direct: { forbidden: "This person does not take messages from people they do not know." },
  member: { forbidden: "Somebody here may not be added, or you may not do this in this group." },
};

/** For the reader; `doing` says what was tried where that makes the words better. */
export function inWords(error, doing) {
  const code = error?.code;
  const particular = DONE_TO[doing]?.[code];
  if (particular) return particular;
  if (code === "validation_failed") {
    const [first] = linesOf(error);
    if (first) return sentence(first);
  }
  if (BY_CODE[code]) return BY_CODE[code];
  if (!error?.status) return "The server cannot be reached. Check the connection and try again.";
  return sentence(linesOf(error)[0] ?? `The server answered ${error.status}.`);
}

/** The mistakes that the server found, one line each. */
function linesOf(error) {
  const found = error?.details ?? error?.message;
  const lines = Array.isArray(found) ? found : String(found ?? "").split("\n");
  return lines.filter((line) => typeof line === "string" && line.trim());
}

function sentence(line) {
  const text = line.trim();
  const end = /[.!?…]$/u.test(text) ? "" : ".";
  return text[0].toLocaleUpperCase() + text.slice(1) + end;
}

const FIELD_OF_CODE = { username_taken: "username", email_taken: "email" };
const LABELS = { username: "Username", email: "E-mail", password: "Password", firstName: "First name", lastName: "Last name", name: "Name" };

/** Errors of a form by field; what belongs to no field is under "form". */
export function byField(error, fields) {
  const out = {};
  const field = FIELD_OF_CODE[error?.code];
  if (field && fields.includes(field)) out[field] = inWords(error);
  else if (error?.code === "validation_failed") {
    for (const line of linesOf(error)) {
      const named = fields.find((name) => line.startsWith(`${name} `) || line.startsWith(`${name}:`));
      if (!named) out.form ??= sentence(line);
      else out[named] ??= sentence((LABELS[named] ?? named) + line.slice(named.length));
    }
  }
  if (Object.keys(out).length === 0) out.form = inWords(error);
  return out;
}
