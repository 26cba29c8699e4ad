#!/usr/bin/env python3
"""The project's own small checks; `deploy/lint.py --write` brings generated tables up to date.

- No Rust file is longer than 500 lines.
- No tracked text names a folder of one particular machine.
- Relative links in Markdown lead to files that exist.
- The README's quick start is the one that docs/quickstart/curl.sh runs.
- The tables of errors, limits, frames and close codes in docs/API.md and docs/PROTOCOL.md are those of the
  code; so are those of docs/DATA.md and docs/APPS.md, and what docs/MIGRATING.md says of routes, frames and names.
- A code block that names a file (`<!-- file: examples/x -->` before it) is that file, word for word.
"""

import json
import pathlib
import re
import subprocess
import sys

import datapage
import pages

ROOT = pathlib.Path(__file__).resolve().parent.parent
LONGEST = 500
MACHINE = re.compile(r"(?<![\w.\-/])/(?:work|root)/")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def tracked():
    """Files under version control, new ones included; without git, all but build output."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if found.returncode == 0:
        paths = [ROOT / name for name in found.stdout.decode().split("\0") if name]
    else:
        skip = {"target", "data", ".git"}
        paths = [p for p in ROOT.rglob("*") if not skip & set(p.relative_to(ROOT).parts)]
    return sorted(p for p in paths if p.is_file())


def between(text, begin, end, where):
    """The text between two marks, without them."""
    head, mark, rest = text.partition(begin)
    middle, other, tail = rest.partition(end)
    if not (mark and other):
        sys.exit(f"lint: {where}: the marks {begin!r} and {end!r} are gone")
    return head + mark, middle, other + tail


def complete(lines, rows, name):
    """Stops if rows of the source were not understood: a table must not lose them in silence."""
    if rows < 10 or len(lines) - 2 != rows:
        sys.exit(f"lint: schemas/src/{name}: {len(lines) - 2} of {rows} rows can be read")


def errors_table():
    source = (ROOT / "schemas/src/error.rs").read_text()
    row = re.compile(r'^ +/// (.+)\n +\w+ "(\w+)" (\d+) (true|false);$', re.M)
    lines = ["| code | status | retryable | meaning |", "|---|---|---|---|"]
    for meaning, code, status, retryable in row.findall(source):
        yes = "yes" if retryable == "true" else "no"
        lines.append(f"| `{code}` | {status} | {yes} | {meaning} |")
    complete(lines, len(re.findall(r'^ +\w+ "\w+" \d+ \w+;', source, re.M)), "error.rs")
    return lines


def limits_table():
    source = (ROOT / "schemas/src/limits.rs").read_text()
    row = re.compile(r'((?:^ +/// .+\n)+) +(\w+): \w+ = (.+), "(.+)";$', re.M)
    lines = ["| limit | value | unit | name in `schemas::limits` |", "|---|---|---|---|"]
    for comment, name, value, unit in row.findall(source):
        meaning = " ".join(line.strip(" /") for line in comment.strip().split("\n"))
        plain = value.replace("_", "")
        number = f"{int(plain):,}" if plain.isdigit() else value
        lines.append(f"| {meaning} | {number} | {unit} | `{name}` |")
    complete(lines, len(re.findall(r"^ +\w+: \w+ =", source, re.M)), "limits.rs")
    return lines


def closes_table():
    source = (ROOT / "delivery/src/protocol/close.rs").read_text()
    row = re.compile(r'((?:^/// .+\n)+)pub\(crate\) const \w+: Close = close\((\d+), "(.*)"\);$', re.M)
    lines = ["| code | reason | meaning |", "|---|---|---|"]
    rows = row.findall(source)
    for comment, code, reason in sorted(rows, key=lambda row: row[1]):
        meaning = " ".join(line.strip(" /") for line in comment.strip().split("\n"))
        # Without a reason it is never sent.
        if reason:
            lines.append(f"| {code} | {reason} | {meaning} |")
    unsent = sum(not reason for *_, reason in rows)
    declared = re.findall(r"^pub\(crate\) const \w+: Close = ", source, re.M)
    complete(lines, len(declared) - unsent, "close.rs")
    return lines


def frames_table():
    """What a socket carries, from the document that describes it."""
    document = json.loads((ROOT / "schemas/json/asyncapi-ws.json").read_text())
    messages = document["components"]["messages"]
    requests = [n for n, op in document["operations"].items() if op["action"] == "receive"]
    typed = [n for n in messages if "type" in messages[n]["payload"]["required"]]
    others = [n for n in typed if n not in requests]
    lines = ["| frame | from | numbered by | meaning |", "|---|---|---|---|"]
    for names, sender in ((requests, "client"), (others, "server")):
        for name in names:
            fields = messages[name]["payload"]["required"]
            number = next((f"`{field}`" for field in ("rev", "feed") if field in fields), "")
            lines.append(f"| `{name}` | {sender} | {number} | {messages[name]['summary']} |")
    return lines


def generated(write):
    """Mistakes in the generated parts of the docs; none after writing."""
    mistakes = []
    for page, tables in (
        ("docs/API.md", {"errors": errors_table(), "limits": limits_table()}),
        ("docs/PROTOCOL.md", {"frames": frames_table(), "closes": closes_table()}),
        ("docs/DATA.md", {"topics": datapage.topics_table(), "headers": datapage.headers_table(),
                          "fields": datapage.fields_table()}),
        ("docs/APPS.md", {"rates": pages.rates_table(), "first": pages.first_table(limits_table())}),
    ):
        path = ROOT / page
        text = path.read_text()
        for name, table in tables.items():
            marks = (f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->")
            head, _, tail = between(text, *marks, page)
            text = head + "\n".join(table) + "\n" + tail
        if text == path.read_text():
            continue
        if write:
            path.write_text(text)
        else:
            mistakes.append(f"{page}: a table differs from the code: run deploy/lint.py --write")
    return mistakes


def quick_start(write):
    """Whether the README shows the commands that the quick-start test runs."""
    script = (ROOT / "docs/quickstart/curl.sh").read_text()
    _, commands, _ = between(script, "# quickstart:begin\n", "# quickstart:end", "curl.sh")
    path = ROOT / "README.md"
    marks = ("<!-- quickstart:begin -->\n", "<!-- quickstart:end -->")
    head, shown, tail = between(path.read_text(), *marks, "README.md")
    wanted = f"```bash\n{commands}```\n"
    if shown == wanted:
        return []
    if write:
        path.write_text(head + wanted + tail)
        return []
    return ["README.md: the quick start differs from curl.sh: run deploy/lint.py --write"]


SHOWN = re.compile(r"(<!-- file: (\S+) -->\n```\w+\n)(.*?)(```\n)", re.S)


def shown_files(write):
    """Whether a page shows a file as it is, without the comments that it opens with."""
    mistakes = []
    for path in sorted((ROOT / "docs").glob("*.md")):

        def as_it_is(found):
            text = (path.parent / found[2]).read_text()
            return found[1] + re.sub(r"\A(#.*\n)+\n*", "", text) + found[4]

        text = path.read_text()
        wanted = SHOWN.sub(as_it_is, text)
        if wanted != text and write:
            path.write_text(wanted)
        elif wanted != text:
            mistakes.append(f"docs/{path.name}: a file is another than is shown: run deploy/lint.py --write")
    return mistakes


def main():
    write = "--write" in sys.argv[1:]
    mistakes = generated(write) + quick_start(write) + shown_files(write) + pages.mistakes()
    for path in tracked():
        name = path.relative_to(ROOT)
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        lines = text.count("\n")
        if path.suffix == ".rs" and lines > LONGEST:
            mistakes.append(f"{name}: {lines} lines; split it (at most {LONGEST})")
        for number, line in enumerate(text.split("\n"), 1):
            if MACHINE.search(line):
                mistakes.append(f"{name}:{number}: a path of one machine")
        if path.suffix == ".md":
            for link in LINK.findall(text):
                if "://" in link or link.startswith("mailto:"):
                    continue
                if not (path.parent / link).exists():
                    mistakes.append(f"{name}: the link {link} leads nowhere")
    for mistake in mistakes:
        print(mistake)
    print(f"lint: {len(mistakes)} mistakes")
    sys.exit(1 if mistakes else 0)


if __name__ == "__main__":
    main()
