// The network between a client and a node, to be frozen: what was open stays open, and nothing gets through any more,
// as when a telephone loses its radio.

import { connect, createServer } from "node:net";

export class Network {
  /** @param {string} url the node's */
  static async to(url) {
    const { hostname, port } = new URL(url);
    const network = new Network();
    network.ends = new Set();
    network.accept = createServer((near) => {
      const far = connect({ host: hostname, port: Number(port) });
      for (const [from, to] of [[near, far], [far, near]]) {
        network.ends.add(from);
        from.on("data", (data) => network.frozen || to.write(data));
        from.on("error", () => {});
        from.on("close", () => network.frozen || to.destroy());
      }
    });
    network.accept.listen(0, "127.0.0.1");
    await new Promise((resolve) => network.accept.once("listening", resolve));
    network.url = `http://127.0.0.1:${network.accept.address().port}`;
    return network;
  }

  freeze() {
    this.frozen = true;
  }

  stop() {
    this.frozen = true;
    this.accept.close();
    for (const end of this.ends) end.destroy();
  }
}
