#!/usr/bin/env python3
"""Runs a server under load with a real Prometheus beside it, and asks everything the dashboard asks.

    deploy/grafana/live.py BINARY       (needs prometheus, promtool, and the package websockets)

What /metrics says must be clean for `promtool check metrics`; every metric that the dashboard or an alert
uses must be there; every panel must show a number, but those of engines that do not run here; no alert may
fire but for the bare `up` of what is ended at last.
"""

import concurrent.futures
import contextlib
import json
import math
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

import websockets.exceptions
from websockets.sync.client import connect

import check

HERE = pathlib.Path(__file__).resolve().parent
PASSWORD = "violet-kettle-81"
WIDTH = "10s"
SECONDS = 12
TRIES = 6
# Only Kafka tells them.
ELSEWHERE = "parlance_kafka_"
# Of the machine's disk, not of the server: they count when they fire.
SLOW = {"ParlanceSlowSends", "ParlanceJournalSlow"}
SETTLES_S = 15


def free_port():
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def until(what, holds, seconds=30):
    deadline = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, websockets.exceptions.WebSocketException):
            found = holds()
            if found:
                return found
        if time.monotonic() > deadline:
            sys.exit(f"dashboard: {what} did not come true in {seconds} s")
        time.sleep(0.1)


def text(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


class Client:
    """A user over REST."""

    def __init__(self, api, name):
        self.api, self.token = api, None
        form = {"username": name, "email": f"{name}@example.org", "password": PASSWORD, "firstName": name, "lastName": "B"}
        self.id = self.call("auth/register", form)["userId"]
        self.token = self.call("auth/login", {"identifier": name, "password": PASSWORD})["accessToken"]

    def call(self, path, body=None, method=None):
        # One request, however often it is asked: a slow disk leaves the outcome open now and then.
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.api}/{path}", data=data, headers=headers, method=method)
        for number in range(1, TRIES + 1):
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return json.load(answer).get("data")
            except urllib.error.HTTPError as error:
                if error.code != 503 or number == TRIES:
                    raise
                time.sleep(float(error.headers.get("Retry-After") or 1))
        raise AssertionError("the last try returns or raises")

    @contextlib.contextmanager
    def socket(self, url, cursors=None):
        with connect(url, subprotocols=["parlance.v1"]) as ws:
            data = {"token": self.token} | ({"cursors": cursors} if cursors else {})
            ws.send(json.dumps({"id": "0", "type": "auth", "data": data}))
            yield ws


def send(ws, number, conversation, content):
    data = {"conversationId": conversation, "clientMessageId": f"m{number}", "type": "text", "content": content}
    ws.send(json.dumps({"id": str(number), "type": "message.send", "data": data}))


def traffic(address, over):
    """Two users do what users do until it is over: every stage has something to count."""
    api, ws_url = f"http://{address}/api/v1", f"ws://{address}/ws"
    alice, bob = Client(api, "alice"), Client(api, "bobby")
    talk = alice.call("conversations", {"type": "direct", "participantIds": [bob.id]})["id"]
    with contextlib.suppress(urllib.error.HTTPError):
        alice.call("conversations/00000000-0000-4000-8000-000000000000")
    with alice.socket(ws_url) as one, bob.socket(ws_url) as two:
        for ws in (one, two):
            threading.Thread(target=drain, args=(ws,), daemon=True).start()
        talked(alice, bob, talk, (one, ws_url, over))


def talked(alice, bob, talk, where):
    one, ws_url, over = where
    number = 1
    while not over.is_set():
        message = alice.call("messages", {"conversationId": talk, "content": f"over REST {number}"})["id"]
        for _ in range(20):
            send(one, number, talk, f"over a socket {number}")
            number += 1
        bob.call(f"messages/{message}/reactions", {"emoji": "👍"})
        bob.call(f"messages/{message}/read", {})
        bob.call(f"conversations/{talk}/messages?limit=20")
        bob.call("users/search?q=ali")
        alice.call(f"messages/{message}", {"content": "edited"}, "PUT")
        if number % 60 == 1:
            alice.call(f"messages/{message}", method="DELETE")
            with bob.socket(ws_url, {"conversations": {talk: 1}}) as back:
                until("the sync", lambda back=back: json.loads(back.recv(timeout=5)).get("type") == "sync.done")
        time.sleep(0.05)


def drain(ws):
    """Reads and throws away what it is told."""
    with contextlib.suppress(websockets.exceptions.WebSocketException):
        for _ in ws:
            pass


def ask(base, expression):
    query = urllib.parse.urlencode({"query": expression})
    found = json.loads(text(f"{base}/api/v1/query?{query}"))
    return [float(series["value"][1]) for series in found["data"]["result"]]


def clean(scrape):
    """Mistakes that promtool finds in the text of /metrics."""
    done = subprocess.run(["promtool", "check", "metrics"], input=scrape, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"promtool check metrics: {done.stdout}{done.stderr}"


def there(scrape, dashboard, alerts):
    """Metrics that are used and not told."""
    told = set(re.findall(r"^((?:parlance|process)_\w+)", scrape, re.M))
    used = {name for _, one in [*check.expressions(dashboard), ("", alerts)] for name in check.NAME.findall(one)}
    used -= {name for name in used if name.startswith(ELSEWHERE)}
    for name in sorted(used - told):
        yield f"{name} is used, and a running server does not tell it"


def shown(base, dashboard):
    """Panels that show nothing."""
    empty = 0
    for panel, expression in check.expressions(dashboard):
        values = ask(base, check.filled(expression, WIDTH))
        if ELSEWHERE in expression:
            empty += 1
        elif not any(map(math.isfinite, values)):
            yield f"panel {panel!r} shows nothing: {expression} gives {values}"
    if empty != sum(expression.count(ELSEWHERE) for _, expression in check.expressions(dashboard)):
        yield "a panel mixes what runs here with what does not"


def variables(base, dashboard):
    """Variables without values."""
    for one in dashboard["templating"]["list"]:
        if one["type"] != "query":
            continue
        selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", one["query"]).groups()
        match = urllib.parse.urlencode({"match[]": check.filled(selector)})
        if not json.loads(text(f"{base}/api/v1/label/{label}/values?{match}"))["data"]:
            yield f"the variable {one['name']} has no values"


def alerts_of(base):
    """Alerts that fire, or stay pending: some are while a server starts."""
    deadline = time.monotonic() + SETTLES_S
    while True:
        active = json.loads(text(f"{base}/api/v1/alerts"))["data"]["alerts"]
        firing = [one for one in active if one["state"] == "firing"]
        pending = [one for one in active if one["state"] == "pending" and one["labels"]["alertname"] not in SLOW]
        if firing or not pending or time.monotonic() > deadline:
            return firing + pending
        time.sleep(0.5)


def asked(base, operations, dashboard):
    """Everything that is asked of a loaded server; the mistakes."""
    alerts = (HERE / "alerts.yml").read_text()
    scrape = text(f"http://{operations}/metrics")
    mistakes = [*clean(scrape), *there(scrape, dashboard, alerts), *shown(base, dashboard), *variables(base, dashboard)]
    mistakes += [f"alert: {one['labels']} {one['annotations']['summary']}" for one in alerts_of(base)]
    panels = sum(1 for _ in check.expressions(dashboard))
    print(f"dashboard: {panels} expressions asked, {len(scrape.splitlines())} lines of metrics, {len(mistakes)} mistakes")
    return mistakes


def look(folder, processes, binary):
    dashboard = json.loads((HERE / "parlance.json").read_text())
    listen, operations, web = (f"127.0.0.1:{free_port()}" for _ in range(3))
    environment = {**os.environ, "PARLANCE_SERVER__LISTEN": f'["{listen}"]', "PARLANCE_OPERATIONS__LISTEN": operations,
                   "PARLANCE_DATA__DIR": str(folder / "data"), "PARLANCE_LIMITS__ENABLED": "false"}
    with open(folder / "log", "w") as log:
        processes.append(subprocess.Popen([binary], cwd=folder, env=environment, stdout=log, stderr=log))
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
        f"rule_files: [{HERE / 'alerts.yml'}]\n"
        f"scrape_configs: [{{job_name: parlance, static_configs: [{{targets: ['{operations}']}}]}}]\n")
    until("ready", lambda: text(f"http://{operations}/readyz"))
    with open(folder / "prometheus.log", "w") as log:
        processes.append(subprocess.Popen(
            ["prometheus", f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}",
             f"--web.listen-address={web}"], stdout=log, stderr=log))
    base = f"http://{web}"
    until("Prometheus is ready", lambda: text(f"{base}/-/ready"))
    over = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        # Until all was asked: a rate over ten seconds is nothing soon after them.
        talk = pool.submit(traffic, listen, over)
        try:
            concurrent.futures.wait([talk], SECONDS)
            mistakes = asked(base, operations, dashboard)
        finally:
            over.set()
        talk.result()
    return mistakes


def main():
    processes = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        try:
            mistakes = look(folder, processes, pathlib.Path(sys.argv[1]).resolve())
        finally:
            for process in processes:
                process.send_signal(signal.SIGTERM)
            for process in processes:
                process.wait(timeout=30)
            if sys.exc_info()[0]:
                print("".join((folder / "log").read_text()[-4_000:]), file=sys.stderr)
    for mistake in mistakes:
        print(mistake)
    sys.exit(1 if mistakes else 0)


if __name__ == "__main__":
    main()
