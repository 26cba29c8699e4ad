// What this suite installs: exact versions, known licences, and no registry's address (as tests/page says of its own).

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (name) => readFileSync(new URL(name, import.meta.url), "utf8");
// Its licence, MIT, is in a file of its own and not in its description.
const UNSAID = ["node_modules/xmlhttprequest-ssl"];

test("the stock clients are pinned, hashed, of known licences, and of no particular registry", () => {
  const { packages } = JSON.parse(read("package-lock.json"));
  const installed = Object.entries(packages).filter(([path]) => path !== "");
  assert.ok(installed.length > 5);
  for (const [path, { integrity, license, resolved, hasInstallScript }] of installed) {
    assert.match(integrity ?? "", /^sha512-/, path);
    assert.ok(license === "MIT" || UNSAID.includes(path), `${path}: ${license}`);
    assert.equal(resolved, undefined, path);
    assert.ok(!hasInstallScript, `${path} would run a script when it is installed`);
  }
  for (const line of read("requirements.txt").split("\n").filter((text) => text && !text.startsWith("#"))) {
    assert.match(line, /^[a-z-]+==\d+\.\d+\.\d+$/, line);
  }
});
