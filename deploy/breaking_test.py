"""Tests of breaking.py, which runs them first: a checker that sees nothing finds nothing."""

import copy

import breaking

USER = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "bio": {"type": ["string", "null"]},
        "role": {"oneOf": [{"const": "owner", "type": "string"}, {"const": "member", "type": "string"}]},
        "age": {"type": "integer"},
    },
    "required": ["id", "role"],
}
FORM = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "maxLength": 50},
        "kind": {"enum": ["a", "b"]},
        "note": {"type": ["string", "null"]},
    },
    "required": ["name"],
}
DOCUMENT = {
    "openapi": "3.1.0",
    "paths": {
        "/users": {
            "post": {
                "security": [{"bearer": []}],
                "parameters": [
                    {"in": "query", "name": "page", "required": False, "schema": {"type": "integer", "minimum": 1}}
                ],
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Form"}}},
                },
                "responses": {
                    "201": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "properties": {"data": {"$ref": "#/components/schemas/User"}},
                                    "required": ["data"],
                                }
                            }
                        }
                    },
                    "400": {"content": {"application/json": {"schema": {}}}},
                },
            },
            "get": {"security": [], "responses": {"200": {}}},
        }
    },
    "components": {"schemas": {"User": USER, "Form": FORM}},
}
EVENTS = {
    "asyncapi": "3.0.0",
    "channels": {
        "ws": {"address": "/ws", "messages": {"send": {}, "made": {}}},
    },
    "operations": {"send": {"action": "receive", "messages": [{"$ref": "#/channels/ws/messages/send"}]}},
    "components": {"messages": {"send": {"payload": FORM}, "made": {"payload": USER}}},
}


def post(document):
    return document["paths"]["/users"]["post"]


def form(document):
    return document["components"]["schemas"]["Form"]


def user(document):
    return document["components"]["schemas"]["User"]


def change(base, what):
    changed = copy.deepcopy(base)
    what(changed)
    return breaking.compare("document", base, changed)


# What breaks a client, and what is said of it.
BREAKS = [
    (lambda d: d["paths"].pop("/users"), "is gone"),
    (lambda d: d["paths"]["/users"].pop("get"), "GET /users: is gone"),
    (lambda d: d["paths"]["/users"]["get"].update(security=[{"bearer": []}]), "asks for a token"),
    (lambda d: post(d)["parameters"].clear(), "page: is gone"),
    (lambda d: post(d)["parameters"][0].update(required=True), "page: must be given"),
    (lambda d: post(d)["parameters"][0]["schema"].update(minimum=2), "minimum was 1, is 2"),
    (lambda d: post(d)["parameters"].append({"in": "query", "name": "x", "required": True, "schema": {}}), "x: must be given"),
    (lambda d: post(d)["responses"].pop("201"), "does not answer 201"),
    (lambda d: user(d)["properties"].pop("bio"), "data.bio: is gone"),
    (lambda d: user(d)["required"].remove("id"), "data.id: may be absent"),
    (lambda d: user(d)["properties"].update(id={"type": "integer"}), "data.id: may now be integer"),
    (lambda d: user(d)["properties"].update(id={"type": ["string", "null"]}), "data.id: may now be null"),
    (lambda d: user(d)["properties"]["role"]["oneOf"].pop(), 'the value "member" is gone'),
    (lambda d: form(d)["properties"].pop("note"), "body.note: is gone"),
    (lambda d: form(d)["required"].append("kind"), "body.kind: must be given"),
    (lambda d: form(d)["properties"]["kind"].update(enum=["a"]), 'the value "b" is gone'),
    (lambda d: form(d)["properties"].update(note={"type": "string"}), "null is not taken any more"),
    (lambda d: form(d)["properties"]["name"].update(maxLength=49), "maxLength was 50, is 49"),
    (lambda d: form(d)["properties"]["name"].update(pattern="^a"), "pattern was free"),
    (lambda d: form(d)["properties"].update(name={"enum": ["x"], "type": "string"}), "takes listed values only"),
]
# What breaks nobody.
KEEPS = [
    lambda d: None,
    lambda d: d["paths"].update({"/more": {"get": {"security": [], "responses": {}}}}),
    lambda d: post(d)["responses"].pop("400"),
    lambda d: post(d)["parameters"].append({"in": "query", "name": "x", "required": False, "schema": {}}),
    lambda d: post(d)["parameters"][0]["schema"].update(minimum=0),
    lambda d: user(d)["properties"].update(more={"type": "string"}),
    lambda d: user(d)["required"].append("age"),
    lambda d: user(d)["properties"].update(bio={"type": "string"}),
    lambda d: user(d)["properties"]["role"]["oneOf"].append({"const": "admin", "type": "string"}),
    lambda d: form(d)["properties"].update(more={"type": "string"}),
    lambda d: form(d)["required"].clear(),
    lambda d: form(d)["properties"]["kind"]["enum"].append("c"),
    lambda d: form(d)["properties"]["name"].update(maxLength=51),
    lambda d: form(d)["properties"].update(name={"type": ["string", "null"], "maxLength": 50}),
]
EVENT_BREAKS = [
    (lambda d: d["channels"].pop("ws"), "ws: is gone"),
    (lambda d: d["channels"]["ws"].update(address="/socket"), "is at /socket"),
    (lambda d: d["channels"]["ws"]["messages"].pop("made"), "made: is gone"),
    (lambda d: d["components"]["messages"]["made"]["payload"]["properties"].pop("bio"), "made.bio: is gone"),
    (lambda d: d["components"]["messages"]["send"]["payload"]["required"].append("kind"), "send.kind: must be given"),
]


def run():
    for base, cases in ((DOCUMENT, BREAKS), (EVENTS, EVENT_BREAKS)):
        for number, (what, said) in enumerate(cases):
            found = change(base, what)
            assert any(said in mistake for mistake in found), f"break {number}: {said!r} not in {found}"
    for number, what in enumerate(KEEPS):
        found = change(DOCUMENT, what)
        assert not found, f"keep {number}: {found}"
    gone = breaking.compare("a.schema.json", USER, None)
    assert gone == ["is gone"], gone
    narrower = {**USER, "properties": {**USER["properties"], "id": {"type": "integer"}}}
    assert breaking.compare("a.schema.json", USER, narrower)
