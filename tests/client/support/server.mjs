// A real server of its own: a free port, a temporary folder, gone with the test.

import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

export class Server {
  /** @param {Record<string, string>} env more of the configuration */
  static async start(env = {}) {
    const binary = process.env.PARLANCE_BIN;
    if (!binary) throw new Error("PARLANCE_BIN names no server");
    const server = new Server();
    server.binary = binary;
    server.env = env;
    server.folder = await mkdtemp(join(tmpdir(), "parlance-client-"));
    server.port = await freePort();
    server.url = `http://127.0.0.1:${server.port}`;
    await server.up();
    return server;
  }

  async up() {
    this.told = "";
    this.process = spawn(this.binary, [], {
      cwd: this.folder,
      env: {
        PATH: process.env.PATH,
        PORT: String(this.port),
        PARLANCE_DATA__DIR: join(this.folder, "data"),
        PARLANCE_OPERATIONS__LISTEN: `127.0.0.1:${await freePort()}`,
        PARLANCE_LIMITS__ENABLED: "false",
        PARLANCE_AUTH__ARGON2_MEMORY_KIB: "8192",
        ...this.env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream.on("data", (data) => (this.told = (this.told + data).slice(-10_000)));
    }
    this.ended = new Promise((resolve) => this.process.once("exit", resolve));
    const deadline = Date.now() + 20_000;
    while (!(await this.#answers())) {
      if (this.process.exitCode !== null || Date.now() > deadline) {
        throw new Error(`the server does not start:\n${this.told}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async #answers() {
    try {
      return (await fetch(`${this.url}/readyz`)).ok;
    } catch {
      return false;
    }
  }

  async kill(signal = "SIGKILL") {
    this.process.kill(signal);
    await this.ended;
  }

  async stop() {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/**
 * The network between client and server, to be spoilt: `down(text)` and `up(text)` look at what passes (what
 * a client sends on a socket is masked) and cut the connection with `"cut"`, before it is passed on.
 */
export class Network {
  static async to(server) {
    const network = new Network();
    network.server = server;
    network.links = new Set();
    network.refuses = false;
    network.accept = createServer({ noDelay: true }, (socket) => network.#link(socket));
    network.accept.listen(0, "127.0.0.1");
    await new Promise((resolve) => network.accept.once("listening", resolve));
    network.url = `http://127.0.0.1:${network.accept.address().port}`;
    return network;
  }

  #link(near) {
    if (this.refuses) return near.destroy();
    const far = connect({ port: this.server.port, host: "127.0.0.1", noDelay: true });
    const link = { cut: () => [near, far].forEach((end) => end.destroy()) };
    this.links.add(link);
    const pass = (from, to, look) => {
      from.on("data", (data) => {
        if (look(data.toString("latin1"), link) === "cut") link.cut();
        else to.write(data);
      });
      from.on("end", () => to.end());
      from.on("error", link.cut);
      from.on("close", () => {
        link.cut();
        this.links.delete(link);
      });
    };
    pass(near, far, (text, link) => this.up?.(text, link));
    pass(far, near, (text, link) => this.down?.(text, link));
  }

  cut() {
    for (const link of [...this.links]) link.cut();
  }

  /** Nothing gets through, until `join`. */
  part() {
    this.refuses = true;
    this.cut();
  }

  join() {
    this.refuses = false;
  }

  stop() {
    this.part();
    this.accept.close();
  }
}
