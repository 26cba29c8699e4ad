// Makes the TypeScript types of web/client/types from the documents that describe the API:
//
//     node tests/client/types.mjs            writes them
//     node tests/client/types.mjs --check    fails if they are not what would be written, or if what
//                                            parlance.d.ts declares is not what parlance.js is
//
// rest.d.ts is of schemas/json/openapi.json; events.d.ts of asyncapi-ws.json and the schemas of events.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { need } from "../page/support/machine.mjs";

const ROOT = new URL("../../", import.meta.url);
const JSONS = new URL("schemas/json/", ROOT);
const TYPES = new URL("web/client/types/", ROOT);
const BANNER = (of) => `// Generated from ${of} by tests/client/types.mjs; not edited by hand.\n`;
const load = async (name) => JSON.parse(await readFile(new URL(name, JSONS), "utf8"));
/** A package, whichever kind of module it is. */
async function imported(name) {
  const found = await import(pathToFileURL(need.resolve(name)));
  return found.default?.default ? found.default : found;
}
/** MessageCreated of message.created */
const pascal = (name) => name.replace(/(?:^|[._])(\w)/g, (_, letter) => letter.toUpperCase());

async function rest() {
  const { default: openapi, astToString } = await imported("openapi-typescript");
  const ast = await openapi(new URL("openapi.json", JSONS));
  return BANNER("schemas/json/openapi.json") + astToString(ast);
}

/** References of all documents as references into one. */
function rewritten(value) {
  if (Array.isArray(value)) return value.map(rewritten);
  if (typeof value !== "object" || value === null) return value;
  const { $ref, ...rest } = value;
  if ($ref === undefined) return Object.fromEntries(Object.entries(rest).map(([key, inner]) => [key, rewritten(inner)]));
  const shared = /^\.\/openapi\.json#\/components\/schemas\/(\w+)$/.exec($ref);
  if (shared) return { tsType: `components["schemas"]["${shared[1]}"]` };
  const whole = /^\.\/chat\.events\/chat\.([\w.]+)\.schema\.json$/.exec($ref);
  if (whole) return { $ref: `#/definitions/${pascal(whole[1])}Data` };
  const part = /#\/\$defs\/(\w+)$/.exec($ref);
  assert.ok(part, `a reference of a new kind: ${$ref}`);
  return { $ref: `#/definitions/${part[1]}` };
}

async function definitions() {
  const all = {};
  const add = (name, schema) => {
    const seen = all[name];
    if (seen) assert.deepEqual(schema, seen, `two definitions of ${name}`);
    all[name] = schema;
  };
  for (const file of (await readdir(new URL("chat.events/", JSONS))).sort()) {
    const { $defs, $schema, title, ...schema } = await load(`chat.events/${file}`);
    for (const [name, inner] of Object.entries($defs ?? {})) add(name, rewritten(inner));
    add(`${pascal(/^chat\.(.+)\.schema\.json$/.exec(file)[1])}Data`, rewritten(schema));
  }
  return all;
}

async function events() {
  const { compile } = await imported("json-schema-to-typescript");
  const document = await load("asyncapi-ws.json");
  const { messages } = document.components;
  const received = Object.values(document.operations).filter(({ action }) => action === "receive");
  const asked = new Set(received.flatMap((operation) => operation.messages.map(({ $ref }) => $ref.split("/").at(-1))));
  const all = await definitions();
  const names = { Frames: [], Requests: [], Answers: [] };
  for (const [name, { payload, summary }] of Object.entries(messages)) {
    const typed = payload.properties.type !== undefined;
    all[`${pascal(name)}Frame`] = { description: summary, ...rewritten(payload), title: undefined };
    names[typed ? (asked.has(name) ? "Requests" : "Frames") : "Answers"].push(name);
  }
  /** By type; a request and a frame may be of one, and then the name of the message is not it. */
  const typeOf = (name) => messages[name].payload.properties.type?.const ?? name;
  const group = (description, list) => ({
    type: "object",
    description,
    properties: Object.fromEntries(list.map((name) => [typeOf(name), { $ref: `#/definitions/${pascal(name)}Frame` }])),
    required: list.map(typeOf),
  });
  const root = {
    type: "object",
    properties: {
      frames: { $ref: "#/definitions/Frames" },
      requests: { $ref: "#/definitions/Requests" },
      answers: { $ref: "#/definitions/Answers" },
    },
    required: ["frames", "requests", "answers"],
    definitions: {
      Frames: group("What the server says, by type.", names.Frames),
      Requests: group("What a client asks, by type.", names.Requests),
      Answers: group("How requests are answered.", names.Answers),
      ...all,
    },
  };
  const bannerComment = `${BANNER("schemas/json/asyncapi-ws.json and chat.events")}import type { components } from "./rest.js";`;
  return compile(root, "Socket", { bannerComment, additionalProperties: false, format: true });
}

/** Compiles the library itself, and compares it with its declarations (written.ts). */
async function compiled() {
  const folder = await mkdtemp(join(tmpdir(), "parlance-types-"));
  try {
    const library = fileURLToPath(new URL("web/client", ROOT));
    const part = (name, end) => cp(library, join(folder, name), { recursive: true, filter: (path) => !end.test(path) });
    await part("written", /\.d\.ts$|\.json$|types$/);
    await part("declared", /(?<!\.d)\.[jt]s$|\.json$/);
    await cp(new URL("written.ts", import.meta.url), join(folder, "written.ts"));
    const of = JSON.parse(await readFile(new URL("tsconfig.json", import.meta.url), "utf8"));
    // Inside, what can be inferred is looked at.
    Object.assign(of.compilerOptions, { allowJs: true, checkJs: true, strict: false, exactOptionalPropertyTypes: false });
    const config = { ...of, files: ["written.ts"] };
    await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    const tsc = spawnSync(process.execPath, [need.resolve("typescript/bin/tsc"), "-p", folder, "--pretty", "false"], { encoding: "utf8" });
    if (tsc.status !== 0) {
      console.error(tsc.stdout + tsc.stderr);
      process.exitCode = 1;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const check = process.argv.includes("--check");
for (const [name, make] of [["rest.d.ts", rest], ["events.d.ts", events]]) {
  const wanted = await make();
  const path = new URL(name, TYPES);
  if (!check) await writeFile(path, wanted);
  else if ((await readFile(path, "utf8").catch(() => "")) !== wanted) {
    console.error(`web/client/types/${name} is not what the documents say: run node tests/client/types.mjs`);
    process.exitCode = 1;
  }
}
if (check) await compiled();
