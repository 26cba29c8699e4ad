#!/usr/bin/env python3
"""Runs what the pages of docs/ show, and docs/examples, so that no page shows what does not work.

    tests/docs/run.py BINARY                 on the embedded engines, in a folder of its own
    tests/docs/run.py kafka BROKER TOPIC     the blocks of docs/ that need Kafka, on this topic

A fenced block behind `<!-- run -->` is run by bash, in an empty folder beside a server that was just started.
What it prints has to be the block behind `<!-- prints -->` that follows, in which `…` is any text of a line.
A block behind `<!-- run: WORD -->` needs something: `server` is run without another server, `kafka` on Kafka.
`python`, `parlance` and PARLANCE_URL are this interpreter, BINARY and the server. Needs the packages websockets,
jsonschema, duckdb and confluent-kafka, and Node 20 or newer.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import examples
from server import Server, free_ports

ROOT = pathlib.Path(__file__).resolve().parents[2]
BLOCK = re.compile(
    r"<!-- run(?:: (?P<needs>\w+))? -->\n```bash\n(?P<code>(?:(?!```).*\n)+)```\n"
    r"(?:(?:(?!```|<!--).*\n)*<!-- prints -->\n```text\n(?P<prints>(?:(?!```).*\n)+)```\n)?"
)
LIMIT_S = 300  # of a block; deploy/test limits the whole
LEAST = 3  # blocks that run beside a server: a test that finds none tests nothing


def blocks(needs):
    """Page, code and wanted output of each block that needs this."""
    for page in sorted((ROOT / "docs").glob("*.md")):
        for found in BLOCK.finditer(page.read_text()):
            if found["needs"] == needs:
                yield page.name, found["code"], found["prints"]


def run(page, code, prints, environment, folder):
    """Runs a block; its output has to be what the page says."""
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", code], cwd=folder, env=environment, text=True,
                          capture_output=True, timeout=LIMIT_S, check=False)
    shown = f"docs/{page}: this block\n{code}--- ended with {done.returncode} and printed\n{done.stdout}{done.stderr}"
    if done.returncode != 0:
        sys.exit(shown)
    wanted = None if prints is None else re.escape(prints.strip()).replace("…", ".*")
    if wanted is not None and not re.fullmatch(wanted, done.stdout.strip()):
        sys.exit(f"{shown}--- instead of\n{prints}")
    print(f"docs/{page}: {code.splitlines()[-1][:80]}")


def tools(folder, binary=None):
    """An environment in which `python` and `parlance` are those of this run, and the pages' paths lead here."""
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    (bin_folder / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (bin_folder / "python").chmod(0o755)
    if binary:
        (bin_folder / "parlance").symlink_to(binary)
    for name in ("docs", "schemas", "web"):
        (folder / name).symlink_to(ROOT / name)
    clean = {name: text for name, text in os.environ.items() if not name.startswith("PARLANCE_")}
    return {**clean, "PATH": f"{bin_folder}:{os.environ['PATH']}"}


def on_kafka(broker, topic):
    found = list(blocks("kafka"))
    if not found:
        sys.exit("no page has a block for Kafka")
    with tempfile.TemporaryDirectory() as folder:
        environment = tools(pathlib.Path(folder))
        for page, code, _ in found:
            code = code.replace("localhost:9092", broker).replace(" chat.events ", f" {topic} ")
            counted = code.replace("data-team", f"{topic}.data-team")
            run(page, counted, "… events of … conversations are as published: {…}", environment, folder)
            # The group went on to the end: the second time there is nothing left.
            run(page, counted, "0 events of 0 conversations are as published: {}", environment, folder)


def embedded(binary):
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        environment = tools(folder, pathlib.Path(binary).resolve())
        for page, code, prints in blocks("server"):
            # The ports of the page may be somebody's on this machine.
            for shown, free in zip(("4399", "4398"), free_ports(2)):
                code = code.replace(shown, str(free))
            run(page, code, prints, environment, folder)
            count += 1
        with Server(folder, environment) as server:
            environment["PARLANCE_URL"] = server.url
            examples.people(server, environment, folder)
            for page, code, prints in blocks(None):
                run(page, code, prints, environment, folder)
                count += 1
            examples.events(environment, folder)
    if count < LEAST:
        sys.exit(f"only {count} blocks were found on the pages")
    print(f"docs: {count} blocks of the pages and the examples do what they say")


if __name__ == "__main__":
    if len(sys.argv) == 2:
        embedded(sys.argv[1])
    elif len(sys.argv) == 4 and sys.argv[1] == "kafka":
        on_kafka(*sys.argv[2:])
    else:
        sys.exit(__doc__.strip())
