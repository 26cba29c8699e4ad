"""What a socket carries, against schemas/json/asyncapi-ws.json: every request once, every frame looked at."""

import json
import pathlib
import time

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from websockets.sync.client import connect

import world

# What a server says that could not settle it in its time: it is asked again. All that is asked here may be.
UNSETTLED = {"overloaded", "outcome_unknown"}
FOLDER = pathlib.Path(__file__).resolve().parent.parent.parent / "schemas/json"


def closed(schema):
    """Readers ignore fields that they do not know; here a frame with one is a mistake."""
    if isinstance(schema, list):
        return [closed(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {key: closed(value) for key, value in schema.items()}
    if isinstance(inner.get("properties"), dict) and inner.get("type") == "object":
        inner.setdefault("additionalProperties", False)
    return inner


def retrieve(uri):
    """A document that another one refers to, by its path."""
    found = closed(json.loads((FOLDER / uri.removeprefix("file:///")).read_text()))
    return Resource.from_contents(found, default_specification=DRAFT202012)


class Socket:
    """A socket whose every frame, in and out, must be as described."""

    def __init__(self, base, token):
        document = json.loads((FOLDER / "asyncapi-ws.json").read_text())
        self.messages = document["components"]["messages"]
        self.registry = Registry(retrieve=retrieve)
        self.seen, self.number, self.mistakes = set(), 0, []
        self.link = connect(base.replace("http", "ws") + "/ws", subprotocols=["parlance.v1"])
        self.ask("auth", {"token": token})

    def look(self, name, frame):
        """Compares a frame with its description."""
        self.seen.add(name)
        if name not in self.messages:
            self.mistakes.append(f"{name} is not described: {str(frame)[:200]}")
            return
        # Its references are relative to the folder.
        schema = {"$id": "file:///asyncapi-ws.json", **closed(self.messages[name]["payload"])}
        for mistake in Draft202012Validator(schema, registry=self.registry).iter_errors(frame):
            where = "/".join(map(str, mistake.path))
            self.mistakes.append(f"{name} {where}: {mistake.message[:200]}")

    def ask(self, kind, data=None, last="answer"):
        """Sends a request and takes what comes until its answer; what is left open is asked again."""
        for pause in (0, 1, 1, 2, 5):
            time.sleep(pause)
            told = self.once(kind, data, last)
            if told["ok"] or told["error"]["code"] not in UNSETTLED:
                break
        assert told["ok"], f"{kind}: {told}"
        return told.get("data")

    def once(self, kind, data, last):
        self.number += 1
        frame = {"id": str(self.number), "type": kind}
        if data is not None:
            frame["data"] = data
        # A frame may have the same type; then the request has another name.
        named = f"{kind}.request"
        self.look(named if named in self.messages else kind, frame)
        self.link.send(json.dumps(frame))
        deadline = time.monotonic() + 10
        while True:
            told = self.take(deadline, kind)
            if told.get("id") == str(self.number) and told.get("type", "answer") == last:
                return told

    def take(self, deadline, kind=""):
        told = json.loads(self.link.recv(timeout=max(0.0, deadline - time.monotonic())))
        name = told.get("type") or (f"{kind}.answer" if told["ok"] else "refused")
        self.look(name, told)
        return told

    def until(self, name):
        """Takes what comes until a frame of this type was there."""
        deadline = time.monotonic() + 10
        while name not in self.seen:
            self.take(deadline)


def connected(base, who):
    """A socket that says who it is in its handshake."""
    return connect(base.replace("http", "ws") + "/ws", additional_headers={"Authorization": f"Bearer {who.token}"})


def check(base):
    """Every request and, as far as they can be brought about, every frame; the mistakes."""
    people = {name: world.person(base, name) for name in ("sam", "tess", "uma")}
    sam, tess = (world.Api(base, world.session(base, n)["accessToken"]) for n in ("sam", "tess"))
    socket = Socket(base, sam.token)
    group = sam.group([people["tess"]])
    socket.until("conversation.added")
    socket.ask("ping")
    mine = socket.ask("message.send", {"conversationId": group, "content": "hi", "clientMessageId": "1"})
    mine = mine["id"]
    yours = tess.send(group)
    socket.ask("message.edit", {"messageId": mine, "content": "hi there"})
    socket.ask("message.react", {"messageId": yours, "emoji": "👍"})
    socket.ask("message.unreact", {"messageId": yours, "emoji": "👍"})
    socket.ask("message.read", {"messageId": yours})
    socket.ask("conversation.read", {"conversationId": group})
    socket.ask("delivered", {"conversations": {group: 2}})
    socket.ask("activity", {})
    socket.ask("presence.update", {"status": "away", "customStatus": "here"})
    socket.ask("presence.subscribe", {"userIds": [people["tess"], people["uma"]]})
    socket.ask("presence.unsubscribe", {"userIds": [people["uma"]]})
    socket.ask("typing", {"conversationId": group})
    with connected(base, tess) as other:
        asked = {"id": "1", "type": "typing", "data": {"conversationId": group}}
        other.send(json.dumps(asked))
        for name in ("typing", "presence"):
            socket.until(name)
    socket.ask("message.delete", {"messageId": mine})
    socket.ask("sync", {"conversations": {group: 0, "00000000-0000-4000-8000-000000000000": 1}, "feed": 0}, "sync.done")
    sam.call("PUT", f"/conversations/{group}", {"name": "Another name"})
    sam.call("POST", f"/conversations/{group}/participants", {"userIds": [people["uma"]]})
    sam.call("PUT", f"/conversations/{group}/participants/{people['uma']}", {"role": "admin"})
    sam.call("DELETE", f"/conversations/{group}/participants/{people['uma']}")
    tess.post(f"/conversations/{group}/read")
    sam.call("PUT", "/users/me", {"bio": "Here"})
    sam.call("DELETE", f"/conversations/{group}")
    for name in ("receipt", "user.updated", "conversation.deleted", "conversation.removed"):
        socket.until(name)
    greeted = connected(base, sam)
    socket.look("welcome", json.loads(greeted.recv(timeout=10)))
    # Not at will: a refusal, a slow reader's frame.
    missing = set(socket.messages) - socket.seen - {"refused", "resync"}
    return socket.mistakes + [f"{name} was never seen" for name in sorted(missing)], len(socket.seen)
