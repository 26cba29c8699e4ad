// The development server answers what the server answers, under the same policy, and nothing beside the folders.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { after, before, test } from "node:test";

import { devServer, policy } from "../../web/dev.mjs";

const ROOT = new URL("../../", import.meta.url);
let server, port;
before(async () => {
  server = devServer("http://127.0.0.1:3999").listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  ({ port } = server.address());
});
after(() => server.close());

/** As it is written: fetch would tidy the path up. */
function get(path) {
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path }, async (response) => {
      const parts = [];
      for await (const part of response) parts.push(part);
      resolve({ status: response.statusCode, headers: response.headers, text: Buffer.concat(parts).toString() });
    });
    asked.on("error", reject).end();
  });
}

test("the policy is the server's, with the API let in", async () => {
  const source = await readFile(new URL("ingest/src/page.rs", ROOT), "utf8");
  const [, written] = /static POLICY: &str =\s*"([^"]+)"|const POLICY: &str = "([^"]+)"/.exec(source).filter((part) => part !== undefined);
  const parts = (text) => text.replace(/\\\n\s*/g, "").split(/;\s*/).sort();
  assert.deepEqual(parts(policy([])), parts(written));
  const { headers } = await get("/");
  assert.match(headers["content-security-policy"], /connect-src 'self' http:\/\/127\.0\.0\.1:3999 ws:\/\/127\.0\.0\.1:3999;/);
});

test("the page, the library and where the API is", async () => {
  assert.match((await get("/")).text, /<!doctype html>/i);
  const library = await get("/client/parlance.js");
  assert.deepEqual([library.status, library.headers["content-type"]], [200, "text/javascript; charset=utf-8"]);
  const { apiUrl, socketUrl } = JSON.parse((await get("/config.json")).text);
  assert.deepEqual([apiUrl, socketUrl], ["http://127.0.0.1:3999", "ws://127.0.0.1:3999/ws"]);
});

test("nothing else", async () => {
  for (const path of ["/client/../dev.mjs", "/dev.mjs", "/client/%2e%2e/dev.mjs", "/client/none.js", "/client/", "/client/types/rest.d.ts", "//client/parlance.js", "/chat/..%2fdev.mjs"]) {
    assert.equal((await get(path)).status, 404, path);
  }
});
