#!/usr/bin/env python3
"""Runs haproxy with haproxy.cfg before a real server, and looks at what passes through.

    deploy/proxy/check.py BINARY        (needs haproxy, and the package websockets)

`/ws` and `/socket.io/` must reach delivery (the server) and everything else ingest (a stand-in that answers
with what it was sent); every request of a polling session the node that opened it, of two; a client's own
X-Forwarded-For must not pass; sockets must outlive a reload; a dead delivery must be a 503.
"""

import contextlib
import http.server
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import websockets.exceptions
from websockets.sync.client import connect

HERE = pathlib.Path(__file__).resolve().parent
PASSWORD = "violet-kettle-81"


def free_port():
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def until(what, holds, seconds=20):
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, websockets.exceptions.WebSocketException):
            found = holds()
            if found:
                return found
        if time.monotonic() > deadline:
            sys.exit(f"proxy: {what} did not come true in {seconds} s")
        time.sleep(0.1)


def call(url, body=None, headers=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", **(headers or {})}
    request = urllib.request.Request(url, data=data, headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


class Ingest(http.server.BaseHTTPRequestHandler):
    """Answers with the path and the headers it was sent."""

    def do_GET(self):
        told = {"path": self.path, "headers": [[k.lower(), v] for k, v in self.headers.items()]}
        body = json.dumps(told).encode()
        # A health check goes once it has seen the status.
        with contextlib.suppress(ConnectionError):
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def token(server):
    name = f"user_{os.urandom(6).hex()}"
    about = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
    call(f"{server}/auth/register", {**about, "firstName": "A", "lastName": "B"})
    answer = call(f"{server}/auth/login", {"identifier": name, "password": PASSWORD})
    return answer["data"]["accessToken"]


def enter(stack, proxy, secret):
    link = stack.enter_context(connect(f"ws://{proxy}/ws", subprotocols=["parlance.v1"]))
    assert ask(link, "0", "auth", {"token": secret})["ok"]
    return link


def ask(link, number, kind, data):
    """Sends a request and returns the answer to it."""
    link.send(json.dumps({"id": number, "type": kind, "data": data}))
    while True:
        frame = json.loads(link.recv(timeout=10))
        if frame.get("id") == number:
            return frame


def poll(url, body=None):
    with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=10) as answer:
        return answer.read().decode()


def polling(proxy, secret):
    """Opens a Socket.IO session over polling alone and joins `/`, in five requests."""
    url = f"http://{proxy}/socket.io/?EIO=4&transport=polling"
    opened = json.loads(poll(url)[1:])
    mine = f"{url}&sid={opened['sid']}"
    assert poll(mine, b'40{"token":"' + secret.encode() + b'"}') == "ok"
    assert poll(mine).startswith('40{"sid":')
    assert poll(mine, b'420["presence:subscribe",{"userIds":[]}]') == "ok"
    told = ""
    while '430[{"success":true' not in told:
        told += poll(mine)
    assert poll(mine, b"1") == "ok"


def workers(master):
    """The processes of a proxy below its master."""
    return set(pathlib.Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text(encoding="utf-8").split())


def check(stack, proxy, server, haproxy, delivery):
    base = f"http://{proxy}"
    spoofed = {"X-Forwarded-For": "203.0.113.9", "Forwarded": "for=203.0.113.9"}
    told = until("an answer of ingest", lambda: call(f"{base}/api/v1/x?y=z", headers=spoofed))
    claims = [value for key, value in told["headers"] if "forwarded" in key]
    assert told["path"] == "/api/v1/x?y=z", told
    assert claims == ["127.0.0.1"], f"what a client claims is passed on: {claims}"
    print("proxy: REST reaches ingest, with the address of the peer alone")

    secret = until("a registration", lambda: token(server))
    link = until("a socket", lambda: enter(stack, proxy, secret))
    print("proxy: /ws is upgraded and reaches delivery")

    # Half of them would meet the other node at their second request.
    for _ in range(12):
        polling(proxy, secret)
    # As some clients spell it.
    assert poll(f"{base}/socket.io?EIO=4&transport=polling").startswith("0{")
    print("proxy: 12 polling sessions stay with their node, of two")

    before = workers(haproxy)
    haproxy.send_signal(signal.SIGUSR2)
    until("a second worker", lambda: workers(haproxy) - before)
    until("an answer after the reload", lambda: call(f"{base}/api/v1/x"))
    # Any answer shows that the old socket is alive: this kind of request does not exist.
    assert ask(link, "9", "no.such.request", {})["ok"] is False
    until("a socket after the reload", lambda: enter(stack, proxy, secret))
    print("proxy: a reload keeps old sockets and takes new ones")

    delivery.kill()
    delivery.wait()

    def refused():
        try:
            with connect(f"ws://{proxy}/ws"):
                return False
        except websockets.exceptions.InvalidStatus as failure:
            return failure.response.status_code == 503

    until("a 503 for a dead delivery", refused)
    assert call(f"{base}/api/v1/x")["path"] == "/api/v1/x"
    print("proxy: without delivery /ws is a 503, and REST goes on")


def end(child):
    """Ends a process and its workers."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    public, api, second, health, stand_in = (free_port() for _ in range(5))
    ingest = http.server.ThreadingHTTPServer(("127.0.0.1", stand_in), Ingest)
    threading.Thread(target=ingest.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        log = stack.enter_context(open(pathlib.Path(folder) / "log", "w+", encoding="utf-8"))

        def run(command, settings):
            child = subprocess.Popen(
                command, cwd=folder, env={**os.environ, **settings}, stdout=log, stderr=log,
                stdin=subprocess.DEVNULL, start_new_session=True,
            )
            stack.callback(end, child)
            return child

        delivery = run(
            [sys.argv[1]],
            {
                "PARLANCE_SERVER__LISTEN": f'["127.0.0.1:{api}", "127.0.0.1:{second}"]',
                "PARLANCE_OPERATIONS__LISTEN": f"127.0.0.1:{health}",
                "PARLANCE_SERVER__TRUSTED_PROXIES": '["127.0.0.1"]',
            },
        )
        # A template has one name; here two nodes are two ports.
        settings = (HERE / "haproxy.cfg").read_text(encoding="utf-8")
        template = 'server-template delivery 8 "${DELIVERY}"'
        assert settings.count(template) == 1, template
        line = next(line for line in settings.splitlines() if template in line)
        two = "\n".join(
            line.replace(template, f"server delivery{n} 127.0.0.1:{port}")
            for n, port in enumerate((api, second))
        )
        configured = pathlib.Path(folder) / "haproxy.cfg"
        configured.write_text(settings.replace(line, two), encoding="utf-8")
        haproxy = run(
            ["haproxy", "-W", "-db", "-f", str(configured)],
            {
                "LISTEN": f"127.0.0.1:{public}",
                "INGEST": f"127.0.0.1:{stand_in}",
                "INGEST_HEALTH": str(stand_in),
                "DELIVERY_HEALTH": str(health),
            },
        )
        try:
            server = f"http://127.0.0.1:{api}/api/v1"
            check(stack, f"127.0.0.1:{public}", server, haproxy, delivery)
        except BaseException:
            log.seek(0)
            sys.stderr.write(log.read()[-4000:])
            raise


if __name__ == "__main__":
    main()
