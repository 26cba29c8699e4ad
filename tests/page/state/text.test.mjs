// Words, names, links and errors as they are shown.

import assert from "node:assert/strict";
import { test } from "node:test";
import { codePoints, initials, isVisible, isolated, nameOf, oneLine, pieces, summary, tint, titleOf } from "../../../web/chat/text.js";
import { dayLabel, daysBetween, listTime } from "../../../web/chat/time.js";
import { byField, inWords } from "../../../web/chat/words.js";

const links = (text) => pieces(text).filter((piece) => piece.href).map((piece) => piece.href);

test("only http and https become links", () => {
  const text = "javascript:alert(1) data:text/html,x vbscript:x file:///etc ftp://x.org //x.org www.x.org http://ok.org https://ok.org";
  assert.deepEqual(links(text), ["http://ok.org/", "https://ok.org/"]);
  assert.deepEqual(links("javascript:location='https://evil.org/'"), ["https://evil.org/"]);
});

test("the pieces of a text are the text again", () => {
  for (const text of ["", "a", "https://x.org", "see https://x.org/a_(b), or (https://x.org/c)!", "https://", "https://[", "http://a b https://c.org…", "\u202ehttps://x.org\u202c"]) {
    assert.equal(pieces(text).map((piece) => piece.text).join(""), text);
  }
});

test("a link ends where its sentence goes on", () => {
  assert.deepEqual(links("(https://x.org/a_(b)). https://x.org/c?d=e&f=g#h, 'https://x.org/i'"), ["https://x.org/a_(b)", "https://x.org/c?d=e&f=g#h", "https://x.org/i"]);
});

test("a link cannot hide its host behind characters nobody sees", () => {
  assert.deepEqual(links("https://good.org\u202e/gro.live"), ["https://good.org/"]);
  assert.deepEqual(links("https://good.org\u200b.evil.org"), ["https://good.org/"]);
});

test("a hostile address takes linear time", () => {
  const started = Date.now();
  pieces(`https://x.org/${"(".repeat(5_000)}${")".repeat(4_900)}`);
  assert.ok(Date.now() - started < 2_000);
});

test("characters are counted as the server counts them", () => {
  assert.equal(codePoints("a😀é"), 3);
  assert.equal(codePoints("👨‍👩‍👧"), 5);
});

test("what nobody sees is nothing", () => {
  assert.ok(!isVisible(" \n\u200b\u200d\u2060\ufeff\u202e"));
  assert.ok(isVisible("👍") && isVisible(".") && isVisible("ب"));
  assert.ok(!isVisible(null));
});

test("a name is never empty and never turns the line around it", () => {
  assert.equal(nameOf({ firstName: "\u200b", lastName: " ", username: "ada" }), "ada");
  assert.equal(nameOf(undefined), "Somebody");
  assert.equal(isolated("a\u202eb"), "\u2068ab\u2069");
  assert.equal(initials("Ada Lovelace-King"), "AK");
  assert.equal(initials("…"), "•");
  assert.ok(tint("any id") >= 0 && tint("any id") < 8);
});

test("a conversation is called by the other one, its name, or what it is", () => {
  const of = (id, firstName) => ({ userId: id, user: { id, username: id, firstName } });
  assert.equal(titleOf({ type: "direct", participants: [of("me"), of("bob", "Bob")] }, "me"), "Bob");
  assert.equal(titleOf({ type: "direct", memberCount: 1, participants: [of("me")] }, "me"), "Notes to yourself");
  assert.equal(titleOf({ type: "group", name: "\u200b", participants: [] }, "me"), "Unnamed group");
});

test("a preview is one line, cut between characters", () => {
  assert.equal(oneLine(" a\n\n b\t"), "a b");
  assert.equal(oneLine("😀".repeat(5), 3), "😀😀😀…");
  assert.equal(summary({ isDeleted: true }), "This message was deleted");
  assert.equal(summary({ type: "location", content: null }), "(location)");
});

test("days are those of the calendar", () => {
  const now = new Date(2026, 10, 23, 0, 10);
  assert.equal(dayLabel(new Date(2026, 10, 23, 0, 5), now), "Today");
  assert.equal(dayLabel(new Date(2026, 10, 22, 23, 59), now), "Yesterday");
  assert.equal(listTime(new Date(2026, 10, 22, 23, 59), now), "Yesterday");
  assert.match(dayLabel(new Date(2024, 0, 2), now), /2024/);
  assert.equal(daysBetween(new Date(2026, 2, 28, 12), new Date(2026, 2, 30, 1)), 2);
});

test("errors are said in words by their code, never left empty", () => {
  assert.match(inWords({ code: "blocked", status: 403 }), /blocked/);
  assert.match(inWords({ code: "network" }), /cannot be reached/);
  assert.match(inWords(new TypeError("fetch failed")), /cannot be reached/);
  assert.equal(inWords({ code: "brand_new", status: 418, message: "the pot is short and stout" }), "The pot is short and stout.");
  assert.match(inWords({ code: "signed_out", status: 0 }, "session"), /signed in/);
  assert.match(inWords({ code: "closed", status: 0 }, "session"), /has ended/);
  assert.notEqual(inWords({ code: "forbidden", status: 403 }, "message.edit"), inWords({ code: "forbidden", status: 403 }));
});

test("mistakes of a form stand beside their fields", () => {
  const fields = ["username", "email", "password"];
  const error = { code: "validation_failed", status: 400, details: ["username must have 3 to 50 letters", "password is too common", "password must be new"] };
  assert.deepEqual(byField(error, fields), { username: "Username must have 3 to 50 letters.", password: "Password is too common." });
  assert.ok(byField({ code: "email_taken", status: 409 }, fields).email);
  assert.ok(byField({ code: "overloaded", status: 503 }, fields).form);
  assert.ok(byField({ code: "validation_failed", status: 400, details: ["body must be an object"] }, fields).form);
});
