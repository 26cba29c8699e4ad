"""Holds tables that people write to the documents and the code, so that they can not lie.

docs/MIGRATING.md:
- A route that is called served is in schemas/json/openapi.json, one that is *not yet* is not, and every route
  of that document is in the table, once. `PATCH` goes with `PUT`; `* /path` stands for all routes below it.
- A frame that stands for an event of the predecessor is in schemas/json/asyncapi-ws.json.
- The environment names that are taken, and those that `parlance doctor` names, are those of the code.

docs/APPS.md: every error code is told what to do about, once. Its tables of rates and of first limits are made here.
"""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent
MIGRATING = ROOT / "docs/MIGRATING.md"
APPS = ROOT / "docs/APPS.md"
SERVED = ("served", "differs", "new")
FIRST = ("CONTENT_CHARS", "METADATA_BYTES", "BODY_BYTES", "CLIENT_ID_CHARS", "PAGE_MAX", "MEMBERS_PER_COMMAND", "GROUP_MEMBERS",
         "SOCKET_FRAMES_PER_SECOND", "SOCKETS_PER_USER", "SYNC_CHANGES")
RATE = re.compile(r"^(\w+) = \{ burst = (\d+), per_minute = (\d+) \} +# (.+)$", re.M)
ROUTE = re.compile(r"`(GET|POST|PUT|PATCH|DELETE|\*) (/[^`\s]*)`")
PARAMETER = re.compile(r":\w+|\{\w+\}")


def rows(text, name):
    """Cells of the rows between two marks, without the head."""
    _, mark, rest = text.partition(f"<!-- {name}:begin -->")
    table, end, _ = rest.partition(f"<!-- {name}:end -->")
    if not (mark and end):
        raise SystemExit(f"lint: the marks of {name} are gone")
    lines = [line for line in table.splitlines() if line.startswith("| ")]
    found = [[cell.strip() for cell in line.strip("| \n").split(" | ")] for line in lines[1:]]
    if not found:
        raise SystemExit(f"lint: no rows in {name}")
    return found


def plain(method, path):
    return f"{method} {PARAMETER.sub('{}', path)}"


def described():
    """Routes of the OpenAPI document, without the twins of PUT."""
    paths = json.loads((ROOT / "schemas/json/openapi.json").read_text())["paths"]
    found = set()
    for path, methods in paths.items():
        if path.startswith("/api/v1"):
            found |= {plain(method.upper(), path.removeprefix("/api/v1")) for method in methods
                      if method in ("get", "post", "put", "patch", "delete")}
    return {route for route in found
            if not (route.startswith("PATCH ") and f"PUT {route.removeprefix('PATCH ')}" in found)}


def routes(text):
    served, told = described(), set()
    for cells in rows(text, "routes"):
        status = cells[1]
        for method, path in ROUTE.findall(cells[0]):
            route = plain(method, path)
            if route in told:
                yield f"{route} is there twice"
            told.add(route)
            below = method == "*" and [one for one in served if one.split(" ")[1].startswith(path)]
            if status == "not yet":
                if route in served or below:
                    yield f"{route} is called not yet, and openapi.json has it"
            elif status not in SERVED:
                yield f"{route}: the status is {status!r}"
            elif route not in served:
                yield f"{route} is called {status}, and openapi.json has no such route"
    for route in sorted(served - told):
        yield f"{route} is in openapi.json, and not in the table"


def frames(text):
    messages = json.loads((ROOT / "schemas/json/asyncapi-ws.json").read_text())["components"]["messages"]
    for cells in rows(text, "events"):
        for frame in re.findall(r"`([a-z.]+)`", cells[1]):
            if frame not in messages:
                yield f"there is no frame {frame}"


def environment(text):
    source = (ROOT / "platform/src/config/predecessor.rs").read_text()
    taken = set(re.findall(r'var\("([A-Z_]+)"\)', source))
    _, _, rest = source.partition("const WITHOUT_EFFECT")
    refused = set(re.findall(r'"([A-Z_]+)"', rest.partition("\n];")[0]))
    told = {word: set() for word in ("taken", "no effect")}
    for cells in rows(text, "environment"):
        told.setdefault(cells[1], set()).update(re.findall(r"`([A-Z_]+)`", cells[0]))
    for word, names in (("taken", taken), ("no effect", refused)):
        for name in sorted(names ^ told[word]):
            yield f"{name}: the table and platform/src/config/predecessor.rs differ about {word!r}"


def codes(text):
    """Every code of schemas/src/error.rs has its row, once."""
    source = (ROOT / "schemas/src/error.rs").read_text()
    there = re.findall(r'^ +\w+ "(\w+)" \d+ (?:true|false);$', source, re.M)
    told = [code for cells in rows(text, "codes") for code in re.findall(r"`(\w+)`", cells[0])]
    for code in sorted({*there, *told}):
        if told.count(code) != 1 or code not in there:
            yield f"the code {code} is told {told.count(code)} times, and is in error.rs {there.count(code)} times"


def rates_table():
    """The classes of limits.*, as docs/CONFIGURATION.md has their defaults."""
    found = RATE.findall((ROOT / "docs/CONFIGURATION.md").read_text())
    if len(found) < 7:
        raise SystemExit("lint: docs/CONFIGURATION.md: the rates can not be read")
    lines = ["| class | for | at once | a minute |", "|---|---|---|---|"]
    return [*lines, *(f"| `{name}` | {about} | {int(burst):,} | {int(rate):,} |" for name, burst, rate, about in found)]


def first_table(limits):
    """The rows of the table of limits that an app meets first."""
    chosen = [next(row for row in limits if f"`{name}`" in row) for name in FIRST]
    return ["| limit | value | unit |", "|---|---|---|", *(row.rsplit("|", 2)[0] + "|" for row in chosen)]


def mistakes():
    moving, apps = MIGRATING.read_text(), APPS.read_text()
    found = [(MIGRATING, text) for check in (routes, frames, environment) for text in check(moving)]
    found += [(APPS, text) for text in codes(apps)]
    return [f"docs/{page.name}: {text}" for page, text in found]
