#!/usr/bin/env python3
"""Reads `chat.events` as a data team would, and holds every record to what is published about it.

    tests/interop/events.py BROKER TOPIC [LEAST]

`kcat` reads the topic from its beginning to its end; LEAST records must be there (1). Each must be a
CloudEvent in binary mode (Kafka protocol binding 1.0.2: attributes are `ce_` headers, the key names
the subject), its value must satisfy the JSON Schema of its type in schemas/json/chat.events, and in
each conversation `ce_rev` must grow by one. A record may come again after a failure: then with the
same id and the same bytes. Needs kcat, and the package jsonschema.
"""

import collections
import datetime
import json
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import uuid

import jsonschema

SCHEMAS = pathlib.Path(__file__).resolve().parents[2] / "schemas/json/chat.events"
REQUIRED = ("specversion", "id", "source", "type", "subject", "time", "rev")
# The value by its length, then the headers up to a mark: one of them, the audience, is raw bytes.
MARK = b"\n=== end of headers ===\n"
FORMAT = r"%p\t%o\t%k\t%R%s%h\n=== end of headers ===\n"
TEXT_HEADER = re.compile(rb"(?:^|,)(ce_[a-z]+|content-type)=([^,]*)")
SHOWN = 10

Record = collections.namedtuple("Record", "where key headers value")


def read(broker, topic):
    """Every record, each partition in its order."""
    kcat = shutil.which("kcat") or sys.exit("events: kcat is needed (Debian: kcat)")
    command = [kcat, "-C", "-b", broker, "-t", topic, "-o", "beginning", "-e", "-q", "-f", FORMAT]
    done = subprocess.run(command, capture_output=True, check=False, timeout=300)
    if done.returncode != 0:
        sys.exit(f"events: kcat failed:\n{done.stderr.decode(errors='replace')}")
    data, at = done.stdout, 0
    while at < len(data):
        fields = []
        for _ in range(3):
            end = data.index(b"\t", at)
            fields.append(data[at:end].decode())
            at = end + 1
        (length,) = struct.unpack_from(">i", data, at)
        value = data[at + 4 : at + 4 + max(length, 0)]
        at += 4 + max(length, 0)
        end = data.index(MARK, at)
        headers = {name.decode(): text.decode() for name, text in TEXT_HEADER.findall(data[at:end])}
        at = end + len(MARK)
        yield Record(f"partition {fields[0]} offset {fields[1]}", fields[2], headers, value)


def schemas():
    """A validator by type; formats (uuid, date-time) are checked, too."""
    found = {}
    for path in sorted(SCHEMAS.glob("*.schema.json")):
        schema = json.loads(path.read_text())
        kind = jsonschema.validators.validator_for(schema)
        kind.check_schema(schema)
        checker = kind.FORMAT_CHECKER
        found[path.name.removesuffix(".schema.json")] = kind(schema, format_checker=checker)
    return found or sys.exit(f"events: no schemas in {SCHEMAS}")


def attributes(record):
    """What is wrong with the envelope."""
    headers = record.headers
    get = lambda name: headers.get(f"ce_{name}", "")  # noqa: E731
    for name in REQUIRED:
        if not get(name):
            yield f"no header ce_{name}"
            return
    if get("specversion") != "1.0":
        yield f"ce_specversion is {get('specversion')}"
    if headers.get("content-type") != "application/json":
        yield f"content-type is {headers.get('content-type')}"
    if record.key != get("subject"):
        yield f"the key {record.key} is not the subject {get('subject')}"
    if get("id") != f"{get('subject')}/{get('rev')}":
        yield f"ce_id is {get('id')}"
    try:
        uuid.UUID(get("subject"))
        datetime.datetime.fromisoformat(get("time").replace("Z", "+00:00"))
        int(get("rev"))
        int(get("seq") or 0)
    except ValueError as error:
        yield str(error)
    if get("type") == "chat.message.created" and not get("seq"):
        yield "a message without ce_seq"


def values(record, validators):
    """What is wrong with the value."""
    kind = record.headers.get("ce_type", "")
    if kind not in validators:
        yield f"no schema is published for the type {kind!r}"
        return
    try:
        value = json.loads(record.value)
    except ValueError as error:
        yield f"the value is not JSON: {error}"
        return
    for error in validators[kind].iter_errors(value):
        yield f"{kind}: {error.json_path}: {error.message}"


def order(record, last, seen):
    """What is wrong with its place in the conversation."""
    conversation, rev = record.key, int(record.headers.get("ce_rev") or 0)
    before = seen.setdefault((conversation, rev), record.value)
    if before != record.value:
        yield f"rev {rev} of {conversation} came before with other bytes"
    if rev > last[conversation] + 1:
        yield f"rev {rev} of {conversation} comes behind {last[conversation]}"
    last[conversation] = max(last[conversation], rev)


def main(broker, topic, least="1"):
    validators = schemas()
    count, again, wrong, kinds = 0, 0, [], collections.Counter()
    last, seen = collections.Counter(), {}
    for record in read(broker, topic):
        count += 1
        kinds[record.headers.get("ce_type", "no type")] += 1
        again += (record.key, int(record.headers.get("ce_rev") or 0)) in seen
        for check in (attributes(record), values(record, validators), order(record, last, seen)):
            wrong.extend(f"{record.where}: {text}" for text in check)
    told = ", ".join(f"{number} {kind}" for kind, number in sorted(kinds.items()))
    print(f"{count} records of {len(last)} conversations ({told}); {again} came again")
    for text in wrong[:SHOWN]:
        print(f"  {text}")
    if wrong or count < int(least):
        sys.exit(f"events: {len(wrong)} things are wrong; {count} records of at least {least}")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
