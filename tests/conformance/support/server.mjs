// The echo servers under test: one process for a file of tests.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, before } from "node:test";

const SAYS = /^Socket\.IO at http:\/\/([^/]+)\/socket\.io\//;

/** `parlance conformance` with these words behind it, and these variables beside those there are. */
export function conformance(words, variables = {}) {
  const binary = process.env.PARLANCE_BIN;
  if (!binary) throw new Error("PARLANCE_BIN names the binary");
  const env = { ...process.env, ...variables };
  return spawn(binary, ["conformance", ...words], { env, stdio: ["ignore", "pipe", "pipe"] });
}

/** Where it says that it is. */
export async function says(child) {
  const [line] = await once(createInterface(child.stdout), "line");
  return SAYS.exec(line)[1];
}

/** Starts `parlance conformance` before the tests of a file; `at.host` is where it is. */
export function serve() {
  const at = { host: "" };
  let child;
  before(async () => {
    child = conformance(["--listen", "127.0.0.1:0"]);
    child.stderr.pipe(process.stderr);
    at.host = await says(child);
  });
  after(async () => {
    child.kill("SIGTERM");
    const [code] = await once(child, "exit");
    if (code !== 0) throw new Error(`the server ended with ${code}`);
  });
  return at;
}

/** Resolves after so many milliseconds. */
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
