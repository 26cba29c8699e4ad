// A TCP proxy that can be cut: the only way to take the network from a page as a tunnel does. Chromium's own
// `setOffline` leaves sockets open that are open.

import { once } from "node:events";
import { connect, createServer } from "node:net";

// How a request to the API, or for a socket, begins. Browsers send a request's head in one piece.
const API = /^[A-Z]+ \/(?:api\/|ws)/;

export class Cut {
  #pairs = new Set();
  #server = createServer((client) => this.#accept(client));
  /**
   * "open": carried. "refused": reset at once, as by a machine without a server. "files": the page's own files are
   * carried, requests to the API and sockets are reset. "deaf": requests arrive, answers do not. "silent": taken, and
   * nothing is carried.
   */
  #state = "open";

  static async before(port) {
    const cut = new Cut();
    cut.target = port;
    cut.#server.listen(0, "127.0.0.1");
    await once(cut.#server, "listening");
    cut.port = cut.#server.address().port;
    cut.url = `http://127.0.0.1:${cut.port}`;
    return cut;
  }

  #accept(client) {
    client.on("error", () => {});
    if (this.#state === "refused") {
      client.resetAndDestroy();
      return;
    }
    if (this.#state === "silent") {
      const pair = { client, server: null };
      this.#pairs.add(pair);
      client.on("close", () => this.#pairs.delete(pair));
      client.resume();
      return;
    }
    const server = connect(this.target, "127.0.0.1");
    const pair = { client, server };
    this.#pairs.add(pair);
    server.on("error", () => client.resetAndDestroy());
    client.on("close", () => {
      this.#pairs.delete(pair);
      server.destroy();
    });
    server.on("close", () => client.destroy());
    client.on("data", (bytes) => {
      if (this.#state !== "files" || !API.test(bytes.toString("latin1", 0, 64))) return;
      // First, so that the request itself does not arrive.
      server.destroy();
      client.resetAndDestroy();
    });
    client.pipe(server);
    if (this.#state === "deaf") server.resume();
    else server.pipe(client);
  }

  /** Resets every connection, and refuses new ones until `mend`. */
  cut() {
    this.#state = "refused";
    this.#reset();
  }

  /** As `cut`, but the page can be loaded: what a reload meets while the API is down. */
  cutApi() {
    this.#state = "files";
    this.#reset();
  }

  #reset() {
    for (const { client, server } of this.#pairs) {
      client.resetAndDestroy();
      server?.destroy();
    }
  }

  /** Connections stay open but carry nothing: a tunnel. Nobody is told; a page finds out by silence. */
  silence() {
    this.#state = "silent";
    for (const { client, server } of this.#pairs) {
      if (!server) continue;
      client.unpipe(server);
      server.unpipe(client);
      client.resume();
      server.resume();
    }
  }

  /** What the page asks arrives and is done; the page is not told. */
  deafen() {
    this.#state = "deaf";
    for (const { client, server } of this.#pairs) {
      server?.unpipe(client);
      server?.resume();
    }
  }

  /** New connections are carried again; those that were silent or deaf end. */
  mend() {
    const broken = this.#state === "silent" || this.#state === "deaf";
    this.#state = "open";
    if (broken) for (const { client } of this.#pairs) client.resetAndDestroy();
  }

  async close() {
    this.cut();
    this.#server.close();
    await once(this.#server, "close");
  }
}
