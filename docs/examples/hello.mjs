// Two people in one program, by the client library. Node 22, or 20 with --experimental-websocket. PARLANCE_URL
import { Parlance } from "../../web/client/parlance.js"; // in a page: "/client/parlance.js", and no url

const url = process.env.PARLANCE_URL ?? "http://localhost:3000";
const person = async (firstName) => {
  const username = `${firstName}-${crypto.randomUUID().slice(0, 8)}`;
  const chat = new Parlance({ url });
  await chat.signUp({ username, email: `${username}@example.org`, password: "violet-kettle-81", firstName, lastName: "Ames" });
  await chat.connect(); // and again by itself, catching up, until close()
  return chat;
};
const [alice, bob] = await Promise.all([person("Alice"), person("Bob")]);

const received = new Promise((resolve) => bob.on("message.created", resolve));
const { id } = await alice.openDirect(bob.user.id);
const sent = await alice.send(id, "Hello, Bob").done; // resolves when it is on disk; retried until then

const event = await received; // once, in order, also across reconnects
console.log(`message ${event.seq}: ${event.data.content}`, event.data.id === sent.id);
alice.close();
bob.close();
