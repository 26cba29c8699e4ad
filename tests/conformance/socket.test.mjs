// Socket.IO 5: every case of the protocol's public suite, and what servers get wrong beside them.
import assert from "node:assert/strict";
import { describe } from "node:test";

import { Engine } from "./support/engine.mjs";
import { serve } from "./support/server.mjs";
import { steady } from "./support/steady.mjs";

const at = serve();
const it = steady(at);
const engine = new Engine(at, "/socket.io/");
const ONE = Buffer.from([1, 2, 3]);
const TWO = Buffer.from([4, 5, 6]);
const BOTH = '{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}';

/** A WebSocket that is on `/`. */
async function connected() {
  const { wire } = await engine.socket();
  wire.send("40");
  await wire.packet();
  await wire.packet();
  return wire;
}

describe("namespaces", () => {
  for (const [name, sent, prefix, auth] of [
    ["/", "40", "40", "{}"],
    ["/ with auth", '40{"token":"123"}', "40", '{"token":"123"}'],
    ["another", "40/custom,", "40/custom,", "{}"],
    ["another without its comma", "40/custom", "40/custom,", "{}"],
    ["another with auth", '40/custom,{"token":"abc"}', "40/custom,", '{"token":"abc"}'],
  ]) {
    it(`connects to ${name}`, async () => {
      const { wire } = await engine.socket();
      wire.send(sent);
      const answer = await wire.packet();
      assert.ok(answer.startsWith(prefix), answer);
      const said = JSON.parse(answer.slice(prefix.length));
      assert.deepEqual(Object.keys(said), ["sid"]);
      assert.equal(typeof said.sid, "string");
      assert.equal(await wire.packet(), `42${prefix.slice(2)}["auth",${auth}]`);
      wire.drop();
    });
  }

  it("says that there is no such namespace", async () => {
    const { wire } = await engine.socket();
    wire.send("40/random");
    assert.equal(await wire.packet(), '44/random,{"message":"Invalid namespace"}');
    wire.send("40");
    assert.ok((await wire.packet()).startsWith("40{"), "the connection can still be used");
    wire.drop();
  });

  it("does not take a handshake that is none", async () => {
    const { wire } = await engine.socket();
    wire.send("4abc");
    assert.equal(await wire.ended(), 1000);
  });

  it("does not take auth that is not an object", async () => {
    const { wire } = await engine.socket();
    wire.send("40[1]");
    assert.equal(await wire.ended(), 1000);
  });

  it("does not wait for ever for a handshake", async () => {
    const { wire } = await engine.socket();
    assert.equal(await wire.closed(), 1001);
  });

  it("does not take events before the handshake", async () => {
    const { wire } = await engine.socket();
    wire.send('42["message","a"]');
    assert.equal(await wire.ended(), 1000);
  });

  it("leaves /, and the connection lives", async () => {
    const wire = await connected();
    wire.send("41");
    assert.equal(await wire.message(), "2");
    wire.drop();
  });

  it("leaves one and stays on the other", async () => {
    const wire = await connected();
    wire.send("40/custom");
    assert.ok((await wire.packet()).startsWith("40/custom,{"));
    await wire.packet();
    wire.send("41/custom");
    wire.send('42["message","to the main namespace"]');
    assert.equal(await wire.packet(), '42["message-back","to the main namespace"]');
    wire.drop();
  });

  it("keeps them apart", async () => {
    const wire = await connected();
    wire.send("40/custom,");
    await wire.packet();
    await wire.packet();
    wire.send('42/custom,["message",1]');
    wire.send('42["message",2]');
    assert.equal(await wire.packet(), '42/custom,["message-back",1]');
    assert.equal(await wire.packet(), '42["message-back",2]');
    wire.drop();
  });
});

describe("events", () => {
  for (const [what, sent, back] of [
    ["arguments", '42["message",1,"2",{"3":[true]}]', '42["message-back",1,"2",{"3":[true]}]'],
    ["no arguments", '42["message"]', '42["message-back"]'],
    ["what is not ASCII", '42["message","é\u{1f600}"]', '42["message-back","é\u{1f600}"]'],
    ["an ack", '42456["message-with-ack",1,"2",{"3":[false]}]', '43456[1,"2",{"3":[false]}]'],
    ["the ack 0", '420["message-with-ack"]', "430[]"],
  ]) {
    it(`come back with ${what}`, async () => {
      const wire = await connected();
      wire.send(sent);
      assert.equal(await wire.packet(), back);
      wire.drop();
    });
  }

  for (const [what, sent, back] of [
    ["bytes", `452-["message",${BOTH}]`, `452-["message-back",${BOTH}]`],
    ["bytes and an ack", `452-789["message-with-ack",${BOTH}]`, `462-789[${BOTH}]`],
  ]) {
    it(`come back with ${what}`, async () => {
      const wire = await connected();
      wire.send(sent);
      wire.send(ONE);
      wire.send(TWO);
      assert.equal(await wire.packet(), back);
      assert.deepEqual(await wire.packet(), ONE);
      assert.deepEqual(await wire.packet(), TWO);
      wire.drop();
    });
  }

  it("come back by polling, bytes too", async () => {
    const { sid } = await engine.open();
    await engine.post(sid, "40");
    let came = "";
    const until = async (wanted) => {
      for (let polls = 0; polls < 10 && !came.includes(wanted); polls += 1) {
        const { body } = await engine.poll(sid);
        if (body === "2") await engine.post(sid, "3");
        else came += `\x1e${body}`;
      }
      assert.ok(came.includes(wanted), came);
    };
    await until('42["auth",{}]');
    await engine.post(sid, `452-["message",${BOTH}]\x1ebAQID\x1ebBAUG`);
    await until("bBAUG");
    assert.ok(came.endsWith(`\x1e452-["message-back",${BOTH}]\x1ebAQID\x1ebBAUG`), came);
  });

  for (const [what, sent] of [
    ["an unknown type", "4abc"],
    ["data that are no list", "42{}"],
    ["an ack that is no number", '42abc["message-with-ack",1,"2",{"3":[false]}]'],
    ["broken JSON", '42["message"'],
    ["no name", "42[]"],
    ["a name that clients keep for themselves", '42["disconnect"]'],
    ["more attachments than may be", `4511-["message",${BOTH}]`],
    ["attachments without a count", `45["message",${BOTH}]`],
    ["an attachment that does not exist", '451-["message",{"_placeholder":true,"num":1}]'],
  ]) {
    it(`end the connection with ${what}`, async () => {
      const wire = await connected();
      wire.send(sent);
      assert.equal(await wire.ended(), 1000);
    });
  }

  it("end the connection with bytes that belong to nothing", async () => {
    const wire = await connected();
    wire.send(ONE);
    assert.equal(await wire.ended(), 1000);
  });

  it("end the connection with text before their bytes", async () => {
    const wire = await connected();
    wire.send(`452-["message",${BOTH}]`);
    wire.send(ONE);
    wire.send('42["message"]');
    assert.equal(await wire.ended(), 1000);
  });
});
