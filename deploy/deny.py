#!/usr/bin/env python3
"""Enforces deny.toml with nothing but cargo and Python: licences, bans, sources, wildcards.

It reads the parts of deny.toml that this project uses and refuses parts it does not know, so that
a rule is never thought to be enforced when it is not. `cargo deny check` reads the same file and
adds advisories and the texts of the licences. Python 3.11 or newer (tomllib).
"""

import collections
import json
import pathlib
import re
import subprocess
import sys
import tomllib

KNOWN = {
    "graph": {"targets", "all-features"},
    "licenses": {"allow", "unused-allowed-license", "confidence-threshold"},
    "bans": {"multiple-versions", "wildcards", "allow-wildcard-paths", "deny"},
    "sources": {"unknown-registry", "unknown-git", "allow-registry", "allow-git"},
    "advisories": {"yanked", "unmaintained", "ignore"},  # cargo-deny alone
}


def satisfied(expression, allowed):
    """Whether an SPDX expression can be met by allowed licences. `/` is crates.io's old OR."""
    tokens = re.findall(r"[()]|[\w.+-]+", expression.replace("/", " OR "))
    at = 0

    def either():
        nonlocal at
        value = both()
        while at < len(tokens) and tokens[at] == "OR":
            at += 1
            value = both() or value
        return value

    def both():
        nonlocal at
        value = one()
        while at < len(tokens) and tokens[at] == "AND":
            at += 1
            value = one() and value
        return value

    def one():
        nonlocal at
        if tokens[at] == "(":
            at += 1
            value = either()
            if tokens[at] != ")":
                raise ValueError(expression)
            at += 1
            return value
        name = tokens[at]
        at += 1
        if at + 1 < len(tokens) and tokens[at] == "WITH":
            name = f"{name} WITH {tokens[at + 1]}"
            at += 2
        return name in allowed

    try:
        value = either()
        if at != len(tokens):
            raise ValueError(expression)
    except IndexError:
        raise ValueError(expression) from None
    return value


def check(rules, metadata):
    """All mistakes and warnings, as lists of lines."""
    errors, warnings = [], []
    for section, keys in rules.items():
        unknown = set(keys) - KNOWN.get(section, set())
        if unknown:
            errors.append(f"deny.toml: [{section}] {sorted(unknown)}: not known to deny.py")

    packages = {package["id"]: package for package in metadata["packages"]}
    parents = collections.defaultdict(set)
    for node in metadata["resolve"]["nodes"]:
        for dependency in node["deps"]:
            parents[dependency["pkg"]].add(packages[node["id"]]["name"])
    used = [packages[node["id"]] for node in metadata["resolve"]["nodes"]]

    allowed = set(rules["licenses"]["allow"])
    for package in used:
        label = f"{package['name']} {package['version']}"
        try:
            if not satisfied(package["license"] or "", allowed):
                errors.append(f"licence: {label}: {package['license']!r} is not on the list")
        except ValueError:
            errors.append(f"licence: {label}: cannot read {package['license']!r}")

    for ban in rules["bans"]["deny"]:
        if not set(ban) <= {"name", "reason", "wrappers"}:
            errors.append(f"deny.toml: ban {ban}: only name, reason and wrappers are known")
            continue
        for package in used:
            through = parents[package["id"]] - set(ban.get("wrappers", ()))
            if package["name"] == ban["name"] and through:
                names = ", ".join(sorted(through))
                errors.append(f"ban: {ban['name']} (through {names}): {ban.get('reason', '')}")

    registries = {f"registry+{url}" for url in rules["sources"]["allow-registry"]}
    for package in used:
        if package["source"] is not None and package["source"] not in registries:
            errors.append(f"source: {package['name']}: {package['source']}")
        if package["source"] is None and rules["bans"]["wildcards"] == "deny":
            for dependency in package["dependencies"]:
                if dependency["req"] == "*" and not dependency.get("path"):
                    errors.append(f"wildcard: {package['name']} on {dependency['name']}")

    versions = collections.defaultdict(set)
    for package in used:
        versions[package["name"]].add(package["version"])
    for name, found in sorted(versions.items()):
        if len(found) > 1:
            warnings.append(f"versions: {name} {', '.join(sorted(found))}")
    if rules["bans"]["multiple-versions"] == "deny":
        errors, warnings = errors + warnings, []
    return errors, warnings, len(used)


def self_test():
    allowed = {"MIT", "Apache-2.0", "Unicode-3.0", "Apache-2.0 WITH LLVM-exception"}
    for expression, expected in [
        ("MIT", True),
        ("GPL-3.0-only", False),
        ("MIT/GPL-3.0", True),
        ("MIT AND GPL-2.0-only", False),
        ("(MIT OR GPL-2.0-only) AND Unicode-3.0", True),
        ("GPL-2.0-only OR Apache-2.0 WITH LLVM-exception", True),
        ("GPL-2.0-only OR Apache-2.0 WITH Other-exception", False),
    ]:
        if satisfied(expression, allowed) is not expected:
            sys.exit(f"deny.py is broken: {expression}")


def main():
    self_test()
    root = pathlib.Path(__file__).resolve().parent.parent
    rules = tomllib.loads((root / "deny.toml").read_text())
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    if rules["graph"].get("all-features"):
        command.append("--all-features")
    for target in rules["graph"]["targets"]:
        command += ["--filter-platform", target]
    found = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, check=False)
    if found.returncode != 0:
        sys.exit("deny: cargo metadata failed")
    errors, warnings, count = check(rules, json.loads(found.stdout))
    for line in warnings:
        print(f"warning: {line}")
    for line in errors:
        print(f"error: {line}")
    print(f"deny: {count} crates, {len(errors)} errors, {len(warnings)} warnings")
    sys.exit(1 if errors else 0)


if __name__ == "__main__":
    main()
