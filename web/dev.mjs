// Serves web/ from the working tree, so that the page can be changed without building the server:
//
//     node web/dev.mjs --api http://127.0.0.1:3000 [--port 8080] [--host 127.0.0.1]
//
// It answers the same paths under the same policy as the server, and /config.json names the API. It is
// for development: it listens on loopback unless told otherwise, serves only files of web/chat and
// web/client, and keeps nothing in caches.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const TYPES = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  json: "application/json",
  webmanifest: "application/manifest+json",
};

/** The file that a path stands for, relative to web/; undefined if none. */
export function fileOf(path) {
  if (path === "/") return "chat/index.html";
  return /^\/(?:chat|client)\/[\w-]+(?:\.[\w-]+)+$/.test(path) ? path.slice(1) : undefined;
}

/** The policy of the server, with the API of another origin let in. */
export function policy(origins) {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src ${["'self'", ...origins].join(" ")}`,
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

export function devServer(api) {
  const apiUrl = new URL(api).origin;
  const socketUrl = `${apiUrl.replace(/^http/, "ws")}/ws`;
  const config = JSON.stringify({ apiUrl, socketUrl, version: "0.1.0" });
  const headers = {
    "Content-Security-Policy": policy([apiUrl, new URL(socketUrl).origin]),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
  };
  return createServer(async (request, response) => {
    const answer = (status, type, body) => {
      response.writeHead(status, { ...headers, "Content-Type": type });
      response.end(request.method === "HEAD" ? undefined : body);
    };
    const { pathname } = new URL(request.url ?? "/", "http://dev");
    if (pathname === "/config.json") return answer(200, TYPES.json, config);
    const name = fileOf(pathname);
    const type = name && TYPES[name.slice(name.lastIndexOf(".") + 1)];
    if (!type) return answer(404, "text/plain", "no such file\n");
    try {
      answer(200, type, await readFile(new URL(name, import.meta.url)));
    } catch (error) {
      answer(error.code === "ENOENT" ? 404 : 500, "text/plain", `${error.code}\n`);
    }
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      api: { type: "string", default: "http://127.0.0.1:3000" },
      port: { type: "string", default: "8080" },
      host: { type: "string", default: "127.0.0.1" },
    },
  });
  const server = devServer(values.api);
  server.listen(Number(values.port), values.host, () => {
    const { port } = server.address();
    console.log(`http://${values.host}:${port}/ with the API at ${values.api}; stop with Ctrl-C`);
  });
}
