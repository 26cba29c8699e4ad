#!/usr/bin/env python3
"""Refuses what would break a client: compares the documents in schemas/json with those published last.

    deploy/breaking.py              fails if anything that was published is gone or means something else
    deploy/breaking.py --publish    makes what is there now what is published (a release does this)

What was published is kept in schemas/json/published, compact. Rules, per direction:

- What we say (answers, events, frames): no field goes, becomes optional or changes its type; no value of
  a list of values goes. Fields, values and types of events may be added: readers ignore what they do
  not know.
- What we are asked (requests): no field, value or type that was taken is refused; no field becomes
  required; no bound becomes tighter.
- No operation, success, topic, frame or event type goes; no public route asks for a token.
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "schemas/json"
PUBLISHED = FOLDER / "published"

ASKED, SAID = "asked", "said"
# Bounds, and which way is tighter.
UPPER = ("maximum", "maxLength", "maxItems", "maxProperties", "exclusiveMaximum")
LOWER = ("minimum", "minLength", "minItems", "minProperties", "exclusiveMinimum")
EVERY = {"string", "number", "integer", "boolean", "object", "array", "null"}


class Side:
    """A document, with what its references lead to."""

    def __init__(self, document):
        self.document = document

    def plain(self, schema):
        """The schema without a reference at its top, and its parts of `allOf` made one."""
        if not isinstance(schema, dict):
            return {}
        seen = dict(schema)
        reference = seen.pop("$ref", None)
        if reference and reference.startswith("#/"):
            target = self.document
            for part in reference[2:].split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            seen = merged(self.plain(target), seen)
        for part in seen.pop("allOf", []):
            seen = merged(seen, self.plain(part))
        return seen


def merged(one, other):
    both = {**one, **other}
    if "properties" in one and "properties" in other:
        both["properties"] = {**one["properties"], **other["properties"]}
        for name in one["properties"].keys() & other["properties"].keys():
            both["properties"][name] = {"allOf": [one["properties"][name], other["properties"][name]]}
    if "required" in one and "required" in other:
        both["required"] = sorted({*one["required"], *other["required"]})
    return both


def alternatives(side, schema):
    """A schema as the list of what it may be."""
    schema = side.plain(schema)
    for word in ("oneOf", "anyOf"):
        # A list of values that are told apart by their texts is one alternative with these values.
        if word in schema and all(narrows(part) for part in schema[word]):
            rest = {key: value for key, value in schema.items() if key != word}
            return [merged(rest, plain) for part in schema[word] for plain in alternatives(side, part)]
    return [schema]


def narrows(part):
    """Whether a part of `anyOf` says what a value is, not only which fields it has."""
    return isinstance(part, dict) and {"$ref", "type", "const", "enum"} & part.keys()


def types(side, schema):
    """The types that a value may have."""
    found = set()
    for plain in alternatives(side, schema):
        given = plain.get("type")
        if given is not None:
            found |= {given} if isinstance(given, str) else set(given)
        elif "const" in plain or "enum" in plain:
            found |= {kind(value) for value in values_of(plain)}
        else:
            found |= EVERY
    return found


def kind(value):
    for name, python in (("null", type(None)), ("boolean", bool), ("integer", int), ("number", float),
                         ("string", str), ("array", list)):
        if isinstance(value, python):
            return name
    return "object"


def values_of(plain):
    return [plain["const"]] if "const" in plain else plain["enum"]


def values(side, schema):
    """The values that are possible, as JSON; none if they are not listed."""
    found = set()
    for plain in alternatives(side, schema):
        if "const" in plain or "enum" in plain:
            found |= {json.dumps(value) for value in values_of(plain)}
        elif plain.get("type") == "null":
            found.add("null")
        else:
            return None
    return found


def fields(side, schema):
    """Fields of an object: of all its alternatives together, and those that each of them requires."""
    known, needed = {}, None
    for plain in alternatives(side, schema):
        if plain.get("type") == "null":
            continue
        known.update(plain.get("properties", {}))
        required = set(plain.get("required", []))
        needed = required if needed is None else needed & required
    return known, needed or set()


class Comparison:
    """Mistakes between two documents."""

    def __init__(self, before, after):
        self.before, self.after = Side(before), Side(after)
        self.mistakes = []
        self.open = set()

    def say(self, where, what):
        if f"{where}: {what}" not in self.mistakes:
            self.mistakes.append(f"{where}: {what}")

    def schema(self, where, before, after, way):
        # Types that contain themselves are compared once.
        key = (json.dumps(before, sort_keys=True), json.dumps(after, sort_keys=True), way)
        if key in self.open:
            return
        self.open.add(key)
        self.types(where, before, after, way)
        self.values(where, before, after, way)
        if way == ASKED:
            self.bounds(where, before, after)
        self.fields(where, before, after, way)
        items = [self.items(side, schema) for side, schema in ((self.before, before), (self.after, after))]
        if items[0] is not None and items[1] is not None:
            self.schema(f"{where}[]", *items, way)
        self.open.discard(key)

    @staticmethod
    def items(side, schema):
        return next((p["items"] for p in alternatives(side, schema) if "items" in p), None)

    def types(self, where, before, after, way):
        old, new = types(self.before, before), types(self.after, after)
        # A whole number is a number.
        wide = new | ({"integer"} if "number" in new else set())
        if way == ASKED and not old <= wide:
            self.say(where, f"{', '.join(sorted(old - wide))} is not taken any more")
        wide = old | ({"integer"} if "number" in old else set())
        if way == SAID and not new <= wide:
            self.say(where, f"may now be {', '.join(sorted(new - wide))}")

    def values(self, where, before, after, way):
        old, new = values(self.before, before), values(self.after, after)
        if old is None:
            if way == ASKED and new is not None:
                self.say(where, "takes listed values only")
        elif new is not None and not old <= new:
            self.say(where, f"the value {', '.join(sorted(old - new))} is gone")

    def bounds(self, where, before, after):
        old, new = self.before.plain(before), self.after.plain(after)
        for word in (*UPPER, *LOWER):
            if word not in new:
                continue
            tighter = word not in old or (old[word] > new[word] if word in UPPER else old[word] < new[word])
            if tighter and ("type" not in old or "type" not in new or old["type"] == new["type"]):
                self.say(where, f"{word} was {old.get(word, 'free')}, is {new[word]}")
        for word in ("pattern", "format"):
            if word in new and new[word] != old.get(word):
                self.say(where, f"{word} was {old.get(word, 'free')}, is {new[word]}")

    def fields(self, where, before, after, way):
        old, needed_before = fields(self.before, before)
        new, needed = fields(self.after, after)
        closed = any(p.get("additionalProperties") is False for p in alternatives(self.after, after))
        for name in old:
            if name not in new:
                if way == SAID or closed:
                    self.say(f"{where}.{name}", "is gone")
                continue
            if way == SAID and name in needed_before - needed:
                self.say(f"{where}.{name}", "may be absent")
            self.schema(f"{where}.{name}", old[name], new[name], way)
        if way == ASKED:
            for name in sorted(needed - needed_before):
                self.say(f"{where}.{name}", "must be given")


def openapi(before, after):
    work = Comparison(before, after)
    for path, methods in before["paths"].items():
        for method, old in methods.items():
            where = f"{method.upper()} {path}"
            new = after["paths"].get(path, {}).get(method)
            if new is None:
                work.say(where, "is gone")
                continue
            if is_public(old) and not is_public(new):
                work.say(where, "asks for a token")
            parameters(work, where, old, new)
            bodies(work, where, old, new)
            answers(work, where, old, new)
    return work.mistakes


def is_public(operation):
    """Whether it answers without a token."""
    return not operation["security"] or {} in operation["security"]


def parameters(work, where, old, new):
    known = {(p["in"], p["name"]): p for p in old.get("parameters", [])}
    now = {(p["in"], p["name"]): p for p in new.get("parameters", [])}
    for key, parameter in known.items():
        if key not in now:
            work.say(f"{where} {key[1]}", "is gone")
        else:
            work.schema(f"{where} {key[1]}", parameter["schema"], now[key]["schema"], ASKED)
    for key, parameter in now.items():
        if parameter["required"] and not known.get(key, {}).get("required"):
            work.say(f"{where} {key[1]}", "must be given")


def bodies(work, where, old, new):
    body, now = old.get("requestBody"), new.get("requestBody")
    if now and now["required"] and not (body and body["required"]):
        work.say(where, "needs a body")
    for media, content in (body or {}).get("content", {}).items():
        if media not in (now or {}).get("content", {}):
            work.say(where, f"takes no {media}")
        else:
            work.schema(f"{where} body", content["schema"], now["content"][media]["schema"], ASKED)


def answers(work, where, old, new):
    for status, answer in old["responses"].items():
        now = new["responses"].get(status)
        if now is None:
            # A refusal that does not come any more breaks nobody.
            if status.startswith("2"):
                work.say(where, f"does not answer {status} any more")
            continue
        if not status.startswith("2"):
            continue
        for media, content in answer.get("content", {}).items():
            if media not in now.get("content", {}):
                work.say(where, f"does not answer {media} any more")
            else:
                work.schema(f"{where} {status}", content["schema"], now["content"][media]["schema"], SAID)


def asyncapi(before, after):
    work = Comparison(before, after)
    for name, channel in before["channels"].items():
        now = after["channels"].get(name)
        if now is None:
            work.say(name, "is gone")
        elif now["address"] != channel["address"]:
            work.say(name, f"was at {channel['address']}, is at {now['address']}")
        else:
            for message in channel["messages"]:
                if message not in now["messages"]:
                    work.say(f"{name} {message}", "is gone")
    taken = {ref["$ref"].split("/")[-1]
             for operation in before["operations"].values() if operation["action"] == "receive"
             for ref in operation.get("messages", [])}
    for name, message in before["components"]["messages"].items():
        now = after["components"]["messages"].get(name)
        way = ASKED if name in taken else SAID
        # Schemas in files of their own are compared as such.
        if now is not None and "schemaFormat" not in message["payload"]:
            work.schema(name, message["payload"], now["payload"], way)
        if now is not None and "headers" in message:
            work.schema(f"{name} header", message["headers"], now.get("headers", {}), way)
    return work.mistakes


def schema_file(before, after):
    work = Comparison(before, after)
    work.schema(before.get("title", ""), before, after, SAID)
    return work.mistakes


def compare(name, before, after):
    if after is None:
        return ["is gone"]
    if "openapi" in before:
        return openapi(before, after)
    return asyncapi(before, after) if "asyncapi" in before else schema_file(before, after)


def documents(folder):
    """Every document in a folder, by its name."""
    return {
        str(path.relative_to(folder)): json.loads(path.read_text())
        for path in sorted(folder.rglob("*.json"))
        if PUBLISHED not in path.parents or folder == PUBLISHED
    }


def publish(now):
    for path in PUBLISHED.rglob("*.json"):
        path.unlink()
    for name, document in now.items():
        path = PUBLISHED / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(document, separators=(",", ":"), ensure_ascii=False) + "\n")


def main():
    # Not above: the tests import this module.
    sys.dont_write_bytecode = True
    import breaking_test

    breaking_test.run()
    now = documents(FOLDER)
    if "--publish" in sys.argv[1:]:
        publish(now)
    published = documents(PUBLISHED)
    mistakes = [
        f"{name}: {mistake}"
        for name, before in published.items()
        for mistake in compare(name, before, now.get(name))
    ]
    for mistake in mistakes:
        print(mistake)
    print(f"breaking: {len(published)} published documents, {len(mistakes)} breaking changes")
    sys.exit(1 if mistakes or not published else 0)


if __name__ == "__main__":
    main()
