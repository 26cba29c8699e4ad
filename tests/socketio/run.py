#!/usr/bin/env python3
"""Stock clients of Socket.IO against the real binary: socket.io-client of npm, python-socketio of PyPI.

    tests/socketio/run.py BINARY embedded|real [FILE..]

Starts two nodes: two addresses of one process on the embedded engines, or two processes on the real ones
(`PARLANCE_TEST_KAFKA`, `_CQL`, `_REDIS`). Whoever is killed by a test is started again. First everything that
gets on with each other runs at once, in both languages; then, one after the other, what measures and what kills
a node. With files, only these run.
"""

import contextlib
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
SECRET = "socketio-secret-of-one-test-run-0123456789abcdef"
# The longest start of a node: topics and tables are made on the real engines.
START = 90
# What runs alone behind all others: it measures what they would disturb, or kills a node.
KILLS = "restart.test.mjs"
ALONE = ("keystrokes.test.mjs", "stalled.test.mjs", KILLS)
# What waits for a minute beside all others, on node 0 alone. One set of engines is enough for it, and for what is
# measured: those are on the other one.
BESIDE = "unclean.test.mjs"
ONCE = {"embedded": (BESIDE,), "real": ("keystrokes.test.mjs", "stalled.test.mjs")}


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def shared(namespace):
    """The sections that name the real engines. Few partitions: two cores carry everything here."""
    kafka, cql, redis = (os.environ[f"PARLANCE_TEST_{name}"] for name in ("KAFKA", "CQL", "REDIS"))
    return [
        f'namespace = "{namespace}"',
        "[engines]", 'log = "kafka"', 'store = "cql"', 'ephemeral = "redis"',
        "[kafka]", f'brokers = ["{kafka}"]', "partitions = 4", "replication = 1", "min_insync = 1",
        # Engines that stall are slow here, and not away: what is done without them has its own tests.
        "[cql]", f'contact_points = ["{cql}"]', "replication = 1", "timeout_ms = 10000",
        "[redis]", f'url = "redis://{redis}/0"', "timeout_ms = 10000",
    ]


def told(node, path, form, token=None):
    """Asks a node until it is done, under one key; a new one may be ready and yet wait for its consumer groups."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": secrets.token_hex(8)}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    deadline, last = time.monotonic() + START, None
    while time.monotonic() < deadline:
        request = urllib.request.Request(f"{node}/api/v1{path}", json.dumps(form).encode(), headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            last = f"{error.code} {error.read().decode(errors='replace')}"
            if error.code < 500:
                break
        except OSError as error:
            last = error
        time.sleep(0.2)
    sys.exit(f"socketio: {node}{path}: {last}")


def able(nodes):
    """Whether what writes is done, of both nodes: somebody on each, who talk to each other."""
    ids, tokens, password = [], [], "violet-kettle-81"
    for place, node in enumerate(nodes):
        name = f"first_{place}"
        form = {"username": name, "email": f"{name}@example.org", "firstName": "First", "lastName": "Test"}
        ids.append(told(node, "/auth/register", {**form, "password": password})["userId"])
        tokens.append(told(node, "/auth/login", {"identifier": name, "password": password})["accessToken"])
    opened = told(nodes[0], "/conversations", {"type": "direct", "participantIds": ids[1:]}, tokens[0])["id"]
    for node, token in zip(nodes, tokens):
        told(node, "/messages", {"conversationId": opened, "content": "first"}, token)


def own():
    """The environment without settings of the machine."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PARLANCE_")}


class Process:
    """One process of the server under a supervisor: what ends is started again, over the same folder."""

    def __init__(self, binary, folder, listen, operations, engines):
        self.binary, self.folder, self.operations = binary, folder, operations
        self.wanted, self.child, self.thread = True, None, None
        folder.mkdir(parents=True)
        addresses = ", ".join(f'"127.0.0.1:{port}"' for port in listen)
        lines = [
            *engines,
            "[server]", f"listen = [{addresses}]",
            "[operations]", f'listen = "127.0.0.1:{operations}"',
            "[data]", f'dir = "{folder}/data"',
            "[auth]", f'jwt_secret = "{SECRET}"', f'jwt_refresh_secret = "refresh-{SECRET}"',
            "argon2_memory_kib = 64", "argon2_iterations = 1",
            "[limits]", "enabled = false",
        ]
        self.settings = folder / "parlance.toml"
        self.settings.write_text("\n".join(lines) + "\n")

    def prepare(self):
        """Makes tables and topics."""
        for words in (["migrate"], ["topics", "apply"]):
            command = [str(self.binary), *words, "--config", str(self.settings)]
            made = subprocess.run(command, cwd=self.folder, env=own(), capture_output=True, text=True, check=False)
            if made.returncode != 0:
                sys.exit(f"socketio: {words}:\n{made.stdout}{made.stderr}")

    def start(self):
        self.thread = threading.Thread(target=self.keep, daemon=True)
        self.thread.start()

    def keep(self):
        """Starts it as often as it ends."""
        with (self.folder / "log").open("ab") as log:
            while self.wanted:
                self.child = subprocess.Popen(
                    [str(self.binary), "all", "--config", str(self.settings)],
                    cwd=self.folder, env=own(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
                (self.folder / "pid").write_text(str(self.child.pid))
                self.child.wait()
                time.sleep(0.05)

    def ready(self):
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            with contextlib.suppress(urllib.error.URLError, OSError):
                with urllib.request.urlopen(f"http://127.0.0.1:{self.operations}/readyz", timeout=2):
                    return
            time.sleep(0.05)
        sys.exit(f"socketio: not ready within {START} s:\n{self.tail()}")

    def tail(self):
        return "\n".join((self.folder / "log").read_text(errors="replace").splitlines()[-40:])

    def end(self):
        self.wanted = False
        if self.child is not None:
            self.child.send_signal(signal.SIGKILL)
        if self.thread is not None:
            self.thread.join(timeout=10)


class World:
    """Two nodes."""

    def __init__(self, binary, engines, folder):
        a, b, c, d = free_ports(4)
        if engines == "real":
            namespace = f"sio{secrets.token_hex(4)}"
            common = shared(namespace)
            self.processes = [
                Process(binary, folder / "a", [a], c, common), Process(binary, folder / "b", [b], d, common)]
        else:
            self.processes = [Process(binary, folder / "a", [a, b], c, [])]
        self.nodes = [f"http://127.0.0.1:{a}", f"http://127.0.0.1:{b}"]
        first, last = self.processes[0], self.processes[-1]
        self.environment = {
            **os.environ,
            "PARLANCE_NODES": " ".join(self.nodes),
            "PARLANCE_METRICS": " ".join(f"http://127.0.0.1:{one.operations}" for one in self.processes),
            "PARLANCE_PIDS": f"{first.folder}/pid {last.folder}/pid",
            "PARLANCE_SECRET": SECRET,
            "PARLANCE_ENGINES": engines,
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def start(self):
        """Returns when both nodes do what they are asked."""
        if len(self.processes) > 1:
            self.processes[0].prepare()
        for process in self.processes:
            process.start()
        for process in self.processes:
            process.ready()
        able(self.nodes)

    def end(self):
        for process in self.processes:
            process.end()

    def logs(self):
        for process in self.processes:
            print(f"--- the end of {process.folder.name}'s log ---\n{process.tail()}", file=sys.stderr)


class Part:
    """A command that runs; what it says is shown when it is waited for, and at the end in any case."""

    running = []

    def __init__(self, world, words):
        # A file and not a pipe: nobody reads it meanwhile.
        self.out = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(words, env=world.environment, cwd=HERE, stdout=self.out, stderr=self.out)
        self.running.append(self)

    def passed(self):
        status = self.process.wait()
        self.shown()
        return status == 0

    def shown(self):
        self.running.remove(self)
        self.out.seek(0)
        print(self.out.read(), end="", flush=True)

    def end(self):
        """Ends it before its time: with SIGTERM, upon which node says what was still running."""
        self.process.terminate()
        try:
            self.process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.shown()


def run(world, engines, files):
    """Whether everything passed."""
    nodes = sorted(path.name for path in HERE.glob("*.test.mjs"))
    chosen = [name for name in [*nodes, "drive.py"] if (name in files if files else name not in ONCE[engines])]
    node = ["node", "--test", "--test-reporter=spec"]
    beside, first = [], []
    if BESIDE in chosen:
        beside.append(Part(world, [*node, str(HERE / BESIDE)]))
    together = [str(HERE / name) for name in chosen if name in nodes and name not in (*ALONE, BESIDE)]
    if together:
        first.append(Part(world, [*node, "--test-concurrency=3", *together]))
    if "drive.py" in chosen:
        first.append(Part(world, [sys.executable, str(HERE / "drive.py")]))
    good = [part.passed() for part in first]
    for name in (name for name in ALONE if name in chosen):
        # What is beside it needs both nodes.
        if name == KILLS:
            good += [part.passed() for part in beside]
            beside = []
        for process in world.processes:
            process.ready()
        good.append(Part(world, [*node, str(HERE / name)]).passed())
    good += [part.passed() for part in beside]
    return all(good)


def invariants(world):
    """What the server itself says that it broke (G-29)."""
    broken = 0
    for process in world.processes:
        process.ready()
        with urllib.request.urlopen(f"http://127.0.0.1:{process.operations}/metrics", timeout=30) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(("parlance_invariant_violations_total", "parlance_dead_letters_total")):
                    value = float(line.rsplit(" ", 1)[1])
                    if value:
                        print(f"socketio: {line}")
                    broken += value
    return broken == 0


def main():
    binary, engines, files = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2], sys.argv[3:]
    began = time.monotonic()
    # Whoever limits the time of this sees what had been said, and leaves no process behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("socketio: ended before its time"))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="parlance-socketio-"))
    world, good, up = None, False, 0.0
    try:
        world = World(binary, engines, folder)
        world.start()
        up = time.monotonic() - began
        good = run(world, engines, files) and invariants(world)
        if not good:
            world.logs()
    finally:
        for part in list(Part.running):
            part.end()
        if world is not None:
            world.end()
        if good:
            shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps({"suite": "socketio", "engines": engines, "good": good, "start": round(up, 1),
                      "seconds": round(time.monotonic() - began, 1)}))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
