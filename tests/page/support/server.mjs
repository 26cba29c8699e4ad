// One real server on an empty folder: started, killed, started again on the same port and data.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { binary } from "./machine.mjs";
import { until } from "./wait.mjs";

export async function freePort() {
  const trial = createServer();
  trial.listen(0, "127.0.0.1");
  await once(trial, "listening");
  const { port } = trial.address();
  trial.close();
  await once(trial, "close");
  return port;
}

export class Server {
  #process = null;

  /** `settings`: more of the environment, as { PARLANCE_SECTION__KEY: value }. */
  static async start(settings = {}) {
    const server = new Server();
    server.folder = mkdtempSync(join(tmpdir(), "parlance-page-"));
    server.log = join(server.folder, "server.log");
    server.port = await freePort();
    server.operations = await freePort();
    server.url = `http://127.0.0.1:${server.port}`;
    server.settings = settings;
    await server.run();
    return server;
  }

  async run() {
    const child = spawn(binary(), [], {
      cwd: this.folder,
      env: {
        // Nothing of the caller's own settings: they would decide what is tested.
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        PORT: String(this.port),
        PARLANCE_OPERATIONS__LISTEN: `127.0.0.1:${this.operations}`,
        PARLANCE_LIMITS__ENABLED: "false",
        PARLANCE_AUTH__ARGON2_MEMORY_KIB: "64",
        PARLANCE_AUTH__ARGON2_ITERATIONS: "1",
        ...this.settings,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    // Whatever ends the tests ends their server.
    process.once("exit", () => child.kill("SIGKILL"));
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (data) => appendFileSync(this.log, data));
    }
    await until("the server is ready", async () => {
      if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
      return (await fetch(`${this.url}/readyz`)).ok;
    }, 30_000);
  }

  get running() {
    return this.#process !== null;
  }

  async #end(signal) {
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }

  /** kill -9: nothing is drained, and sockets end without a close frame. */
  kill() {
    return this.#end("SIGKILL");
  }

  tail(lines = 60) {
    try {
      return readFileSync(this.log, "utf8").split("\n").slice(-lines).join("\n");
    } catch {
      return "(no log)";
    }
  }

  async stop() {
    await this.#end("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }
}
