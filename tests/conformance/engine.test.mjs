// Engine.IO 4: every case of the protocol's public suite, and what servers get wrong beside them.
import assert from "node:assert/strict";
import { describe } from "node:test";

import { Engine } from "./support/engine.mjs";
import { pause, serve } from "./support/server.mjs";
import { steady } from "./support/steady.mjs";
import { CLOSE, TEXT } from "./support/wire.mjs";

const at = serve();
const it = steady(at);
const RS = "\x1e";

/** Whether a poll came when its connection was over already, or the ping before what it was to wait for. */
const late = ({ status, body }) => (status === 400 && JSON.parse(body).code === 1) || (status === 200 && body === "2");

/** A poll's answer, of the first of a few tries in which the poll came in time. */
async function inTime(asks) {
  for (let number = 0; number < 9; number += 1) {
    const answer = await asks(number);
    if (!late(answer)) return answer;
  }
  throw new Error("no poll came in time");
}

for (const path of ["/engine.io/", "/socket.io/"]) {
  const engine = new Engine(at, path);
  describe(`${path}: how a connection is opened`, () => {
    const says = (said, upgrades) => {
      assert.deepEqual(Object.keys(said).sort(), ["maxPayload", "pingInterval", "pingTimeout", "sid", "upgrades"]);
      assert.match(said.sid, /^[\w-]{20,}$/);
      assert.deepEqual(
        { ...said, sid: "" },
        { sid: "", upgrades, pingInterval: 300, pingTimeout: 200, maxPayload: 1_000_000 },
      );
    };

    it("polling may change over", async () => {
      const response = await engine.ask({ EIO: 4, transport: "polling" });
      assert.equal(response.status, 200);
      assert.equal(response.headers.get("content-type"), "text/plain; charset=UTF-8");
      assert.equal(response.headers.get("cache-control"), "no-store");
      const text = await response.text();
      assert.equal(text[0], "0");
      says(JSON.parse(text.slice(1)), ["websocket"]);
    });

    it("a WebSocket is what it is", async () => {
      const { wire, said } = await engine.socket();
      says(said, []);
      wire.drop();
    });

    it("numbers do not come twice", async () => {
      const all = await Promise.all(Array.from({ length: 20 }, () => engine.open()));
      assert.equal(new Set(all.map((said) => said.sid)).size, 20);
    });

    for (const [what, query, code, method = "GET"] of [
      ["no version", { transport: "polling" }, 5],
      ["a version that is not one", { EIO: "abc", transport: "polling" }, 5],
      ["the version before", { EIO: 3, transport: "polling" }, 5],
      ["no transport", { EIO: 4 }, 0],
      ["an unknown transport", { EIO: 4, transport: "abc" }, 0],
      ["a POST", { EIO: 4, transport: "polling" }, 2, "POST"],
      ["a PUT", { EIO: 4, transport: "polling" }, 2, "PUT"],
      ["a DELETE", { EIO: 4, transport: "polling" }, 2, "DELETE"],
      ["a WebSocket that is none", { EIO: 4, transport: "websocket" }, 3],
      ["a number that nobody has", { EIO: 4, transport: "polling", sid: "AAAAAAAAAAAAAAAAAAAAAA" }, 1],
      ["a number that is none", { EIO: 4, transport: "polling", sid: "x" }, 1],
      ["a POST to nobody", { EIO: 4, transport: "polling", sid: "x" }, 1, "POST"],
    ]) {
      it(`refuses ${what}`, async () => {
        const response = await engine.ask(query, { method });
        assert.equal(response.status, 400);
        assert.equal((await response.json()).code, code);
      });
    }

    for (const [what, query] of [
      ["no version", { EIO: "" }],
      ["a version that is not one", { EIO: "abc" }],
      ["no transport", { transport: "" }],
      ["an unknown transport", { transport: "abc" }],
      ["a number that nobody has", { sid: "AAAAAAAAAAAAAAAAAAAAAA" }],
    ]) {
      it(`refuses a WebSocket with ${what}`, async () => {
        await assert.rejects(engine.wire(query), { status: 400 });
      });
    }

    it("answers HEAD without opening anything", async () => {
      const response = await engine.ask({ EIO: 4, transport: "polling" }, { method: "HEAD" });
      assert.equal(response.status, 400);
      assert.equal(await response.text(), "");
    });

    it("lets pages of other origins ask", async () => {
      const headers = { Origin: "https://page.example" };
      const response = await engine.ask({ EIO: 4, transport: "polling" }, { headers });
      assert.equal(response.headers.get("access-control-allow-origin"), "*");
      const preflight = await engine.ask(
        { EIO: 4, transport: "polling" },
        {
          method: "OPTIONS",
          headers: {
            ...headers,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "content-type,x-own",
          },
        },
      );
      assert.equal(preflight.status, 204);
      assert.match(preflight.headers.get("access-control-allow-methods"), /POST/);
      assert.equal(preflight.headers.get("access-control-allow-headers"), "content-type,x-own");
    });
  });

  describe(`${path}: signs of life`, () => {
    it("a poll brings the ping, a POST the pong", async () => {
      const { sid } = await engine.open();
      for (let round = 0; round < 3; round += 1) {
        const { status, body } = await engine.poll(sid);
        assert.deepEqual([status, body], [200, "2"]);
        assert.equal((await engine.post(sid, "3")).status, 200);
      }
    });

    it("a silent client that polls is given up", async () => {
      const { sid } = await engine.open();
      await pause(800);
      assert.equal((await engine.poll(sid)).status, 400);
    });

    it("the poll of a silent client is told so", async () => {
      const told = await inTime(async () => {
        const { sid } = await engine.open();
        const first = await engine.poll(sid);
        if (first.status !== 200) return first;
        assert.equal(first.body, "2");
        return engine.poll(sid);
      });
      assert.deepEqual([told.status, told.body], [200, "1"]);
    });

    it("a WebSocket brings the ping and takes the pong", async () => {
      const { wire } = await engine.socket();
      for (let round = 0; round < 3; round += 1) {
        assert.equal(await wire.message(), "2");
        wire.send("3");
      }
      wire.drop();
    });

    it("a silent WebSocket is closed", async () => {
      const { wire } = await engine.socket();
      assert.equal(await wire.message(), "2");
      await assert.rejects(wire.message(), { message: "closed with 1001" });
      wire.drop();
    });

    it("a ping of the client is not of this protocol", async () => {
      const { wire } = await engine.socket();
      wire.send("2");
      assert.equal(await wire.closed(), 1000);
    });
  });

  describe(`${path}: goodbyes`, () => {
    it("a client that polls says goodbye, and its poll is answered", async () => {
      const told = await inTime(async (number) => {
        const { sid } = await engine.open();
        const poll = engine.poll(sid);
        if (number > 0) await pause(20 * number);
        assert.equal((await engine.post(sid, "1")).status, 200);
        assert.equal((await engine.poll(sid)).status, 400);
        return poll;
      });
      assert.deepEqual([told.status, told.body], [200, "6"]);
    });

    it("a WebSocket says goodbye, and is answered", async () => {
      const { wire } = await engine.socket();
      wire.send("1");
      assert.equal(await wire.closed(), 1000);
    });

    it("a close frame is answered as it came", async () => {
      for (const code of [1000, 1001, 3000]) {
        const { wire } = await engine.socket();
        wire.frame(CLOSE, Buffer.from([code >> 8, code & 0xff]));
        assert.equal(await wire.closed(), code);
      }
    });

    for (const [what, code, frame] of [
      ["a bit that is not defined", 1002, (wire) => wire.frame(TEXT, "4a", { rsv: 1 })],
      ["an opcode that is not defined", 1002, (wire) => wire.frame(3, "a")],
      ["a frame without a mask", 1002, (wire) => wire.frame(TEXT, "4a", { mask: false })],
      ["what is not UTF-8", 1007, (wire) => wire.frame(TEXT, Buffer.from([0x34, 0xff]))],
    ]) {
      it(`${what} is answered with ${code}`, async () => {
        const { wire } = await engine.socket();
        frame(wire);
        assert.equal(await wire.closed(), code);
      });
    }

    it("a poll that waits is told that what was posted ends the connection", async () => {
      const told = await inTime(async (number) => {
        const { sid } = await engine.open();
        const poll = engine.poll(sid);
        await pause(30 + 20 * number);
        assert.equal((await engine.post(sid, "7")).status, 400);
        return poll;
      });
      assert.deepEqual([told.status, told.body], [200, "1"]);
    });
  });

  describe(`${path}: changing over`, () => {
    it("a probe is answered and the poll let go", async () => {
      const { sid } = await engine.open();
      const wire = await engine.wire({ sid });
      const poll = engine.poll(sid);
      wire.send("2probe");
      assert.equal(await wire.message(), "3probe");
      assert.equal((await poll).body, "6");
      wire.send("5");
      assert.equal(await wire.message(), "2", "pings come by the WebSocket");
      wire.drop();
    });

    it("afterwards nothing else belongs to the connection", async () => {
      const { sid } = await engine.open();
      const wire = await engine.wire({ sid });
      wire.send("2probe");
      assert.equal(await wire.message(), "3probe");
      wire.send("5");
      assert.equal((await engine.poll(sid)).status, 400);
      assert.equal((await engine.post(sid, "3")).status, 400);
      const late = await engine.wire({ sid });
      assert.equal(await late.closed(), 1000);
      assert.equal(await wire.message(), "2", "the connection lives");
      wire.drop();
    });

    it("a second WebSocket does not disturb the first", async () => {
      for (let round = 0; round < 5; round += 1) {
        const { sid } = await engine.open();
        const wire = await engine.wire({ sid });
        const second = await engine.wire({ sid });
        assert.equal(await second.ended(), 1000);
        wire.send("2probe");
        wire.send("5");
        assert.equal(await wire.message(), "3probe");
        assert.equal(await wire.message(), "2");
        wire.drop();
      }
    });

    it("a WebSocket that gives up leaves the connection with polling", async () => {
      const { sid } = await engine.open();
      const wire = await engine.wire({ sid });
      wire.send("2probe");
      assert.equal(await wire.message(), "3probe");
      wire.drop();
      for (let round = 0; round < 3; round += 1) {
        const { status, body } = await engine.poll(sid);
        assert.equal(status, 200);
        assert.match(body, /^[26]$/);
        assert.equal((await engine.post(sid, "3")).status, 200);
      }
    });

    it("a WebSocket that says goodbye instead is answered, and the connection polls on", async () => {
      const { sid } = await engine.open();
      const wire = await engine.wire({ sid });
      wire.send("2probe");
      assert.equal(await wire.message(), "3probe");
      wire.frame(CLOSE, Buffer.from([3000 >> 8, 3000 & 0xff]));
      assert.equal(await wire.closed(), 3000);
      assert.equal((await engine.poll(sid)).body, "2");
    });

    it("a WebSocket that says something else is not taken", async () => {
      const { sid } = await engine.open();
      const wire = await engine.wire({ sid });
      wire.send("4hello");
      assert.equal(await wire.ended(), 1000);
      assert.equal((await engine.poll(sid)).body, "2");
    });
  });
}

describe("/engine.io/: messages", () => {
  const engine = new Engine(at, "/engine.io/");

  for (const [what, body] of [
    ["one message", "4hello"],
    ["several messages", ["4test1", "4test2", "4test3"].join(RS)],
    ["text and bytes", ["4hello", "bAQIDBA=="].join(RS)],
    ["an empty message", "4"],
    ["what is not ASCII", ["4é", "4\u{1f600}", "4\u0000"].join(RS)],
  ]) {
    it(`polling brings back ${what}`, async () => {
      const { sid } = await engine.open();
      assert.deepEqual(await engine.post(sid, body), { status: 200, body: "ok" });
      const poll = await engine.poll(sid);
      assert.deepEqual([poll.status, poll.body], [200, body]);
    });
  }

  for (const [what, written, bytes] of [
    ["with a line feed behind it, as the stock client for Java writes it", "bAQI=\n", "bAQI="],
    ["in lines", "bAQ\r\nID\r\nBA==\r\n", "bAQIDBA=="],
    ["in the alphabet of addresses", "b-_8=", "b+/8="],
    ["without padding", "bAQI", "bAQI="],
  ]) {
    it(`base64 is read ${what}`, async () => {
      const { sid } = await engine.open();
      assert.deepEqual(await engine.post(sid, ["4a", written, "4b"].join(RS)), { status: 200, body: "ok" });
      const poll = await engine.poll(sid);
      assert.deepEqual([poll.status, poll.body], [200, ["4a", bytes, "4b"].join(RS)]);
    });
  }

  for (const bad of ["abc", "", `4a${RS}`, "bAQ!=", "7"]) {
    it(`${JSON.stringify(bad)} ends a connection that polls`, async () => {
      const { sid } = await engine.open();
      assert.equal((await engine.post(sid, bad)).status, 400);
      assert.equal((await engine.poll(sid)).status, 400);
    });
  }

  it("a body that is too long ends the connection", async () => {
    const { sid } = await engine.open();
    assert.equal((await engine.post(sid, `4${"a".repeat(1_000_000)}`)).status, 413);
    assert.equal((await engine.poll(sid)).status, 400);
    const other = await engine.open();
    const longest = `4${"a".repeat(999_999)}`;
    assert.equal((await engine.post(other.sid, longest)).status, 200);
    assert.equal((await engine.poll(other.sid)).body, longest);
  });

  it("two polls at once end the connection", async () => {
    const { sid } = await engine.open();
    const polls = await Promise.all([engine.poll(sid), engine.poll(sid, { t: "again" })]);
    // Whichever comes first.
    const [waited, second] = polls.sort((a, b) => a.status - b.status);
    assert.ok([400, 500].includes(second.status));
    assert.deepEqual([waited.status, waited.body], [200, "1"]);
    assert.equal((await engine.poll(sid)).status, 400);
  });

  it("other methods of a connection are refused, and it lives", async () => {
    const { sid } = await engine.open();
    for (const method of ["PUT", "DELETE", "HEAD"]) {
      const response = await engine.ask({ EIO: 4, transport: "polling", sid }, { method });
      assert.equal(response.status, 400);
    }
    assert.equal((await engine.poll(sid)).body, "2");
  });

  it("a client that goes away with its poll is gone", async () => {
    let after = 200;
    // A poll that had not yet come has taken nobody with it.
    for (let number = 0; number < 9 && after === 200; number += 1) {
      const { sid } = await engine.open();
      const leaving = new AbortController();
      const poll = engine.ask({ EIO: 4, transport: "polling", sid }, { signal: leaving.signal });
      await pause(30 + 20 * number);
      leaving.abort();
      await assert.rejects(poll);
      await pause(50);
      after = (await engine.poll(sid)).status;
    }
    assert.equal(after, 400);
  });

  it("a WebSocket brings back text and bytes as they are", async () => {
    const { wire } = await engine.socket();
    wire.send("4hello");
    assert.equal(await wire.packet(), "4hello");
    wire.send(Buffer.from([1, 2, 3, 4]));
    assert.deepEqual(await wire.packet(), Buffer.from([1, 2, 3, 4]));
    wire.drop();
  });

  it("what is no packet ends a WebSocket", async () => {
    const { wire } = await engine.socket();
    wire.send("abc");
    assert.equal(await wire.closed(), 1000);
  });

  it("a frame that is too long ends a WebSocket", async () => {
    const { wire } = await engine.socket();
    wire.send(`4${"a".repeat(1_000_000)}`);
    assert.equal(await wire.closed(), 1009);
  });

  it("nothing is lost, doubled or out of order over the change", async () => {
    const { sid } = await engine.open();
    const sent = Array.from({ length: 30 }, (_, n) => `4${n}`);
    await engine.post(sid, sent.slice(0, 10).join(RS));
    const wire = await engine.wire({ sid });
    wire.send("2probe");
    assert.equal(await wire.message(), "3probe");
    await engine.post(sid, sent.slice(10, 20).join(RS));
    wire.send("5");
    for (const message of sent.slice(20)) wire.send(message);
    const came = [];
    while (came.length < sent.length) came.push(await wire.packet());
    assert.deepEqual(came, sent);
    wire.drop();
  });
});
