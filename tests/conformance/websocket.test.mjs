// WebSocket (RFC 6455): framing, fragments, UTF-8, and closing, in the order in which Autobahn asks.
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { serve } from "./support/server.mjs";
import { BINARY, CLOSE, PING, PONG, TEXT, Wire } from "./support/wire.mjs";

const at = serve();
const open = () => Wire.open(at.host, "/echo");
const code = (number, reason = "") => Buffer.concat([Buffer.from([number >> 8, number & 0xff]), Buffer.from(reason)]);

async function comes(wire, opcode, payload) {
  const frame = await wire.next(20_000);
  assert.deepEqual([frame.opcode, frame.fin, frame.masked], [opcode, true, false]);
  assert.ok(frame.payload.equals(Buffer.from(payload)), "the payload is what was sent");
}

describe("messages", () => {
  for (const length of [0, 1, 125, 126, 127, 128, 65_535, 65_536, 65_537, 1 << 20, 16 << 20]) {
    it(`of ${length} bytes come back`, async () => {
      const wire = await open();
      wire.send("*".repeat(length));
      await comes(wire, TEXT, "*".repeat(length));
      const bytes = Buffer.alloc(length, 0xfe);
      wire.send(bytes);
      await comes(wire, BINARY, bytes);
      wire.drop();
    });
  }

  it("come back in order", async () => {
    const wire = await open();
    for (let n = 0; n < 500; n += 1) wire.send(`${n}`);
    for (let n = 0; n < 500; n += 1) assert.equal(await wire.message(), `${n}`);
    wire.drop();
  });
});

describe("pings", () => {
  it("are answered with what they carry", async () => {
    const wire = await open();
    for (const payload of ["", "hello", Buffer.from([0, 0xff, 0xfe]), Buffer.alloc(125, 0xfe)]) {
      wire.frame(PING, payload);
      await comes(wire, PONG, payload);
    }
    wire.drop();
  });

  it("may not be longer than 125 bytes", async () => {
    const wire = await open();
    wire.frame(PING, Buffer.alloc(126, 0xfe));
    assert.equal(await wire.closed(), 1002);
  });

  it("that are pongs are taken", async () => {
    const wire = await open();
    wire.frame(PONG, "unasked");
    wire.send("hello");
    await comes(wire, TEXT, "hello");
    wire.drop();
  });
});

describe("bits and opcodes that are not defined", () => {
  for (const rsv of [1, 2, 4, 7]) {
    it(`rsv ${rsv}`, async () => {
      const wire = await open();
      wire.frame(TEXT, "hello", { rsv });
      assert.equal(await wire.closed(), 1002);
    });
  }

  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    it(`opcode ${opcode}`, async () => {
      const wire = await open();
      wire.send("before");
      await comes(wire, TEXT, "before");
      wire.frame(opcode, "");
      assert.equal(await wire.closed(), 1002);
    });
  }

  it("a frame without a mask", async () => {
    const wire = await open();
    wire.frame(TEXT, "hello", { mask: false });
    assert.equal(await wire.closed(), 1002);
  });
});

describe("fragments", () => {
  it("are put together", async () => {
    const wire = await open();
    wire.frame(TEXT, "frag", { fin: false });
    wire.frame(0, "men", { fin: false });
    wire.frame(0, "ts");
    await comes(wire, TEXT, "fragments");
    wire.frame(BINARY, Buffer.from([1]), { fin: false });
    wire.frame(0, Buffer.from([2]));
    await comes(wire, BINARY, Buffer.from([1, 2]));
    wire.drop();
  });

  it("may have pings between them", async () => {
    const wire = await open();
    wire.frame(TEXT, "a", { fin: false });
    wire.frame(PING, "one");
    await comes(wire, PONG, "one");
    wire.frame(0, "b", { fin: false });
    wire.frame(PING, "two");
    await comes(wire, PONG, "two");
    wire.frame(0, "");
    await comes(wire, TEXT, "ab");
    wire.drop();
  });

  it("may be empty", async () => {
    const wire = await open();
    wire.frame(TEXT, "", { fin: false });
    wire.frame(0, "", { fin: false });
    wire.frame(0, "");
    await comes(wire, TEXT, "");
    wire.drop();
  });

  for (const [what, frames] of [
    ["a fragment of nothing", [[0, "a", true]]],
    ["a first fragment of nothing", [[0, "a", false]]],
    ["a message within a message", [[TEXT, "a", false], [TEXT, "b", true]]],
    ["a ping in pieces", [[PING, "a", false]]],
  ]) {
    it(`${what} is refused`, async () => {
      const wire = await open();
      for (const [opcode, payload, fin] of frames) wire.frame(opcode, payload, { fin });
      assert.equal(await wire.closed(), 1002);
    });
  }
});

describe("UTF-8", () => {
  for (const text of ["κόσμε", "Hello-µ@ßöäüàá-UTF-8!!", "\u{10ffff}", "\u0000", "\ufeff", "\u{1f600}"]) {
    it(`${JSON.stringify(text)} comes back, also cut between its bytes`, async () => {
      const wire = await open();
      wire.send(text);
      await comes(wire, TEXT, text);
      const bytes = Buffer.from(text);
      wire.frame(TEXT, bytes.subarray(0, 1), { fin: bytes.length === 1 });
      for (let n = 1; n < bytes.length; n += 1) {
        wire.frame(0, bytes.subarray(n, n + 1), { fin: n === bytes.length - 1 });
      }
      await comes(wire, TEXT, text);
      wire.drop();
    });
  }

  for (const hex of ["ff", "c0af", "eda080", "f4908080", "cebae1bdb9cf83cebcceb5eda080656469746564", "e282", "80"]) {
    it(`${hex} is refused`, async () => {
      const wire = await open();
      wire.frame(TEXT, Buffer.from(hex, "hex"));
      assert.equal(await wire.closed(), 1007);
    });

    it(`${hex} in fragments is refused`, async () => {
      const wire = await open();
      wire.frame(TEXT, Buffer.from(hex, "hex"), { fin: false });
      wire.frame(0, "");
      assert.equal(await wire.closed(), 1007);
    });
  }
});

describe("its address", () => {
  it("may end with a slash", async () => {
    const wire = await Wire.open(at.host, "/echo/");
    wire.send("hello");
    await comes(wire, TEXT, "hello");
    wire.drop();
  });
});

describe("closing", () => {
  for (const [what, payload, answer] of [
    ["without a code", "", null],
    ["with a code", code(1000), 1000],
    ["with a reason", code(1000, "bye"), 1000],
    ["with the longest reason", code(1000, "*".repeat(123)), 1000],
    ...[1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999].map((n) => [`with ${n}`, code(n), n]),
    ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999].map((n) => [`with ${n}, which may not be`, code(n), 1002]),
    ["with half a code", Buffer.from([3]), 1002],
    ["with a reason that is not UTF-8", Buffer.concat([code(1000), Buffer.from("cebaff", "hex")]), 1007],
    ["with too long a reason", code(1000, "*".repeat(124)), 1002],
  ]) {
    it(what, async () => {
      const wire = await open();
      wire.send("hello");
      await comes(wire, TEXT, "hello");
      wire.frame(CLOSE, payload);
      assert.equal(await wire.closed(), answer);
    });
  }

  it("nothing comes after it", async () => {
    const wire = await open();
    wire.frame(CLOSE, code(1000));
    wire.send("late");
    wire.frame(PING, "late");
    assert.equal(await wire.closed(), 1000);
  });

  it("a message that is too long", async () => {
    const wire = await open();
    const head = Buffer.alloc(14);
    head[0] = 0x80 | BINARY;
    head[1] = 0x80 | 127;
    head.writeBigUInt64BE((64n << 20n) + 1n, 2);
    wire.raw(head);
    assert.equal(await wire.closed(), 1009);
  });
});
