"""docs/examples, each against what its page promises of it."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
import uuid

LIMIT_S = 30
TRIES = 6


def call(url, method, path, body=None, token=None):
    # One request, however often it is asked: a slow disk leaves the outcome open now and then.
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{url}/api/v1/{path}", data, headers, method=method)
    for number in range(1, TRIES + 1):
        try:
            with urllib.request.urlopen(request, timeout=LIMIT_S) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            if error.code != 503 or number == TRIES:
                raise
            time.sleep(float(error.headers.get("Retry-After") or 1))
    raise AssertionError("the last try returns or raises")


def person(url, name):
    username = f"{name}-{uuid.uuid4().hex[:8]}"
    names = {"firstName": name, "lastName": "Ames"}
    account = {"username": username, "email": f"{username}@example.org", "password": "violet-kettle-81", **names}
    user = call(url, "POST", "auth/register", account)["userId"]
    signed_in = call(url, "POST", "auth/login", {"identifier": username, "password": account["password"]})
    return user, signed_in["accessToken"]


def output(command, environment, folder, **more):
    """What a program prints; it has to end well."""
    done = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True, timeout=LIMIT_S,
                          check=False, **more)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def want(condition, what):
    if not condition:
        sys.exit(f"docs/examples: {what}")


class Follower:
    """A run of follow.py. Each line that it prints is taken as it comes."""

    def __init__(self, environment, folder):
        self.process = subprocess.Popen([sys.executable, "docs/examples/follow.py", "cursors.json"], cwd=folder,
                                        env=environment, text=True, stdout=subprocess.PIPE)
        # What never comes must not be waited for.
        self.alarm = threading.Timer(LIMIT_S, self.process.kill)
        self.alarm.start()

    def messages(self):
        events = map(json.loads, self.process.stdout)
        return (event["seq"] for event in events if event["type"] == "message.created")

    def until(self, wanted):
        """The messages that it shows, up to one with this number."""
        seen = []
        for seq in self.messages():
            seen.append(seq)
            if seq == wanted:
                return seen
        return sys.exit(f"docs/examples: follow.py ended after {seen}, before message {wanted}")

    def kill(self):
        """kill -9; what it had shown by then is given back."""
        self.alarm.cancel()
        self.process.kill()
        self.process.wait()
        return list(self.messages())


def followed(server, environment, folder, bob, conversation, alice):
    """Killed three times while messages come: each of 40 is shown once and in order, but for the one at a kill."""
    def send(first, last):
        for number in range(first, last + 1):
            body = {"conversationId": conversation, "content": f"text {number}", "clientMessageId": f"m-{number}"}
            call(server.url, "POST", "messages", body, alice)

    seen, environment = [], {**environment, "TOKEN": bob}
    for last in (10, 20, 30, 40):
        send(last - 9, last - 5)  # while nobody follows
        follower = Follower(environment, folder)
        seen += follower.until(last - 5)
        send(last - 4, last)  # live
        seen += follower.until(last if last == 40 else last - 2)
        seen += follower.kill()
    once = [seq for at, seq in enumerate(seen) if at == 0 or seq != seen[at - 1]]
    want(once == list(range(1, 41)), f"follow.py showed {seen}")
    want(len(seen) <= 43, f"follow.py showed more than the one at a kill again: {seen}")


def sent(server, environment, folder, alice, conversation):
    """The first try of send.py meets somebody who hangs up: it goes on until the server is there, once."""
    server.kill()
    environment = {**environment, "TOKEN": alice, "CONVERSATION": conversation}
    with socket.create_server(("127.0.0.1", server.port)) as nobody:
        nobody.settimeout(LIMIT_S)
        sender = subprocess.Popen([sys.executable, "docs/examples/send.py", "sent in the end"], cwd=folder,
                                  env=environment, text=True, stdout=subprocess.PIPE)
        nobody.accept()[0].close()
    server.start()
    told, _ = sender.communicate(timeout=60)
    want(told.strip() == "message 41 of the conversation: sent in the end", f"send.py printed {told!r}")
    page = call(server.url, "GET", f"conversations/{conversation}/messages?limit=2", token=alice)["messages"]
    want([message["seq"] for message in page] == [40, 41], f"send.py left {page}")


def node():
    """Node with a WebSocket of its own: 22, or 20 that is asked for it."""
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout
    major = int(re.match(r"v(\d+)", version)[1]) if version else 0
    want(major >= 20, f"node is {version or 'not there'}: 20 or newer is needed")
    return ["node"] if major >= 22 else ["node", "--experimental-websocket", "--no-warnings"]


def people(server, environment, folder):
    """The examples for app developers."""
    _, alice = person(server.url, "Alice")
    bob_id, bob = person(server.url, "Bob")
    conversation = call(server.url, "POST", "conversations", {"type": "direct", "participantIds": [bob_id]}, alice)["id"]
    followed(server, environment, folder, bob, conversation, alice)
    sent(server, environment, folder, alice, conversation)
    hello = output([*node(), os.path.join(os.path.realpath(folder / "docs"), "examples/hello.mjs")], environment, folder)
    want(hello.strip() == "message 1: Hello, Bob true", f"hello.mjs printed {hello!r}")
    print("docs/examples: follow.py, send.py, hello.mjs")


def events(environment, folder):
    """The examples for data teams: the consumer accepts what is there, refuses what is not as published."""
    tail = ["parlance", "tail", "chat.events", "--json", "--from", "earliest", "--until-end"]
    lines = output(tail, environment, folder).splitlines()
    consumer = [sys.executable, "docs/examples/consumer.py"]
    plain = output(consumer, environment, folder, input="\n".join(lines))
    want(int(plain.split()[0]) == len(lines) > 40, f"{len(lines)} lines, and the consumer says {plain!r}")
    twice = output(consumer, environment, folder, input="\n".join(lines + lines))
    want(twice == plain, f"what comes again is to be passed over: {twice!r} instead of {plain!r}")
    wrong = next(json.loads(line) for line in lines if "message.created" in line)
    wrong["value"]["content"] = None
    done = subprocess.run(consumer, cwd=folder, env=environment, text=True, capture_output=True, input=json.dumps(wrong),
                          timeout=LIMIT_S, check=False)
    want(done.returncode != 0 and "ValidationError" in done.stderr, "the consumer takes a message without text")
    daily = output(["bash", "docs/examples/daily.sh"], environment, folder)
    messages = len({line for line in lines if '"ce_type":"chat.message.created"' in line})
    want(re.search(rf"│\s+{messages} │", daily), f"{messages} messages, and daily.sh printed\n{daily}")
    print("docs/examples: consumer.py, daily.sh")
