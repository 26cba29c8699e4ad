// A WebSocket of which every byte can be chosen, and which takes what comes one message at a time.
import { createHash, randomBytes } from "node:crypto";
import { connect } from "node:net";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

export class Wire {
  #socket;
  #buffer = Buffer.alloc(0);
  #came = [];
  #waiting = [];
  #ended = false;

  /** Opens one; throws the status if it is refused. */
  static async open(host, path) {
    const [name, port] = host.split(":");
    const socket = connect(Number(port), name);
    socket.setNoDelay(true);
    const key = randomBytes(16).toString("base64");
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
    );
    const wire = new Wire();
    wire.#socket = socket;
    await new Promise((resolve, reject) => {
      const opening = (data) => {
        wire.#buffer = Buffer.concat([wire.#buffer, data]);
        const end = wire.#buffer.indexOf("\r\n\r\n");
        if (end < 0) return;
        socket.off("data", opening);
        const head = wire.#buffer.subarray(0, end).toString();
        const status = Number(head.split(" ")[1]);
        const accept = createHash("sha1").update(key + GUID).digest("base64");
        if (status !== 101 || !head.toLowerCase().includes(accept.toLowerCase())) {
          socket.destroy();
          reject(Object.assign(new Error(`refused with ${status}`), { status }));
          return;
        }
        wire.#buffer = wire.#buffer.subarray(end + 4);
        socket.on("data", (more) => wire.#read(more));
        resolve();
        wire.#read(Buffer.alloc(0));
      };
      socket.on("data", opening);
      socket.on("error", reject);
    });
    const end = () => wire.#end();
    socket.on("close", end);
    socket.on("end", end);
    socket.on("error", end);
    return wire;
  }

  /** Writes a frame: masked and final, unless told otherwise. */
  frame(opcode, payload = "", { fin = true, mask = true, rsv = 0 } = {}) {
    const data = Buffer.from(payload);
    const head = [(fin ? 0x80 : 0) | (rsv << 4) | opcode];
    const bit = mask ? 0x80 : 0;
    let length = Buffer.alloc(0);
    if (data.length < 126) {
      head.push(bit | data.length);
    } else if (data.length < 65_536) {
      head.push(bit | 126);
      length = Buffer.alloc(2);
      length.writeUInt16BE(data.length);
    } else {
      head.push(bit | 127);
      length = Buffer.alloc(8);
      length.writeBigUInt64BE(BigInt(data.length));
    }
    const key = randomBytes(4);
    const body = Buffer.from(data);
    if (mask) for (let i = 0; i < body.length; i += 1) body[i] ^= key[i % 4];
    this.#socket.write(Buffer.concat([Buffer.from(head), length, mask ? key : Buffer.alloc(0), body]));
  }

  /** Writes a message: text, or bytes. */
  send(message) {
    this.frame(typeof message === "string" ? TEXT : BINARY, message);
  }

  /** Writes bytes as they are. */
  raw(bytes) {
    this.#socket.write(bytes);
  }

  /** The next frame; null when the connection is at its end. */
  async next(within = 20_000) {
    if (this.#came.length > 0) return this.#came.shift();
    if (this.#ended) return null;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("nothing came in time")), within);
      this.#waiting.push((frame) => {
        clearTimeout(timer);
        resolve(frame);
      });
    });
  }

  /** The next message as text, or as bytes. */
  async message(within) {
    const frame = await this.next(within);
    if (frame === null) throw new Error("the connection has ended");
    if (frame.opcode === CLOSE) throw new Error(`closed with ${frame.code}`);
    return frame.opcode === TEXT ? frame.payload.toString() : frame.payload;
  }

  /** The next message that is not a ping of Engine.IO. */
  async packet(within) {
    for (;;) {
      const message = await this.message(within);
      if (message !== "2") return message;
    }
  }

  /** Waits for the end, whatever comes before it; the code of the close frame, if there was one. */
  async closed(within = 20_000) {
    let code = null;
    for (;;) {
      const frame = await this.next(within);
      if (frame === null) return code;
      if (frame.opcode === CLOSE) {
        code = frame.code;
        this.frame(CLOSE, frame.payload);
      }
    }
  }

  /**
   * Waits for the end, which must come before a ping: the end of a client that is silent comes after one.
   * The code of the close frame, if there was one.
   */
  async ended() {
    let code = null;
    for (;;) {
      const frame = await this.next();
      if (frame === null) return code;
      if (frame.opcode === CLOSE) {
        code = frame.code;
        this.frame(CLOSE, frame.payload);
      } else if (frame.payload.toString() === "2") {
        throw new Error("a ping came, and no end");
      }
    }
  }

  /** Drops it. */
  drop() {
    this.#socket.destroy();
  }

  #read(more) {
    this.#buffer = Buffer.concat([this.#buffer, more]);
    for (;;) {
      const buffer = this.#buffer;
      if (buffer.length < 2) return;
      let length = buffer[1] & 0x7f;
      let at = 2;
      if (length === 126) {
        if (buffer.length < 4) return;
        length = buffer.readUInt16BE(2);
        at = 4;
      } else if (length === 127) {
        if (buffer.length < 10) return;
        length = Number(buffer.readBigUInt64BE(2));
        at = 10;
      }
      if (buffer.length < at + length) return;
      const payload = buffer.subarray(at, at + length);
      const opcode = buffer[0] & 0x0f;
      const code = opcode === CLOSE && length >= 2 ? payload.readUInt16BE(0) : null;
      this.#buffer = buffer.subarray(at + length);
      this.#give({ opcode, fin: buffer[0] >= 0x80, masked: buffer[1] >= 0x80, payload, code });
    }
  }

  #give(frame) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(frame);
    else this.#came.push(frame);
  }

  #end() {
    this.#ended = true;
    this.#socket.destroy();
    for (const waiting of this.#waiting.splice(0)) waiting(null);
  }
}
