// What the tests install: exact versions, licences that we know, and no registry's address, so that the lock file
// is good wherever packages come from.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
// MPL 2.0 is that of axe-core: a tool that is run, of which nothing is taken into the product.
const KNOWN = ["MIT", "ISC", "Apache-2.0", "Python-2.0", "PSF-2.0", "MPL-2.0", "(MIT OR CC0-1.0)"];

test("the packages of the tests are pinned, hashed, of known licences, and of no particular registry", () => {
  const { packages } = read("package-lock.json");
  const installed = Object.entries(packages).filter(([path]) => path !== "");
  assert.ok(installed.length > 10);
  for (const [path, { integrity, license, resolved, hasInstallScript }] of installed) {
    assert.match(integrity ?? "", /^sha512-/, path);
    assert.ok(KNOWN.includes(license), `${path}: ${license}`);
    assert.equal(resolved, undefined, path);
    assert.ok(!hasInstallScript, `${path} would run a script when it is installed`);
  }
  for (const [name, version] of Object.entries(read("package.json").devDependencies)) {
    assert.match(version, /^\d+\.\d+\.\d+$/, name);
  }
});
