#!/usr/bin/env python3
"""The server against its own documents: REST by schemathesis with every check it has, sockets by theirs.

    tests/contract/run.py BINARY [options of `schemathesis run`]

Starts the server on an empty folder without limits of rate. On a socket, sends every request and looks at
every frame. Then makes a world of people, conversations and messages, and runs schemathesis over what
`/api/docs-json` says. A run in which an operation never
succeeded proves little, so that fails too.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import sockets
import world

HERE = pathlib.Path(__file__).resolve().parent
# How many there are of what a request uses up.
MANY = 300
# A disk that stands still for seconds is a 503 that no document forbids and a check does.
MEMORY = pathlib.Path("/dev/shm")
ROOM = 1 << 30


def free_port():
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


def wait_for(base, server):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if server.poll() is not None:
            sys.exit("contract: the server ended before it was ready")
        try:
            with urllib.request.urlopen(f"{base}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    sys.exit("contract: the server was not ready within 30 s")


def place():
    """Where the data lie: in memory, if there is room."""
    there = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM
    return MEMORY if there else None


def never_succeeded(document, answers):
    """Operations without one answer of success."""
    names = [
        operation["operationId"]
        for methods in document["paths"].values()
        for operation in methods.values()
    ]
    good = {name for name, by_status in answers.items() if any(s.startswith("2") for s in by_status)}
    return [name for name in names if name not in good]


def said_on_sockets(base):
    """Whether sockets carry what asyncapi-ws.json says."""
    mistakes, seen = sockets.check(base)
    for mistake in mistakes:
        print(f"contract: {mistake}")
    print(f"contract: {seen} kinds of frames seen on sockets, {len(mistakes)} mistakes")
    return not mistakes


def contract(base, folder, options):
    made = world.make(base, MANY)
    (folder / "world.json").write_text(json.dumps(made))
    users = [
        {"name": name, "fixedHeaders": [{"name": "Authorization", "value": f"Bearer {token}"}]}
        for name, token in made["tokens"].items()
    ]
    (folder / "auth.json").write_text(json.dumps({"auth": users}))
    answers = folder / "answers.json"
    environment = {
        **os.environ,
        "CONTRACT_WORLD": str(folder / "world.json"),
        "CONTRACT_AUTH": str(folder / "auth.json"),
        "CONTRACT_ANSWERS": str(answers),
        "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"),
        "PYTHONPATH": str(HERE),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")]
    command += ["run", f"{base}/api/docs-json", "--no-color", *options]
    begin = time.monotonic()
    # The folder: schemathesis keeps what it found in its working folder.
    status = subprocess.run(command, env=environment, cwd=folder, check=False).returncode
    counts = json.loads(answers.read_text())
    for name, by_status in sorted(counts.items()):
        print(f"  {name:32} {' '.join(f'{s}:{n}' for s, n in sorted(by_status.items()))}")
    total = sum(sum(by_status.values()) for by_status in counts.values())
    print(f"contract: {total} requests in {time.monotonic() - begin:.0f} s")
    with urllib.request.urlopen(f"{base}/api/docs-json", timeout=10) as answer:
        missed = never_succeeded(json.load(answer), counts)
    if missed:
        print(f"contract: never succeeded: {', '.join(missed)}")
    return status or (1 if missed else 0)


def main():
    binary, options = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    with tempfile.TemporaryDirectory(dir=place()) as name:
        folder = pathlib.Path(name)
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        environment = {
            **os.environ,
            "PORT": str(port),
            "PARLANCE_LIMITS__ENABLED": "false",
            "PARLANCE_AUTH__ARGON2_MEMORY_KIB": "64",
            "PARLANCE_AUTH__ARGON2_ITERATIONS": "1",
        }
        log = folder / "log"
        with log.open("wb") as out:
            server = subprocess.Popen(
                [str(binary)], cwd=folder, env=environment, stdout=out, stderr=subprocess.STDOUT
            )
        try:
            wait_for(base, server)
            spoken = said_on_sockets(base)
            status = contract(base, folder, options) or (0 if spoken else 1)
        finally:
            server.kill()
            server.wait()
            if keep := os.environ.get("CONTRACT_LOG"):
                pathlib.Path(keep).write_bytes(log.read_bytes())
    sys.exit(status)


if __name__ == "__main__":
    main()
