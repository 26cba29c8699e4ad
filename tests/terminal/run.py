#!/usr/bin/env python3
"""What a person meets in a terminal: starts, stops, what is in the way, a live tail.

    tests/terminal/run.py BINARY

Against the release binary, in an empty folder, as somebody would who has just built it. The dead letters
are in main.rs beside this: poison can only be put on a topic by code.
"""

import json
import os
import pathlib
import re
import select
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid

SOON = 30
TRIES = 6
AT_ONCE_S = 4
CHECKS = []


def check(what, right, shown=""):
    CHECKS.append((what, bool(right)))
    print(f"{'ok' if right else 'FAILED':<7}{what}")
    if not right:
        print(shown)


def free_port():
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return trial.getsockname()[1]


class Terminal:
    """A folder in which commands are called."""

    def __init__(self, binary, folder):
        self.binary, self.folder = binary, folder
        self.port, self.operations = free_port(), free_port()
        self.processes = []
        self.env = {
            "PATH": os.environ["PATH"],
            "PORT": str(self.port),
            "PARLANCE_OPERATIONS__LISTEN": f"127.0.0.1:{self.operations}",
            "PARLANCE_LIMITS__ENABLED": "false",
        }

    def popen(self, *arguments, **more):
        process = subprocess.Popen([self.binary, *arguments], cwd=self.folder, text=True, env=self.env,
                                   stdin=subprocess.DEVNULL, **more)
        self.processes.append(process)
        return process

    def call(self, *arguments, **env):
        return subprocess.run([self.binary, *arguments], cwd=self.folder, text=True, timeout=SOON,
                              env=self.env | env, stdin=subprocess.DEVNULL, capture_output=True)

    def start(self):
        """A server, and the block it greets with."""
        server = self.popen(stderr=subprocess.PIPE)
        lines = Lines(server.stderr)
        return server, lines.until("SECURITY.md")

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def post(self, path, body, token=None):
        # One request, however often it is asked: a slow disk leaves the outcome open now and then.
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.url(f"/api/v1{path}"), json.dumps(body).encode(), headers)
        for number in range(1, TRIES + 1):
            try:
                with urllib.request.urlopen(request, timeout=SOON) as answer:
                    return json.load(answer)["data"]
            except urllib.error.HTTPError as error:
                if error.code != 503 or number == TRIES:
                    raise
                time.sleep(float(error.headers.get("Retry-After") or 1))
        raise AssertionError("the last try returns or raises")


class Lines:
    """Lines of a pipe as they come."""

    def __init__(self, pipe):
        self.pipe, self.text = pipe, ""
        os.set_blocking(pipe.fileno(), False)

    def come(self, part, seconds):
        """Whether it is there, or comes within this time."""
        if part not in self.text and select.select([self.pipe], [], [], seconds)[0]:
            self.text += self.pipe.read() or ""
        return part in self.text

    def until(self, part, count=1):
        deadline = time.monotonic() + SOON
        while self.text.count(part) < count or not self.text.endswith("\n"):
            left = deadline - time.monotonic()
            if left < 0 or not select.select([self.pipe], [], [], left)[0]:
                sys.exit(f"terminal: {part!r} was not printed within {SOON} s:\n{self.text}")
            more = self.pipe.read()
            if more == "":
                sys.exit(f"terminal: ended before it printed {part!r}:\n{self.text}")
            self.text += more or ""
        return self.text


def two_people(terminal):
    """A conversation of two; how the first writes."""
    people = []
    for name in ["alice", "bob"]:
        person = {"username": name, "email": f"{name}@example.org", "password": "violet-kettle-81",
                  "firstName": name.title(), "lastName": "Test"}
        people.append(terminal.post("/auth/register", person)["userId"])
    token = terminal.post("/auth/login", {"identifier": "alice", "password": "violet-kettle-81"})["accessToken"]
    body = {"type": "direct", "participantIds": [people[1]]}
    conversation = terminal.post("/conversations", body, token)["id"]

    def send(content):
        return terminal.post("/messages", {"conversationId": conversation, "content": content}, token)

    return conversation, send


def first_start(terminal):
    server, block = terminal.start()
    lines = block.strip("\n").split("\n")
    check("the first block has at most 14 lines of 80 columns",
          len(lines) <= 14 and all(len(line) <= 80 for line in lines), block)
    check("no colours in a file", "\x1b" not in block, repr(block))
    for part in [f"http://localhost:{terminal.port}/", "/api/docs", f"ws://localhost:{terminal.port}/ws",
                 "new, made just now", f"http://127.0.0.1:{terminal.operations}/metrics", "Ctrl-C"]:
        check(f"the first block tells {part}", part in block, block)
    control = terminal.folder / "data" / "parlance.sock"
    mode = stat.S_IMODE(control.stat().st_mode)
    check("the control socket is for its owner alone", mode == 0o600, oct(mode))
    return server


def in_the_way(terminal, server):
    second = terminal.call()
    check("a second server on the folder is told who has it",
          second.returncode == 1 and f"process {server.pid}" in second.stderr and "data.dir" in second.stderr,
          second.stderr)
    elsewhere = terminal.call(PARLANCE_DATA__DIR="elsewhere")
    check("a port that is taken names who has it, and what to do",
          elsewhere.returncode == 1 and f"process {server.pid} (parlance)" in elsewhere.stderr
          and f"PORT={terminal.port + 1}" in elsewhere.stderr, elsewhere.stderr)


def tail_live(terminal):
    follow = terminal.popen("tail", "events", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    as_json = terminal.popen("tail", "chat.events", "--json", "--from", "earliest", "--limit", "3",
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    lines = Lines(follow.stdout)
    conversation, send = two_people(terminal)
    # Only what comes after it took its place is shown.
    before = 0
    while not lines.come("are you there?", 0.5):
        send("are you there?")
        before += 1
    send("Hello, Bob")
    send("\x1b[31mred\u202e and turned")
    shown = lines.until(f"#{before + 2} alice: ")
    check("two messages are told as they come", f"#{before + 1} alice: Hello, Bob" in shown, shown)
    check("what a user wrote can not steer the terminal", "\x1b" not in shown and "\u202e" not in shown, repr(shown))
    follow.send_signal(signal.SIGINT)
    check("Ctrl-C ends a tail with status 0", follow.wait(SOON) == 0)

    out, errors = as_json.communicate(timeout=SOON)
    records = [json.loads(line) for line in out.splitlines()]
    fields = ["topic", "partition", "offset", "epoch", "at", "key", "headers", "value"]
    check("a JSON line has every field, and nothing else is printed",
          len(records) == 3 and all(list(record) == fields for record in records) and errors == "", out + errors)
    check("a value is the JSON that clients see",
          records[1]["value"]["content"] == "are you there?" and records[1]["headers"]["ce_type"] == "chat.message.created",
          out)

    some = terminal.call("tail", "events", "--from", "10m", "--until-end", "--key", conversation)
    check("the last ten minutes of one conversation", some.stdout.count("message.created") == before + 2, some.stdout)
    none = terminal.call("tail", "events", "--from", "2999-01-01T00:00:00Z", "--until-end")
    check("nothing since a time to come", none.returncode == 0 and none.stdout == "", none.stdout + none.stderr)
    last = terminal.call("tail", "commands", "--from", "latest", "--until-end")
    check("the end is the end", last.returncode == 0 and last.stdout == "", last.stdout + last.stderr)
    return send


def a_reader_that_leaves(terminal, send):
    follow = terminal.popen("tail", "events", "--from", "earliest", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # All there is, so that nothing but the one message below wakes it.
    Lines(follow.stdout).until("turned")
    follow.stdout.close()
    # It learns of it by what it prints next.
    send("one more")
    status = follow.wait(SOON)
    errors = follow.stderr.read()
    check("a reader that leaves ends the tail in peace", status == 0 and errors == "", errors)


def a_slow_reader(terminal, send):
    """A tail that nobody reads does not keep the server from its work."""
    slow = terminal.popen("tail", "outbound", "--json", "--from", "earliest", stdout=subprocess.PIPE)
    slow.stdout.readline()
    begun = time.monotonic()
    for number in range(300):
        send(f"{number} " + "x" * 2_000)
    check("300 messages while a tail is not read", time.monotonic() - begun < SOON)
    slow.terminate()
    check("and it ends at SIGTERM", slow.wait(SOON) == 0)


def refused(terminal):
    unknown = terminal.call("tail", "evnts")
    check("an unknown topic names those there are",
          unknown.returncode == 1 and "chat.events" in unknown.stderr, unknown.stderr)
    wrong = terminal.call("tail", "events", "--from", "yesterday")
    check("a wrong time is a wrong command line", wrong.returncode == 2 and "10m" in wrong.stderr, wrong.stderr)
    partition = terminal.call("tail", "events", "--partition", "8")
    check("a partition too many says how many there are",
          partition.returncode == 1 and "partitions 0 to 7" in partition.stderr, partition.stderr)
    letter = terminal.call("dlq", "show", "7")
    check("a letter that is not there is said so", letter.returncode == 1 and "no letter 7" in letter.stderr,
          letter.stderr)


def killed_and_started(terminal, server):
    server.kill()
    server.wait(SOON)
    here = terminal.call("tail", "events", "--limit", "1")
    check("without a server the folder is read", here.returncode == 0 and "member.added" in here.stdout,
          here.stdout + here.stderr)
    memory = terminal.call("tail", "outbound")
    check("what is in memory only says so", memory.returncode == 1 and "memory" in memory.stderr, memory.stderr)
    server, block = terminal.start()
    check("a start after kill -9 says what it found",
          re.search(r"since \d{4}-\d\d-\d\d, no clean stop, ", block), block)
    list_ = terminal.call("dlq", "list")
    check("the socket that was left is replaced", list_.stdout == "no dead letters\n", list_.stdout + list_.stderr)
    follow = terminal.popen("tail", "events", "--from", "earliest", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    # It has its place: the server answers it.
    follow.stdout.readline()
    server.terminate()
    check("a stop is clean", server.wait(SOON) == 0)
    _, errors = follow.communicate(timeout=SOON)
    check("a tail is told that the server stops", follow.returncode == 1 and "stopping" in errors, errors)
    check("a clean stop takes the socket away", not (terminal.folder / "data" / "parlance.sock").exists())
    server, block = terminal.start()
    check("the next start knows of the clean stop", "clean stop" in block and "nothing to fold again" in block, block)
    server.terminate()
    server.wait(SOON)


def a_stop_with_a_paused_reader(terminal, send):
    server, _ = terminal.start()
    control = terminal.folder / "data" / "parlance.sock"
    follow = terminal.popen("tail", "events", "--json", "--from", "earliest", stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    # As Ctrl-Z does it: it reads its connection no more.
    follow.stdout.readline()
    follow.send_signal(signal.SIGSTOP)
    # More than the connection, the pipe and the lines that wait hold.
    for number in range(500):
        send(f"{number} " + "x" * 4_000)
    begun = time.monotonic()
    server.terminate()
    try:
        status = server.wait(8)
    except subprocess.TimeoutExpired:
        status = None
    check("a paused tail does not hold up a stop", status == 0, f"{status} after {time.monotonic() - begun:.1f} s")
    check("and the socket is gone", not control.exists())
    follow.kill()


def idle_connections(terminal):
    """As many as there may be, silent; what a command is told, and in what time."""
    control = str(terminal.folder / "data" / "parlance.sock")
    idle = [socket.socket(socket.AF_UNIX) for _ in range(32)]
    for connection in idle:
        connection.connect(control)
    begun = time.monotonic()
    list_ = terminal.call("dlq", "list")
    return idle, list_, time.monotonic() - begun


def silent_connections(terminal):
    server, _ = terminal.start()
    idle, list_, took = idle_connections(terminal)
    for _ in range(TRIES):
        if took < AT_ONCE_S:
            break
        # The machine stood still for as long as a connection may be silent: there was room again.
        for connection in idle:
            connection.close()
        idle, list_, took = idle_connections(terminal)
    check("32 silent connections: a command is told so at once",
          took < AT_ONCE_S and list_.returncode == 1 and "too many connections" in list_.stderr,
          f"{list_.stdout}{list_.stderr} after {took:.1f} s")
    # Each is cut off when its time to ask is over.
    cut = [connection for connection in idle if select.select([connection], [], [], SOON)[0]]
    check("they are cut off", len(cut) == 32)
    for connection in idle:
        connection.close()
    list_ = terminal.call("dlq", "list")
    check("then there is room again", list_.stdout == "no dead letters\n", list_.stdout + list_.stderr)
    server.send_signal(signal.SIGSTOP)
    list_ = terminal.call("dlq", "list")
    server.send_signal(signal.SIGCONT)
    check("a suspended server is told as one", list_.returncode == 1 and "does not answer" in list_.stderr,
          list_.stdout + list_.stderr)
    server.terminate()
    check("and goes on after that", server.wait(SOON) == 0)


def words(terminal):
    page = terminal.call("--help")
    check("--help is grouped", all(f"\n{group}:\n" in page.stdout for group in ["Run", "Operate", "Develop"]), page.stdout)
    check("--help fits 100 columns", all(len(line) <= 100 for line in page.stdout.splitlines()))
    for shell in ["bash", "zsh", "fish"]:
        script = terminal.call("completions", shell)
        check(f"completions for {shell}", script.returncode == 0 and "dead letters" in script.stdout or shell == "bash"
              and "dlq" in script.stdout, script.stderr)
    nothing = tempfile.mkdtemp(dir=terminal.folder)
    lost = subprocess.run([terminal.binary, "tail", "events"], cwd=nothing, text=True, capture_output=True,
                          env=terminal.env, timeout=SOON)
    check("a folder without data is not made by looking",
          lost.returncode == 1 and "data.dir" in lost.stderr and not os.listdir(nothing), lost.stderr)


def main():
    binary = pathlib.Path(sys.argv[1]).resolve()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="parlance-terminal-") as folder:
        terminal = Terminal(binary, pathlib.Path(folder))
        words(terminal)
        server = first_start(terminal)
        try:
            in_the_way(terminal, server)
            send = tail_live(terminal)
            a_reader_that_leaves(terminal, send)
            a_slow_reader(terminal, send)
            refused(terminal)
            killed_and_started(terminal, server)
            a_stop_with_a_paused_reader(terminal, send)
            silent_connections(terminal)
        finally:
            for process in terminal.processes:
                process.kill()
                process.wait(SOON)
    failed = [what for what, right in CHECKS if not right]
    print(f"{len(CHECKS) - len(failed)} checks passed, {len(failed)} failed, in {time.monotonic() - begun:.1f} s")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
