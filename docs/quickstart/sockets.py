"""Alice sends over her socket; Bob's socket shows it. Needs `pip install websockets`.

ALICE_TOKEN, BOB_TOKEN and CONVERSATION come from the quick start in the README.
"""
import json, os
from websockets.sync.client import connect

URL = os.environ.get("PARLANCE_URL", "http://localhost:3000").replace("http", "ws", 1) + "/ws"
CONVERSATION = os.environ["CONVERSATION"]

def request(socket, id, type, data):
    socket.send(json.dumps({"id": id, "type": type, "data": data}))

def until(socket, wanted):
    """Prints frames until one is wanted."""
    while True:
        frame = json.loads(socket.recv(timeout=10))
        print(json.dumps(frame))
        if wanted(frame):
            return frame

def sign_in(socket, token):
    request(socket, "0", "auth", {"token": token})
    assert until(socket, lambda f: f.get("id") == "0")["ok"]

with connect(URL, subprotocols=["parlance.v1"]) as alice, \
        connect(URL, subprotocols=["parlance.v1"]) as bob:
    sign_in(alice, os.environ["ALICE_TOKEN"])
    sign_in(bob, os.environ["BOB_TOKEN"])
    mine = "socket-" + os.urandom(6).hex()
    request(alice, "1", "message.send", {"conversationId": CONVERSATION, "clientMessageId": mine,
                                         "type": "text", "content": "Hello over a socket"})
    answer = until(alice, lambda f: f.get("id") == "1")
    assert answer["ok"], answer
    event = until(bob, lambda f: f.get("type") == "message.created"
                  and f["data"]["clientMessageId"] == mine)
    assert (event["seq"], event["rev"]) == (answer["data"]["seq"], answer["data"]["rev"])
    assert event["data"]["content"] == "Hello over a socket"
    print("received as message", event["seq"], "of the conversation")
