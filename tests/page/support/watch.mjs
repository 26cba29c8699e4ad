// What a browser context does that nobody asked for: violations of the policy, errors on the console, requests to
// other hosts, dialogs. A test ends with `verdict`, which must be empty.

// What the browser itself says of a connection that failed: right while a test has cut it, and only then.
const NETWORK = /^(Failed to load resource: net::|WebSocket connection to )/;
const REFUSED = /^Failed to load resource: the server responded with a status of (\d+)/;
// What a page asks again by itself: it counts if no good answer has followed.
const AGAIN = 503;

export class Watch {
  violations = [];
  errors = [];
  foreign = [];
  dialogs = [];
  log = [];
  #excused = new Set();
  #open = new Set();
  #networkMayFail = false;

  static async over(context, origins) {
    const watch = new Watch();
    watch.origins = new Set(origins.map((url) => new URL(url).host));
    await context.exposeBinding("parlanceTestViolation", (_, violation) => watch.violations.push(violation));
    // Runs in every document before its own scripts, and is not subject to the policy.
    await context.addInitScript(() => {
      document.addEventListener("securitypolicyviolation", (event) => {
        const { violatedDirective, blockedURI, sourceFile, lineNumber, sample } = event;
        globalThis.parlanceTestViolation({ violatedDirective, blockedURI, sourceFile, lineNumber, sample });
      });
    });
    context.on("page", (page) => watch.#look(page));
    return watch;
  }

  #look(page) {
    page.on("console", (message) => {
      const text = message.text();
      this.log.push(`${message.type()}: ${text}`);
      if (/Content Security Policy|requires 'Trusted/.test(text)) this.violations.push({ console: text });
      else if (message.type() === "error" && !this.#isExcused(text)) this.errors.push(text);
    });
    page.on("pageerror", (error) => {
      this.log.push(`pageerror: ${error.stack ?? error}`);
      this.errors.push(String(error));
    });
    page.on("dialog", (dialog) => {
      this.dialogs.push(`${dialog.type()}: ${dialog.message()}`);
      dialog.dismiss().catch(() => {});
    });
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (["data:", "blob:", "about:"].includes(url.protocol)) return;
      if (!this.origins.has(url.host)) this.foreign.push(request.url());
    });
    page.on("response", (response) => {
      const asked = `${response.request().method()} ${new URL(response.url()).pathname}`;
      if (response.status() === AGAIN) this.#open.add(asked);
      else if (response.ok()) this.#open.delete(asked);
    });
    page.on("websocket", (socket) => {
      if (!this.origins.has(new URL(socket.url()).host)) this.foreign.push(socket.url());
    });
  }

  #isExcused(text) {
    if (NETWORK.test(text)) return this.#networkMayFail;
    const status = REFUSED.exec(text)?.[1];
    return status === String(AGAIN) || (status !== undefined && this.#excused.has(status));
  }

  /** Whether everything that was to be asked again has been. */
  get settled() {
    return this.#open.size === 0;
  }

  /** From now on connections fail because the test cuts them. */
  networkMayFail() {
    this.#networkMayFail = true;
  }

  /** The browser's line about an answer of this status is expected, as 401 for a wrong password. */
  refusalExpected(status) {
    this.#excused.add(String(status));
  }

  verdict() {
    return [
      ...this.violations.map((one) => `policy violated: ${JSON.stringify(one)}`),
      ...this.errors.map((one) => `console error: ${one}`),
      ...[...this.#open].map((one) => `${AGAIN}, and no good answer after it: ${one}`),
      ...this.foreign.map((one) => `request to another host: ${one}`),
      ...this.dialogs.map((one) => `dialog: ${one}`),
    ];
  }
}
