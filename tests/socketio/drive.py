#!/usr/bin/env python3
"""Every event of API.md 11.2 to 11.4 by python-socketio, with threads and with asyncio, on both transports.

Run by run.py, which says where two nodes are. Each check is a function; one that fails says what had come.
"""

import asyncio
import concurrent.futures
import itertools
import json
import os
import sys
import threading
import time
import traceback
import urllib.error
import urllib.request
import uuid

import socketio

NODES = os.environ["PARLANCE_NODES"].split()
PASSWORD = "violet-kettle-81"
PATIENCE = 10
# An offline that is told waits for whoever comes back at once.
GRACE = 5
# With these codes nothing was done, or nobody knows: engines that stall cost a repetition, and not a test.
AGAIN = ("overloaded", "outcome_unknown")
TRIES, TRIES_S = 5, 30
NUMBER = itertools.count(int.from_bytes(os.urandom(4)))
WAYS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}


def again(code, tries, since):
    """Whether to ask once more, behind so many tries since then."""
    return code in AGAIN and tries < TRIES and time.monotonic() - since < TRIES_S


def named(payload):
    """A message with an id of its client's, so that it may come again."""
    if isinstance(payload, dict) and isinstance(payload.get("message"), dict):
        return {**payload, "message": {"clientMessageId": str(uuid.uuid4()), **payload["message"]}}
    return payload


class Person:
    """Somebody who has signed in."""

    def __init__(self, name):
        self.username = f"{name}_{next(NUMBER):x}"
        form = {"username": self.username, "email": f"{self.username}@example.org", "password": PASSWORD,
                "firstName": name, "lastName": "Test"}
        self.token = None
        self.id = self.call("POST", "/auth/register", form)["userId"]
        tokens = self.call("POST", "/auth/login", {"identifier": self.username, "password": PASSWORD})
        self.token, self.refresh = tokens["accessToken"], tokens["refreshToken"]

    def call(self, method, path, body=None, node=0):
        """Asks until it is known what became of it, under one key: what comes again is done once."""
        headers, since = {"Content-Type": "application/json"}, time.monotonic()
        if method != "GET":
            headers["Idempotency-Key"] = str(uuid.uuid4())
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{NODES[node]}/api/v1{path}", data=data, headers=headers, method=method)
        for tries in itertools.count(1):
            try:
                with urllib.request.urlopen(request, timeout=20) as answer:
                    return json.load(answer)["data"]
            except urllib.error.HTTPError as error:
                told = error.read().decode()
                if error.code != 503 or not again(json.loads(told).get("code"), tries, since):
                    raise AssertionError(f"{method} {path}: {error.code} {told}") from error
                time.sleep(float(error.headers.get("Retry-After", 1)))

    def direct(self, other):
        return self.call("POST", "/conversations", {"type": "direct", "participantIds": [other.id]})["id"]

    def say(self, conversation, content):
        return self.call("POST", "/messages", {"conversationId": conversation, "content": content})["id"]


def holds(value, part):
    if isinstance(part, dict):
        return isinstance(value, dict) and all(holds(value.get(key), inner) for key, inner in part.items())
    return value == part


class Phone:
    """A client with threads that remembers everything that it was told."""

    here = threading.local()

    def __init__(self, who, way="websocket", node=0, namespace="/", auth=None):
        self.log, self.news, self.namespace = [], threading.Condition(), namespace
        self.client = socketio.Client(reconnection_delay=0.1)
        self.client.on("*", self.note, namespace=namespace)
        self.client.on("connect_error", lambda data=None: self.note("connect_error", data), namespace=namespace)
        self.opened().append(self)
        auth = {"token": who.token} if auth is None else auth
        self.client.connect(NODES[node], auth=auth, transports=WAYS[way], namespaces=[namespace], wait_timeout=PATIENCE)

    @classmethod
    def opened(cls):
        """Those of the check that this thread runs."""
        if not hasattr(cls.here, "phones"):
            cls.here.phones = []
        return cls.here.phones

    def note(self, event, data=None):
        with self.news:
            self.log.append((event, data))
            self.news.notify_all()

    def all(self, event, part=None):
        return [data for name, data in self.log if name == event and (part is None or holds(data, part))]

    def heard(self, event, part=None, wait=PATIENCE):
        deadline = time.monotonic() + wait
        with self.news:
            while not self.all(event, part):
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"no {event} {part}; came: {self.log[-8:]}")
                self.news.wait(left)
            return self.all(event, part)[0]

    def ask(self, event, payload=None):
        """Asks until it is known what became of it, as applications do: the last acknowledgement."""
        payload, since = named(payload) if event == "message:send" else payload, time.monotonic()
        for tries in itertools.count(1):
            ack = self.client.call(event, payload, namespace=self.namespace, timeout=PATIENCE)
            if not again(ack.get("code"), tries, since):
                return ack
            time.sleep(ack.get("retryAfterMs", 1_000) / 1_000)

    def good(self, event, *payload):
        ack = self.ask(event, *payload)
        assert ack["success"] is True, (event, payload, ack)
        return ack

    def close(self):
        self.client.disconnect()


def pair():
    alice, bob = Person("alice"), Person("bob")
    return alice, bob, alice.direct(bob)


def fence(speaker, conversation, *phones):
    message = speaker.say(conversation, "fence")
    for phone in phones:
        phone.heard("message:new", {"id": message})


def messages(way):
    """11.2 and 11.3 about messages, exactly once."""
    alice, bob, direct = pair()
    a, b = Phone(alice, way), Phone(bob, way, node=1)
    assert a.heard("connected")["userId"] == alice.id
    b.good("conversation:join", {"conversationId": direct})
    message = {"conversationId": direct, "content": "Hello", "messageType": "text"}
    sent = a.good("message:send", {"userId": bob.id, "message": message})["data"]
    assert sent["senderId"] == alice.id
    for phone in (a, b):
        assert phone.heard("message:new", {"id": sent["id"]})["content"] == "Hello"
    reaction = b.good("message:react", {"messageId": sent["id"], "reaction": {"emoji": "👍"}})["data"]
    assert reaction["userId"] == bob.id, reaction
    for event in ("message:reaction", "message:reaction:added"):
        a.heard(event, {"messageId": sent["id"], "conversationId": direct, "reaction": {"emoji": "👍"}})
    b.good("message:read", {"messageId": sent["id"]})
    receipt = a.heard("message:read:receipt", {"messageId": sent["id"], "userId": bob.id, "conversationId": direct})
    assert receipt["readAt"], receipt
    bob.call("DELETE", f"/messages/{sent['id']}/reactions/%F0%9F%91%8D")
    a.heard("message:reaction:removed", {"messageId": sent["id"], "userId": bob.id, "emoji": "👍"})
    alice.call("PUT", f"/messages/{sent['id']}", {"content": "Hello again"})
    b.heard("message:updated", {"id": sent["id"], "content": "Hello again"})
    alice.call("POST", f"/messages/{sent['id']}/pin")
    b.heard("message:pinned", {"conversationId": direct, "messageId": sent["id"]})
    alice.call("DELETE", f"/messages/{sent['id']}/pin")
    b.heard("message:unpinned", {"conversationId": direct, "messageId": sent["id"]})
    alice.call("DELETE", f"/messages/{sent['id']}")
    b.heard("message:deleted", {"messageId": sent["id"], "conversationId": direct})
    b.good("conversation:leave", {"conversationId": direct})
    fence(alice, direct, a, b)
    for phone in (a, b):
        ids = [data["id"] for data in phone.all("message:new")]
        assert len(ids) == len(set(ids)) == 2, ids


def presence(way):
    """Presence on the main namespace."""
    alice, bob, _ = pair()
    b = Phone(bob, way, node=1)
    a = Phone(alice, way)
    b.heard("presence:update", {"userId": alice.id, "status": "online"})
    a.good("presence:update", {"status": "do_not_disturb", "customStatus": "Deep work"})
    b.heard("presence:update", {"userId": alice.id, "status": "do_not_disturb", "customStatus": "Deep work"})
    carol = Person("carol")
    c = Phone(carol, way, node=1)
    assert c.good("presence:subscribe", {"userIds": [alice.id]})["subscribedCount"] == 1
    batch = c.heard("presence:batch")
    assert holds(batch[0], {"userId": alice.id, "status": "do_not_disturb"}), batch
    assert c.good("presence:unsubscribe", {"userIds": [alice.id]})["unsubscribedCount"] == 1
    a.client.emit("heartbeat")
    a.close()
    b.heard("presence:update", {"userId": alice.id, "status": "offline"}, GRACE + PATIENCE)


def namespace(way):
    """11.4."""
    alice, bob, direct = pair()
    a, b = Phone(alice, way, namespace="/presence"), Phone(bob, way, node=1, namespace="/presence")
    for phone in (a, b):
        phone.good("conversation:join", {"conversationId": direct})
    a.good("activity:ping")
    a.good("typing:start", {"conversationId": direct, "isTyping": True})
    for phone in (a, b):
        phone.heard("typing:start", {"userId": alice.id, "conversationId": direct})
    a.good("typing:stop", {"conversationId": direct, "isTyping": False})
    for phone in (a, b):
        phone.heard("typing:stop", {"userId": alice.id, "conversationId": direct})
    a.good("presence:update", {"status": "do_not_disturb"})
    told = b.heard("presence:update", {"userId": alice.id, "status": "do_not_disturb"})
    assert "lastSeenAt" in told and "customStatus" in told, told
    assert isinstance(a.ask("presence:update", {"status": "dancing"}).get("error"), str)
    a.good("conversation:leave", {"conversationId": direct})


def typing(way):
    """Typing on the main namespace."""
    alice, bob, direct = pair()
    a, b, beside = Phone(alice, way), Phone(bob, way, node=1), Phone(bob, way)
    for phone in (a, b, beside):
        phone.good("conversation:join", {"conversationId": direct})
    a.good("typing:start", {"conversationId": direct})
    assert b.heard("typing:start", {"userId": alice.id, "conversationId": direct})["username"] == alice.username
    a.good("typing:stop", {"conversationId": direct})
    # What the node of her own socket had to say was said there, and before the answer to what is asked now.
    for phone in (b, beside):
        phone.heard("typing:stop", {"userId": alice.id, "conversationId": direct})
    a.good("heartbeat")
    assert beside.all("typing:start") and not a.all("typing:start")


def calls(way):
    """Call signalling."""
    alice, bob, _ = pair()
    a, b, call = Phone(alice, way), Phone(bob, way, node=1), str(uuid.uuid4())
    a.good("call:join", {"callId": call})
    b.good("call:join", {"callId": call})
    a.heard("call:participant:joined", {"callId": call, "userId": bob.id})
    for event, payload, came in (
        ("call:offer", {"targetUserId": bob.id, "offer": {"sdp": "o"}}, ("call:offer:received", {"offer": {"sdp": "o"}})),
        ("call:answer", {"targetUserId": bob.id, "answer": {"sdp": "a"}}, ("call:answer:received", {"answer": {"sdp": "a"}})),
        ("call:ice-candidate", {"targetUserId": bob.id, "candidate": {"c": 1}}, ("call:ice-candidate:received", {"candidate": {"c": 1}})),
        ("call:media:toggle", {"mediaType": "video", "enabled": True}, ("call:media:toggled", {"mediaType": "video", "enabled": True})),
        ("call:screen:start", {}, ("call:screen:started", {})),
        ("call:screen:stop", {}, ("call:screen:stopped", {})),
        ("call:leave", {}, ("call:participant:left", {"userId": alice.id})),
    ):
        a.good(event, {"callId": call, **payload})
        name, part = came
        b.heard(name, {"callId": call, **part})


def refusals(way):
    """Reasons of `connect_error`, exceptions, unknown events, binary arguments, an ended session."""
    alice, bob, direct = pair()
    for place in ("/", "/presence"):
        for auth, words in (({}, "Authentication token required"), ({"token": "x"}, "Invalid authentication token")):
            try:
                Phone(alice, way, namespace=place, auth=auth)
            except socketio.exceptions.ConnectionError:
                refused = Phone.opened()[-1]
                told = json.dumps(refused.all("connect_error"))
                assert words in told, told
            else:
                raise AssertionError(f"{auth} was let in")
    stranger = Phone(Person("mallory"), way)
    stranger.client.emit("message:send", {"message": {"conversationId": direct, "content": "x"}})
    assert stranger.heard("exception")["status"] == "error"
    assert stranger.ask("no:such:event", {"a": 1})["code"] == "unsupported"
    b = Phone(bob, way, node=1)
    refused = b.ask("message:send", {"message": {"conversationId": direct, "content": b"\x00\x01"}})
    assert refused["success"] is False, refused
    b.good("message:send", {"message": {"conversationId": direct, "content": "text"}})
    alice.call("POST", "/auth/logout", {"refreshToken": alice.refresh})
    try:
        Phone(alice, way)
    except socketio.exceptions.ConnectionError:
        return
    raise AssertionError("an ended session was let in")


async def eventually(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


async def asyncio_client(way):
    """The client for asyncio, with both namespaces on one connection."""
    alice, bob, direct = await asyncio.to_thread(pair)
    client, came = socketio.AsyncClient(), []
    for place in ("/", "/presence"):
        client.on("*", lambda event, data=None, place=place: came.append((place, event, data)), namespace=place)
    await client.connect(NODES[1], auth={"token": bob.token}, transports=WAYS[way], namespaces=["/", "/presence"],
                         wait_timeout=PATIENCE)

    async def good(event, payload=None, place="/"):
        payload, since = named(payload) if event == "message:send" else payload, time.monotonic()
        for tries in itertools.count(1):
            ack = await client.call(event, payload, namespace=place, timeout=PATIENCE)
            if not again(ack.get("code"), tries, since):
                assert ack["success"] is True, ack
                return
            await asyncio.sleep(ack.get("retryAfterMs", 1_000) / 1_000)

    try:
        for place in ("/", "/presence"):
            await good("conversation:join", {"conversationId": direct}, place)
        message = await asyncio.to_thread(alice.say, direct, "hello")
        new = ("/", "message:new")
        await eventually(lambda: any(one[:2] == new and one[2]["id"] == message for one in came), "message:new")
        await good("message:send", {"message": {"conversationId": direct, "content": "hi"}})
        await eventually(lambda: sum(one[:2] == new for one in came) == 2, "one's own message")
        assert not [one for one in came if one[0] == "/presence" and one[1].startswith("message")], came
        await good("activity:ping", place="/presence")
    finally:
        await client.disconnect()


def passed(name, check):
    """Runs one."""
    began, good = time.monotonic(), True
    try:
        check()
        print(f"ok      python {name} ({time.monotonic() - began:.1f} s)", flush=True)
    except Exception:  # whatever it is, the other checks go on
        good = False
        print(f"FAILED  python {name}\n{traceback.format_exc()}", flush=True)
    while Phone.opened():
        Phone.opened().pop().close()
    return good


def main():
    checks = [(f"{check.__name__} {way}", lambda check=check, way=way: check(way))
              for check in (messages, presence, namespace, typing, calls, refusals) for way in WAYS]
    checks += [(f"asyncio {way}", lambda way=way: asyncio.run(asyncio_client(way))) for way in WAYS]
    checks = [one for one in checks if not sys.argv[1:] or any(word in one[0] for word in sys.argv[1:])]
    with concurrent.futures.ThreadPoolExecutor(3) as threads:
        good = list(threads.map(lambda one: passed(*one), checks))
    print(f"python-socketio: {len(good)} checks, {good.count(False)} failed", flush=True)
    # Threads of clients that are still trying to come back do not keep the process.
    os._exit(0 if good and all(good) else 1)


if __name__ == "__main__":
    main()
