// Two people in two browsers: they register, find each other and talk; then three in a group.

import assert from "node:assert/strict";

import { Person } from "./support/people.mjs";
import { Stage } from "./support/stage.mjs";
import { until } from "./support/wait.mjs";

const stage = Stage.of("talk");

stage.test("two people register, find each other and talk both ways", async () => {
  const [alice, bob] = [await stage.visitor(), await stage.visitor()];
  const ada = new Person(stage.server.url, "Ada", "Okafor");
  const ben = new Person(stage.server.url, "Ben", "Lindqvist");
  await Promise.all([alice.createAccount(ada), bob.createAccount(ben)]);
  await alice.page.getByRole("heading", { name: "No conversations yet" }).waitFor();

  await alice.openWith(ben);
  await alice.send("Shall we meet at six?");
  // Bob has not opened anything: the conversation, its preview and what is unread come to him live.
  await bob.row("Ada Okafor").filter({ hasText: "Shall we meet at six?" }).filter({ hasText: "1 unread" }).waitFor();
  await alice.receipt("Shall we meet at six?", "Delivered");

  await bob.open("Ada Okafor");
  await bob.shows("Shall we meet at six?");
  await alice.receipt("Shall we meet at six?", "Read");
  await until("nothing is unread", async () => !/unread/.test(await bob.row("Ada Okafor").textContent()));
  await bob.send("Seven is better");
  await alice.shows("Seven is better");
  await bob.receipt("Seven is better", "Read");
  await alice.showsExactly(/Shall we meet at six\?|Seven is better/, ["Shall we meet at six?", "Seven is better"]);
  await bob.showsExactly(/Shall we meet at six\?|Seven is better/, ["Shall we meet at six?", "Seven is better"]);
});

stage.test("edit, react, reply, pin and delete are seen by the other", async () => {
  const ada = await stage.register("Ada", "Okafor");
  const ben = await stage.register("Ben", "Lindqvist");
  const conversation = await ada.direct(ben);
  await ada.send(conversation, "The train leaves at 7.40");
  await ben.send(conversation, "Which platform?");
  const [alice, bob] = await Promise.all([stage.signedIn(ada), stage.signedIn(ben)]);
  await Promise.all([alice.open(ben.fullName), bob.open(ada.fullName)]);

  await alice.act("The train leaves", "Edit");
  assert.equal(await alice.box.inputValue(), "The train leaves at 7.40");
  await alice.box.fill("The train leaves at 7.45");
  await alice.button("Save").click();
  await bob.shows("The train leaves at 7.45", "edited");

  await bob.act("7.45", "React with 👍");
  await alice.message("7.45").getByRole("button", { name: "👍 1", exact: true }).waitFor();
  await alice.message("7.45").getByRole("button", { name: "👍 1", exact: true }).click();
  const reacted = bob.message("7.45").getByRole("button", { name: "👍 2, reacted by you", exact: true });
  await reacted.waitFor();
  assert.equal(await reacted.getAttribute("aria-pressed"), "true");
  await reacted.click();
  await alice.message("7.45").getByRole("button", { name: "👍 1, reacted by you", exact: true }).waitFor();

  await alice.act("Which platform?", "Reply");
  await alice.page.getByText("Replying to Ben").waitFor();
  await alice.send("Number four");
  await alice.message("Number four").getByRole("button", { name: /^In reply to .?Ben/ }).waitFor();
  await bob.message("Number four").getByRole("button", { name: /^In reply to .?(You|yourself)/ }).waitFor();

  await alice.act("Number four", "Pin");
  await bob.message("Number four").getByText("Pinned", { exact: true }).waitFor({ state: "attached" });
  await bob.button("Pinned messages").click();
  await bob.dialog("Pinned messages").getByRole("button", { name: /Number four/ }).first().waitFor();
  await bob.page.keyboard.press("Escape");
  await bob.dialog("Pinned messages").waitFor({ state: "hidden" });

  await bob.act("Which platform?", "Delete");
  await bob.button("Delete", bob.dialog("Delete this message?")).click();
  await alice.shows("This message was deleted");
  await bob.shows("This message was deleted");
  await until("its text is nowhere", async () => !/Which platform\?/.test(await alice.page.locator("body").innerText()));
  // What the page shows is what the server has.
  const kept = await ada.history(conversation);
  assert.deepEqual(kept.map((one) => one.content || null), ["The train leaves at 7.45", null, "Number four"]);
  assert.deepEqual(kept.map((one) => one.isPinned), [false, false, true]);
});

stage.test("a receipt goes from sent to delivered to read", async () => {
  const ada = await stage.register("Ada", "Okafor");
  const ben = await stage.register("Ben", "Lindqvist");
  await ada.direct(ben);
  const alice = await stage.signedIn(ada);
  await alice.open(ben.fullName);
  // Nobody of Ben's is there to receive it.
  await alice.send("Are you there?");
  await alice.receipt("Are you there?", "Sent");
  const bob = await stage.signedIn(ben);
  await alice.receipt("Are you there?", "Delivered");
  await bob.row(ada.fullName).filter({ hasText: "1 unread" }).waitFor();
  await bob.open(ada.fullName);
  await alice.receipt("Are you there?", "Read");
});

stage.test("unread messages of a conversation that is not open are counted", async () => {
  const [ada, ben, cleo] = [
    await stage.register("Ada", "Okafor"), await stage.register("Ben", "Lindqvist"), await stage.register("Cleo", "Marchetti"),
  ];
  const [withBen, withCleo] = [await ada.direct(ben), await ada.direct(cleo)];
  await ben.send(withBen, "Before");
  const alice = await stage.signedIn(ada);
  await alice.row(ben.fullName).filter({ hasText: "1 unread" }).waitFor();
  await alice.open(cleo.fullName);
  await ben.send(withBen, "One");
  await ben.send(withBen, "Two");
  await alice.row(ben.fullName).filter({ hasText: "3 unread" }).filter({ hasText: "Two" }).waitFor();
  await until("the title counts", async () => (await alice.page.title()).includes("3"));
  // What is written into the open conversation is read at once.
  await cleo.send(withCleo, "Hello from Cleo");
  await alice.shows("Hello from Cleo");
  await until("nothing of Cleo is unread", async () => !/unread/.test(await alice.row(cleo.fullName).textContent()));
  await alice.open(ben.fullName);
  await alice.shows("Two");
  await until("nothing is unread", async () => !/unread/.test(await alice.row(ben.fullName).textContent()));
  const server = (await ada.conversations()).map((one) => one.unreadCount);
  await until("the server agrees", async () => (await ada.conversations()).every((one) => one.unreadCount === 0))
    .catch((error) => assert.fail(`${error.message}; at first ${server}`));
});

stage.test("a group of three: made, renamed, joined, left, and one is removed", async () => {
  const people = [
    await stage.register("Ada", "Okafor"), await stage.register("Ben", "Lindqvist"),
    await stage.register("Cleo", "Marchetti"), await stage.register("Dev", "Raman"),
  ];
  const [ada, ben, cleo, dev] = people;
  const [alice, bob, clea, deva] = await Promise.all(people.map((one) => stage.signedIn(one)));

  await alice.button("New conversation").first().click();
  const dialog = alice.dialog("New conversation");
  await dialog.getByRole("radio", { name: "Group" }).check();
  for (const one of [ben, cleo]) {
    await dialog.getByRole("searchbox", { name: "Find people" }).fill(one.username);
    await dialog.getByRole("checkbox", { name: new RegExp(`^${one.fullName}`) }).check();
  }
  await dialog.getByRole("textbox", { name: "Group name" }).fill("Allotment");
  await dialog.getByRole("button", { name: /^Create group/ }).click();
  await alice.opened("Allotment");
  await Promise.all([bob.open("Allotment"), clea.open("Allotment")]);
  await alice.send("Who waters on Sunday?");
  await bob.shows("Who waters on Sunday?");
  await clea.send("I do");
  await bob.shows("I do");
  await alice.shows("I do");

  const info = alice.dialog("Conversation info");
  await alice.button("Conversation info").click();
  await info.getByRole("textbox", { name: "Group name" }).fill("Allotment 12");
  await info.getByRole("button", { name: "Rename" }).click();
  await bob.opened("Allotment 12");
  await clea.row("Allotment 12").waitFor();

  await info.getByRole("button", { name: "Add people" }).click();
  await alice.page.getByRole("searchbox", { name: "Find people" }).fill(dev.username);
  const found = alice.page.getByRole("checkbox", { name: new RegExp(`^${dev.fullName}`) });
  await found.check();
  await alice.page.getByRole("button", { name: /^Add/ }).last().click();
  await deva.open("Allotment 12");
  // Who is added sees what was said before.
  await deva.shows("Who waters on Sunday?");

  await info.getByRole("button", { name: `Manage ${ben.fullName}` }).click();
  await alice.page.getByRole("menuitem", { name: "Remove" }).click();
  await alice.button("Remove", alice.dialog(`Remove ${ben.fullName}?`)).click();
  await bob.page.getByText(/removed from|not a member/i).first().waitFor();
  await until("Ben has no box to write into", async () =>
    (await bob.box.count()) === 0 || (await bob.box.isDisabled()));

  await clea.button("Conversation info").click();
  await clea.button("Leave group", clea.dialog("Conversation info")).click();
  await clea.button("Leave", clea.dialog("Leave this group?")).click();
  await clea.row("Allotment 12").waitFor({ state: "detached" });
  await info.getByText(cleo.fullName).waitFor({ state: "detached" });

  const members = await ada.call("GET", `/conversations/${(await ada.conversations())[0].id}/participants`);
  assert.deepEqual(members.participants.map((one) => one.user.username).sort(), [ada.username, dev.username].sort());
}, { seconds: 45 });

stage.test("who signs out leaves nothing to the next one at the same browser", async () => {
  const [ada, ben] = [await stage.register("Ada", "Okafor"), await stage.register("Ben", "Lindqvist")];
  const conversation = await ada.direct(ben);
  await ben.send(conversation, "For Ada alone");
  const chat = await stage.signedIn(ada);
  await chat.open(ben.fullName);
  await chat.box.fill("a draft of Ada's");
  await chat.button(/^Account/).click();
  await chat.page.getByRole("menuitem", { name: "Sign out" }).click();
  await chat.textbox("Username or e-mail").waitFor();
  assert.equal(await chat.page.getByText("For Ada alone").count(), 0);
  const kept = await chat.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  assert.doesNotMatch(kept, /draft of Ada|For Ada alone|eyJ/, "neither texts nor tokens stay");

  await chat.signIn(ben);
  await chat.open(ada.fullName);
  await chat.shows("For Ada alone");
  assert.equal(await chat.box.inputValue(), "", "another one's draft");
  await chat.page.reload();
  await chat.ready();
  await chat.opened(ada.fullName);
});

stage.test("a session that was ended elsewhere leads to the way in, and says so", async () => {
  const ada = await stage.register("Ada", "Okafor");
  const chat = await stage.signedIn(ada);
  // The socket is closed and requests are refused: both may be told first.
  chat.watch.refusalExpected(401);
  chat.watch.networkMayFail();
  await ada.call("PUT", "/users/me/password", { currentPassword: ada.password, newPassword: "granite-harbour-52" });
  await chat.textbox("Username or e-mail").waitFor();
  await chat.page.getByText(/session has ended|signed out|sign in again/i).first().waitFor();
  ada.password = "granite-harbour-52";
  await chat.signIn(ada);
});

stage.test("who has read a message of a group is told, and one conversation is found among many", async () => {
  const [ada, ben, cleo] = [
    await stage.register("Ada", "Okafor"), await stage.register("Ben", "Lindqvist"), await stage.register("Cleo", "Marchetti"),
  ];
  for (let i = 1; i <= 14; i += 1) await ada.group(`Committee ${i}`, [ben]);
  const group = await ada.group("Harvest supper", [ben, cleo]);
  const asked = await ada.send(group, "Who brings the tables?");
  await ben.call("POST", `/messages/${asked.id}/read`);
  const alice = await stage.signedIn(ada);
  await alice.page.getByRole("searchbox", { name: "Search conversations" }).fill("supper");
  await alice.row("Committee 3").waitFor({ state: "detached" });
  await alice.open("Harvest supper");
  await alice.act("Who brings the tables?", "Read by");
  const readers = alice.dialog("Read by").getByRole("list", { name: "Readers" });
  await readers.getByText(ben.fullName).waitFor();
  assert.equal(await readers.getByText(cleo.fullName).count(), 0, "who has not read it is not there");
  await alice.page.keyboard.press("Escape");
  await alice.page.getByRole("searchbox", { name: "Search conversations" }).fill("");
  await alice.row("Committee 3").waitFor();
});

stage.test("who is removed and added again while the group is open goes on reading", async () => {
  const [ada, ben] = [await stage.register("Ada", "Okafor"), await stage.register("Ben", "Lindqvist")];
  const group = await ada.group("Allotment", [ben]);
  await ada.send(group, "Before");
  const bob = await stage.signedIn(ben);
  await bob.open("Allotment");
  await bob.shows("Before");
  bob.watch.refusalExpected(404);
  bob.watch.refusalExpected(403);
  await ada.call("DELETE", `/conversations/${group.id}/participants/${ben.id}`);
  await bob.page.getByText(/not a member/i).first().waitFor();
  await ada.call("POST", `/conversations/${group.id}/participants`, { userIds: [ben.id] });
  await bob.shows("Before");
  await ada.send(group, "After");
  await bob.shows("After");
});

stage.test("another user in another tab: this one says why it is at the way in, and shows no draft", async () => {
  const [ada, ben] = [await stage.register("Ada", "Okafor"), await stage.register("Ben", "Lindqvist")];
  await ada.direct(ben);
  const chat = await stage.signedIn(ada);
  await chat.open(ben.fullName);
  await chat.box.fill("a draft of Ada's");
  chat.watch.refusalExpected(404); // the icon, which the browser asks for there
  const other = await chat.page.context().newPage();
  await other.goto(stage.origin + "/config.json");
  const login = await ben.call("POST", "/auth/login", { identifier: ben.username, password: ben.password });
  await other.evaluate(({ user, accessToken, refreshToken }) => {
    const key = Object.keys(localStorage).find((name) => name.endsWith(":session"));
    const now = Date.now();
    localStorage.setItem(key, JSON.stringify({ user, accessToken, refreshToken, expiresAt: now + 600_000, refreshedAt: now }));
  }, login);
  await chat.page.getByText("Somebody else has signed in").waitFor();
  await chat.signIn(ben);
  await chat.open(ada.fullName);
  assert.equal(await chat.box.inputValue(), "", "another one's draft");
});
