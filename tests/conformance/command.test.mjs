// The command: where it listens, and what it does not take.
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { describe, it } from "node:test";

import { conformance, says } from "./support/server.mjs";

/** Whether somebody listens there. */
async function answers(host, port) {
  const socket = connect(port, host);
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Whether this machine has an address. */
async function has(host) {
  const server = createServer().listen(0, host);
  try {
    await once(server, "listening");
    server.close();
    return true;
  } catch {
    return false;
  }
}

/** What it says when it does not start. */
async function refusal(words, variables) {
  const child = conformance(words, variables);
  let said = "";
  child.stderr.on("data", (data) => (said += data));
  const [code] = await once(child, "close");
  return { code, said };
}

describe("where it listens", () => {
  it("both addresses of localhost, at the port of the environment", async () => {
    const child = conformance([], { PORT: "0" });
    try {
      const port = Number((await says(child)).split(":").pop());
      assert.ok(await answers("127.0.0.1", port));
      assert.equal(await answers("::1", port), await has("::1"));
    } finally {
      child.kill("SIGTERM");
      await once(child, "exit");
    }
  });

  it("one address alone if one is asked for", async () => {
    const child = conformance(["--listen", "127.0.0.1:0"], { PORT: "1" });
    try {
      const port = Number((await says(child)).split(":").pop());
      assert.ok(await answers("127.0.0.1", port));
      assert.ok(!(await answers("::1", port)));
    } finally {
      child.kill("SIGTERM");
      await once(child, "exit");
    }
  });

  it("not at a port that is none", async () => {
    const { code, said } = await refusal([], { PORT: "x" });
    assert.equal(code, 1);
    assert.match(said, /PORT=x is not a port/);
  });
});

describe("what it does not take", () => {
  for (const path of ["/engine.io//", "/engine io/", "engine.io", "/socket.io/", "/echo/"]) {
    it(`${JSON.stringify(path)} as the path of Engine.IO`, async () => {
      const { code, said } = await refusal(["--listen", "127.0.0.1:0", "--engine-path", path]);
      assert.equal(code, 1);
      assert.match(said, /can not be the path of Engine\.IO/);
    });
  }

  it("a settings file", async () => {
    const { code, said } = await refusal(["--listen", "127.0.0.1:0", "--config", "parlance.toml"]);
    assert.equal(code, 1);
    assert.match(said, /conformance has no settings/);
  });
});
