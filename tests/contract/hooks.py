"""What schemathesis can not know: ids that exist, and rules that JSON Schema can not say.

Requests that are to succeed get real ids: wherever a request asks for an id, its schema is narrowed
to those of the world before the document is loaded. Answers are checked by the published schemas.
"""

import atexit
import collections
import copy
import itertools
import json
import os

import schemathesis

import world as worlds

with open(os.environ["CONTRACT_WORLD"], encoding="utf-8") as file:
    WORLD = json.load(file)

# Operations that end the session they are called with, or its account.
ENDING = {"logout", "changePassword", "deleteAccount"}
# Operations on messages that must not be deleted.
LIVING = {"editMessage", "forwardMessage", "pin", "pinIn", "react", "sendMessage", "unpin", "unpinIn"}
# Operations on groups and channels.
OF_MANY = {"addParticipants", "changeConversation", "changeParticipant", "leaveConversation", "removeParticipant"}
# Messages that were deleted by now.
DELETED = set()
# Answers by operation and status, written at the end of the run.
ANSWERS = collections.defaultdict(collections.Counter)
NUMBER = itertools.count()


def narrowed(schema, document, own):
    """A copy of a request's schema, its references resolved, its ids those of the world."""
    if isinstance(schema, list):
        return [narrowed(part, document, own) for part in schema]
    if not isinstance(schema, dict):
        return schema
    name = schema.get("$ref", "").removeprefix("#/components/schemas/")
    if name:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        ids = own.get(name) or WORLD["ids"].get(name)
        target = document["components"]["schemas"][name]
        resolved = {**target, "enum": ids} if ids else narrowed(target, document, own)
        return {**resolved, **rest}
    return {key: narrowed(value, document, own) for key, value in schema.items()}


@schemathesis.hook
def before_load_schema(context, raw_schema):
    document = copy.deepcopy(raw_schema)
    for schema in raw_schema["components"]["schemas"].values():
        # Readers ignore fields that they do not know; here an answer with one is a mistake.
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    for methods in raw_schema["paths"].values():
        for operation in methods.values():
            name = operation["operationId"]
            own = WORLD["own"].get(name.removesuffix("_patch"), {})
            for parameter in operation.get("parameters", []):
                parameter["schema"] = narrowed(parameter["schema"], document, own)
            if "requestBody" not in operation:
                continue
            content = operation["requestBody"]["content"]["application/json"]
            content["schema"] = narrowed(content["schema"], document, own)
            examples = WORLD["examples"].get(name.removesuffix("_patch"))
            if examples:
                content["examples"] = {str(n): {"value": body} for n, body in enumerate(examples)}


def operation_id(case):
    """Which operation; PATCH is PUT."""
    return case.operation.definition.raw["operationId"].removesuffix("_patch")


@schemathesis.hook
def before_call(context, case, kwargs):
    name = operation_id(case)
    if case.meta is None or not case.meta.generation.mode.is_negative:
        settle(name, case)
    bearer = f"Bearer {WORLD['tokens']['alice']}"
    if name in ENDING and case.headers and case.headers.get("Authorization") == bearer:
        case.headers["Authorization"] = f"Bearer {worlds.stranger(WORLD['base'])}"


def settle(name, case):
    """Brings a request that is to succeed in line with what no schema can say."""
    body = case.body if isinstance(case.body, dict) else {}
    query, path = case.query or {}, case.path_parameters or {}
    if case.headers and "Idempotency-Key" in case.headers:
        # Another request has another one.
        case.headers["Idempotency-Key"] = f"{next(NUMBER)}{case.headers['Idempotency-Key']}"[:128]
    if body.get("clientMessageId"):
        body["clientMessageId"] = f"{next(NUMBER)}{body['clientMessageId']}"[:128]
    for place, field in ((path, "id"), (path, "messageId"), (body, "replyToId")):
        # What was taken back is not to be edited, answered, reacted to, pinned.
        if name in LIVING and place.get(field) in DELETED:
            place[field] = next(m for m in WORLD["ids"]["MessageId"] if m not in DELETED)
    if name == "register":
        body["username"] = f"{next(NUMBER)}{body['username']}"[:50]
        local, _, domain = body["email"].rpartition("@")
        body["email"] = f"{next(NUMBER)}{local[:50]}@{domain}"
        # Guessable ones are refused.
        body["password"] = ("kettle-81-Tram" + body["password"])[:128]
    if name == "changePassword":
        body["newPassword"] = ("kettle-81-Tram" + body["newPassword"])[:128]
    if name == "sendMessage" and body.get("type") and body.get("messageType"):
        # One field under two names.
        del body["messageType"]
    for field in ("metadata", "notificationSettings"):
        # Bounded in bytes.
        if len(json.dumps(body.get(field), ensure_ascii=False).encode()) > 2_000:
            body[field] = {"large": True}
    if name == "changePresence" and body.get("customStatusExpiresAt"):
        # A time to come.
        body["customStatusExpiresAt"] = "2099-01-01T00:00:00.000Z"
    if name in OF_MANY and path.get("id") in WORLD["direct"]:
        path["id"] = WORLD["own"][name]["ConversationId"][-1]
    if name == "openConversation" and WORLD["me"] in body["participantIds"]:
        body["participantIds"] = WORLD["ids"]["UserId"][:1]
    if name == "blockUser" and path.get("id") == WORLD["me"]:
        path["id"] = WORLD["own"]["blockUser"]["UserId"][0]
    if "after" in query and ("before" in query or "beforeMessageId" in query):
        # Of the two ways to say where a page lies, one.
        del query["after"]
    if str(query.get("beforeMessageId")) in WORLD["ids"]["MessageId"]:
        # Of the conversation that is asked for.
        conversation = query.get("conversationId") or path.get("id")
        query["beforeMessageId"] = WORLD["of"].get(str(conversation), [""])[-1]


@schemathesis.hook
def after_call(context, case, response):
    if operation_id(case) == "deleteMessage" and response.status_code == 200:
        DELETED.add(case.path_parameters["id"])
    ANSWERS[case.operation.definition.raw["operationId"]][response.status_code] += 1


@atexit.register
def tell():
    with open(os.environ["CONTRACT_ANSWERS"], "w", encoding="utf-8") as file:
        json.dump(ANSWERS, file)
