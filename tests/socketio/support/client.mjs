// A client in a process of its own, to be killed: client.mjs WAY URL TOKEN. Says so once it is in.

import { createRequire } from "node:module";
import { join } from "node:path";

const { io } = createRequire(join(process.env.PARLANCE_NODE_MODULES, "installed.js"))("socket.io-client");
const [way, url, token] = process.argv.slice(2);
io(url, { transports: [way], auth: { token } }).once("connected", () => process.stdout.write("in\n"));
