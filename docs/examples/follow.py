"""Prints every event of a user, once and in order, however often it is ended and started again: how far it
came is kept in a file. TOKEN: an access token.     pip install websockets     follow.py CURSORS.json"""
import json, os, pathlib, sys
from websockets.sync.client import connect

FILE = pathlib.Path(sys.argv[1])
cursors = json.loads(FILE.read_text()) if FILE.exists() else {"conversations": {}, "feed": 0}
known = cursors["conversations"]  # the last rev of each conversation

def numbered(frame):
    """What a frame holds of conversations and of the feed."""
    if frame.get("type") == "sync.changes":
        return frame["data"]
    return [] if frame.get("type", "sync.").startswith("sync.") or not frame.keys() & {"rev", "feed"} else [frame]

def handle(event):
    """Takes the next number, passes over what came before; whether something is missing."""
    feed = "feed" in event
    place, name, number = (cursors, "feed", event["feed"]) if feed else (known, event["conversationId"], event["rev"])
    if number != place.get(name, 0) + 1:
        return number > place.get(name, 0)  # a gap, or a conversation that the feed has not told of yet
    print(json.dumps(event), flush=True)  # here your program does its work
    place[name] = number
    data = event["data"]
    if event["type"] == "conversation.added":
        known.setdefault(data["conversationId"], data["rev"])
    elif event["type"] == "conversation.removed":
        known.pop(data["conversationId"], None)
    FILE.with_suffix(".new").write_text(json.dumps(cursors))
    FILE.with_suffix(".new").replace(FILE)  # after the work: a crash in between repeats one, and loses none
    return event["type"] == "conversation.added"  # what came before the entry was passed over

URL = os.environ.get("PARLANCE_URL", "http://localhost:3000").replace("http", "ws", 1) + "/ws"
with connect(URL, subprotocols=["parlance.v1"]) as socket:
    def ask(kind, data):
        socket.send(json.dumps({"id": kind, "type": kind, "data": data}))
    ask("auth", {"token": os.environ["TOKEN"], "cursors": cursors})
    missing, syncing = False, True
    for frame in map(json.loads, socket):
        kind = frame.get("type")
        if frame.get("id") == "auth" and frame.get("ok") is False:
            sys.exit(frame["error"]["message"])
        if kind == "sync.reset" and frame.get("removed"):
            known.pop(frame["conversationId"], None)
        elif kind == "sync.reset":  # too much was missed: read what is on screen over REST, go on from here
            if "feed" in frame:
                cursors["feed"] = frame["feed"]
            else:
                known[frame["conversationId"]] = frame["rev"]
        for event in numbered(frame):
            missing |= handle(event)
        missing |= kind == "resync" or kind == "sync.done" and not frame["ok"]
        syncing &= kind != "sync.done"
        if missing and not syncing:
            ask("sync", cursors)
            missing, syncing = False, True
