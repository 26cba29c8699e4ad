"""People, conversations and messages on a running server, for requests that need real ids."""

import itertools
import json
import time
import urllib.error
import urllib.request
import uuid

PASSWORD = "violet-kettle-81-tram"
NUMBER = itertools.count()
TRIES = 6


class Api:
    """The REST API, as one caller."""

    def __init__(self, base, token=None):
        self.base = base
        self.token = token

    def call(self, method, path, body=None):
        # One request, however often it is asked: a slow disk leaves the outcome open now and then.
        headers = {"Content-Type": "application/json", "Idempotency-Key": str(uuid.uuid4())}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.base}/api/v1{path}", data=data, headers=headers, method=method
        )
        for number in range(1, TRIES + 1):
            try:
                with urllib.request.urlopen(request, timeout=10) as answer:
                    return json.load(answer)["data"]
            except urllib.error.HTTPError as error:
                if error.code != 503 or number == TRIES:
                    raise SystemExit(f"{method} {path}: {error.code} {error.read().decode()}") from error
                time.sleep(float(error.headers.get("Retry-After") or 1))
        raise AssertionError("the last try returns or ends")

    def post(self, path, body=None):
        return self.call("POST", path, body)

    def direct(self, other):
        """A direct conversation: its id."""
        return self.post("/conversations", {"type": "direct", "participantIds": [other]})["id"]

    def group(self, others):
        """A new group: its id."""
        body = {"type": "group", "participantIds": others, "name": f"Group {next(NUMBER)}"}
        return self.post("/conversations", body)["id"]

    def send(self, conversation):
        """A new message: its id."""
        body = {"conversationId": conversation, "content": f"Hello {next(NUMBER)}"}
        return self.post("/messages", body)["id"]


def person(base, name):
    """A new account: its id."""
    form = {
        "username": name,
        "email": f"{name}@example.org",
        "password": PASSWORD,
        "firstName": name.capitalize(),
        "lastName": "Ames",
    }
    return Api(base).post("/auth/register", form)["userId"]


def session(base, name):
    """New tokens of an account."""
    return Api(base).post("/auth/login", {"identifier": name, "password": PASSWORD})


def stranger(base):
    """A token of an account that nobody else uses."""
    name = f"stranger{next(NUMBER)}"
    person(base, name)
    return session(base, name)["accessToken"]


def make(base, many):
    """A world of its own; what the hooks need of it. What one request uses up is there `many` times."""
    names = ("alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi", "ivan")
    people = {name: person(base, name) for name in names}
    tokens = {name: session(base, name)["accessToken"] for name in ("alice", "bob")}
    alice, bob = Api(base, tokens["alice"]), Api(base, tokens["bob"])
    others = [people[name] for name in ("bob", "carol", "dave")]

    new = [people[name] for name in ("heidi", "ivan")]
    blocked = [people[name] for name in ("erin", "frank", "grace")]

    groups = [alice.group(others) for _ in range(3)]
    direct = [alice.direct(other) for other in others]
    conversations = direct + groups
    of = {conversation: [alice.send(conversation) for _ in range(3)] for conversation in conversations}
    for conversation in groups:
        of[conversation] += [bob.send(conversation) for _ in range(3)]
    for sent in of.values():
        for message in sent:
            alice.post(f"/messages/{message}/reactions", {"emoji": "👍"})
    messages = [message for sent in of.values() for message in sent]

    alices = [alice.send(groups[0]) for _ in range(10)]
    used_up = [alice.send(groups[0]) for _ in range(many)]
    left = [alice.group(others) for _ in range(many)]
    return {
        "base": base,
        "tokens": tokens,
        "me": people["alice"],
        # By the name of the schema that asks for one.
        "ids": {"UserId": others, "ConversationId": conversations, "MessageId": messages},
        # With one's notes: a conversation of one.
        "direct": direct + [alice.call("GET", "/conversations/self")["id"]],
        # Messages of each conversation.
        "of": of,
        # For operations that could not succeed with these, or would use up what others need.
        "own": {
            "editMessage": {"MessageId": alices},
            "deleteMessage": {"MessageId": used_up},
            "changeConversation": {"ConversationId": groups},
            "deleteConversation": {"ConversationId": left[0::5]},
            "leaveConversation": {"ConversationId": left[1::5]},
            "removeParticipant": {"ConversationId": left[2::5]},
            "changeParticipant": {"ConversationId": left[3::5]},
            "addParticipants": {"ConversationId": left[4::5], "UserId": new},
            "blockUser": {"UserId": blocked},
            "unblockUser": {"UserId": blocked},
        },
        # Requests that must succeed, by operation.
        "examples": {
            "login": [{"identifier": "erin", "password": PASSWORD}],
            "refresh": [{"refreshToken": session(base, "erin")["refreshToken"]} for _ in range(3)],
            "changePassword": [{"currentPassword": PASSWORD, "newPassword": PASSWORD + "-line"}],
        },
    }
