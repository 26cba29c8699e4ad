// Engine.IO as a client speaks it, over HTTP and over a WebSocket.
import { Wire } from "./wire.mjs";

export class Engine {
  constructor(at, path) {
    this.at = at;
    this.path = path;
  }

  /** The address of a request with this query. */
  url(query) {
    return `http://${this.at.host}${this.path}?${new URLSearchParams(query)}`;
  }

  /** Any request. */
  ask(query, options) {
    return fetch(this.url(query), options);
  }

  /** What a handshake of polling says. */
  async open() {
    const response = await this.ask({ EIO: 4, transport: "polling" });
    const text = await response.text();
    return JSON.parse(text.slice(1));
  }

  /** A GET of a connection: its status and its body. */
  async poll(sid, more = {}) {
    const response = await this.ask({ EIO: 4, transport: "polling", sid, ...more });
    return { status: response.status, body: await response.text(), headers: response.headers };
  }

  /** A POST of a connection. */
  async post(sid, body, headers = {}) {
    const query = { EIO: 4, transport: "polling", sid };
    const response = await this.ask(query, { method: "POST", body, headers });
    return { status: response.status, body: await response.text() };
  }

  /** A WebSocket; of a connection that polls, if there is a number. */
  wire(query = {}) {
    const all = new URLSearchParams({ EIO: 4, transport: "websocket", ...query });
    return Wire.open(this.at.host, `${this.path}?${all}`);
  }

  /** A WebSocket, with what its first packet says. */
  async socket() {
    const wire = await this.wire();
    const first = await wire.message();
    return { wire, said: JSON.parse(first.slice(1)) };
  }
}
