// What the machine has: the packages of the lock file, the server's binary, Chromium.
//
// deploy/test says where each is (PARLANCE_NODE_MODULES, PARLANCE_BIN, PARLANCE_CHROMIUM). A test that is
// run by hand finds them in the same places by itself.

import { createHash } from "node:crypto";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const CACHE = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "parlance");

function modules() {
  const lock = readFileSync(new URL("../package-lock.json", import.meta.url));
  const hash = createHash("sha256").update(lock).digest("hex").slice(0, 16);
  const folder = process.env.PARLANCE_NODE_MODULES || join(CACHE, "node", hash, "node_modules");
  if (!existsSync(folder)) {
    throw new Error(`no packages in ${folder}: \`deploy/test page\` installs them`);
  }
  return folder;
}

/** `require`, from the packages of the lock file. */
export const need = createRequire(modules() + "/");

/** The server to test: a release build unless PARLANCE_BIN says otherwise. */
export function binary() {
  const target = process.env.CARGO_TARGET_DIR || join(CACHE, "target");
  const path = process.env.PARLANCE_BIN || join(target, "release", "parlance");
  if (!existsSync(path)) throw new Error(`no server at ${path}: \`deploy/test release\` builds it`);
  return path;
}

export function chromiumPath() {
  if (process.env.PARLANCE_CHROMIUM) return process.env.PARLANCE_CHROMIUM;
  for (const name of ["chromium", "chromium-browser", "google-chrome"]) {
    for (const folder of (process.env.PATH || "").split(delimiter)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {
        // Not in this folder.
      }
    }
  }
  throw new Error("no Chromium on PATH; PARLANCE_CHROMIUM may name one");
}
