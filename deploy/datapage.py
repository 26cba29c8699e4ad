"""Tables of docs/DATA.md, from the documents in schemas/json that the types of the code make."""

import json
import pathlib

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "schemas/json"
CLASSES = ("identifier", "identity", "content", "activity", "none")


def topics_table():
    """Every topic, as the AsyncAPI document has it."""
    channels = json.loads((FOLDER / "asyncapi-topics.json").read_text())["channels"]
    lines = [
        "| topic | key | written by | read by | order promised | seen before? | kept | partitions: Kafka, embedded | embedded |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, channel in channels.items():
        about = channel["x-parlance"]
        partitions = f"{channel['bindings']['kafka']['partitions']}, {about['partitionsEmbedded']}"
        cells = [f"`{name}`", *(about[word] for word in ("key", "writtenBy", "readBy", "order", "dedupe", "kept"))]
        lines.append(f"| {' | '.join([*cells, partitions, about['embedded']])} |")
    return lines


def headers_table():
    """Headers of an event; those that are there always first."""
    messages = json.loads((FOLDER / "asyncapi-topics.json").read_text())["components"]["messages"]
    headers = messages["chat.message.created"]["headers"]
    lines = ["| header | always | what it is | class |", "|---|---|---|---|"]
    required = headers["required"]
    for name in [*required, *sorted(headers["properties"].keys() - set(required))]:
        header = headers["properties"][name]
        what = header.get("description") or f"`{header['const']}`"
        if name == "ce_type":
            what = "`chat.` and what has happened: the names of the table below."
        lines.append(f"| `{name}` | {'yes' if name in required else ''} | {what} | {header['x-pii']} |")
    return lines


def fields_table():
    """Every type in the value of an event, its fields by class. A field without a class stops it."""
    kinds, types = {}, {}
    for path in sorted((FOLDER / "chat.events").glob("*.schema.json")):
        schema = json.loads(path.read_text())
        kind = path.name.removesuffix(".schema.json")
        for name, part in [(None, schema), *schema.get("$defs", {}).items()]:
            fields = classified(part)
            if not fields:
                continue
            if name is None:
                same = next((known for known, value in kinds.items() if value == fields), None)
                kinds[(*same, kind) if same else (kind,)] = kinds.pop(same) if same else fields
            else:
                types[name] = fields
    lines = [f"| event or type | {' | '.join(CLASSES)} |", "|---" * (len(CLASSES) + 1) + "|"]
    rows = [(", ".join(f"`{kind}`" for kind in names), fields) for names, fields in kinds.items()]
    for name, fields in [*rows, *((f"*{name}*", fields) for name, fields in sorted(types.items()))]:
        cells = [", ".join(f"`{field}`" for field in fields.get(word, [])) for word in CLASSES]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def classified(part):
    """The fields of an object by their class; those that are objects themselves are left to their type."""
    found = {}
    for field, schema in part.get("properties", {}).items():
        if "x-pii" in schema:
            found.setdefault(schema["x-pii"], []).append(field)
    return found
