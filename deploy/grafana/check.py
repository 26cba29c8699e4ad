#!/usr/bin/env python3
"""Reads the dashboard and the alerts as a careful reviewer would, without anything running.

- parlance.json is what build.py makes.
- The rules of Grafana's dashboard-linter, under its names; it is run as well where it is installed. What
  `.lint` excludes has a reason there. (`strict/` holds the file to Grafana's own schema.)
- Every expression parses, alerts are tested (promtool).
- Every metric that is used is in docs/METRICS.md; every alert has its paragraph in docs/OPERATIONS.md.
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
UNITS = {"none", "s", "bytes", "Bps", "ops", "reqps", "cps", "percentunit"}
SELECTOR = re.compile(r"\b([a-z_][a-z0-9_]*)\{([^}]*)\}")
NAME = re.compile(r"\b((?:parlance|process)_[a-z0-9_]+)\b")
RANGE = re.compile(r"(\w+)\s*\([^()\[\]]*\[([^\]]+)\]")
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def excluded():
    """What `.lint` lets pass: (rule, panel)."""
    found, rule, reason = set(), None, False
    for line in (HERE / ".lint").read_text().splitlines():
        if re.fullmatch(r"  ([\w-]+):", line):
            rule, reason = line.strip(" :"), False
        elif line.startswith("    reason: "):
            reason = True
        elif line.strip().startswith("panel: "):
            if not reason:
                sys.exit(f"deploy/grafana/.lint: {rule} has no reason")
            found.add((rule, line.split("panel: ")[1].strip()))
    return found


def variables(dashboard):
    """template-* rules."""
    known = {one["name"]: one for one in dashboard["templating"]["list"]}
    source = known.get("datasource", {})
    if source.get("type") != "datasource" or source.get("query") != "prometheus" or source.get("label") != "Data source":
        yield "template-datasource-rule", "", "a variable `datasource` for Prometheus"
    for name in ("job", "instance"):
        one = known.get(name, {})
        right = {"type": "query", "label": name.title(), "multi": True, "allValue": ".+", "datasource": DATASOURCE}
        for field, value in right.items():
            if one.get(field) != value:
                yield f"template-{name}-rule", "", f"{field} is {one.get(field)!r}, not {value!r}"
    for one in known.values():
        if one["type"] == "query" and one.get("refresh") != 2:
            yield "template-on-time-change-reload-rule", "", one["name"]
        if one["type"] == "query" and not re.fullmatch(r"label_values\(.+, \w+\)", one["query"]):
            yield "template-label-promql-rule", "", one["query"]


def expression(panel, text):
    """target-* rules."""
    for name, matchers in SELECTOR.findall(text):
        for label in ("job", "instance"):
            if f'{label}=~"${label}"' not in matchers:
                yield f"target-{label}-rule", panel, f"{name} without {label}"
    if len(SELECTOR.findall(text)) != len(NAME.findall(text)):
        yield "target-job-rule", panel, f"a metric without matchers: {text}"
    for function, width in RANGE.findall(text):
        if function in ("rate", "irate") and width != "$__rate_interval":
            yield "target-rate-interval-rule", panel, width
    counters = [name for name, _ in SELECTOR.findall(text) if name.endswith(("_total", "_bucket", "_sum", "_count"))]
    ranged = re.findall(r"\b(?:rate|irate|increase)\((\w+)\{", text)
    if len(counters) != len(ranged):
        yield "target-counter-agg-rule", panel, f"{sorted(set(counters) - set(ranged))} without rate or increase"
    if "_bucket" in text and not re.search(r"histogram_quantile\([\d.]+, sum by \(le", text):
        yield "target-histogram-rule", panel, text


def panels(dashboard):
    """panel-* rules, and where panels lie."""
    taken, numbers = set(), set()
    for one in dashboard["panels"]:
        title, place = one["title"], one["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        if cells & taken or place["x"] + place["w"] > 24 or one["id"] in numbers:
            yield "panel-place", title, "lies on another one, or has its number"
        taken |= cells
        numbers.add(one["id"])
        if one["type"] == "row":
            continue
        if not title or not one["description"].endswith("."):
            yield "panel-title-description-rule", title, "no title, or no sentence"
        if one["datasource"] != DATASOURCE or any(target["datasource"] != DATASOURCE for target in one["targets"]):
            yield "panel-datasource-rule", title, "another data source"
        if one["fieldConfig"]["defaults"].get("unit") not in UNITS:
            yield "panel-units-rule", title, f"unit {one['fieldConfig']['defaults'].get('unit')}"
        if not one["targets"]:
            yield "panel-no-targets-rule", title, "nothing is asked"
        for target in one["targets"]:
            yield from expression(title, target["expr"])
    titles = [one["title"] for one in dashboard["panels"]]
    for title in {title for title in titles if titles.count(title) > 1}:
        yield "panel-title-description-rule", title, "two panels of one title"
    if dashboard["editable"]:
        yield "uneditable-dashboard", "", "it can be edited where it is provisioned"


def expressions(dashboard):
    """Every expression with what Grafana would put into it, in order."""
    for one in dashboard["panels"]:
        for target in one.get("targets", []):
            yield one["title"], target["expr"]


def filled(text, width="1m", everything=".+"):
    """An expression as Grafana asks it when everything is chosen."""
    text = text.replace("$__rate_interval", width)
    return re.sub(r"\$(?:job|instance|pool)\b", everything, text)


def promtool(*arguments):
    done = subprocess.run(["promtool", *arguments], cwd=HERE, capture_output=True, text=True, check=False)
    if done.returncode:
        yield "promtool", " ".join(arguments), (done.stdout + done.stderr).strip()


def parsed(dashboard):
    """Each expression as a rule: promtool parses it."""
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as rules:
        rules.write("groups:\n  - name: panels\n    rules:\n")
        for at, (_, text) in enumerate(expressions(dashboard)):
            rules.write(f"      - record: panel:{at}\n        expr: {json.dumps(filled(text))}\n")
        rules.flush()
        yield from promtool("check", "rules", rules.name)


def documented(dashboard, alerts):
    """Names against docs/METRICS.md, alerts against docs/OPERATIONS.md."""
    page = (ROOT / "docs/METRICS.md").read_text()
    known = set(re.findall(r"^\| `(parlance_\w+)`", page, re.M))
    used = {name for _, text in [*expressions(dashboard), ("alerts", alerts)] for name in NAME.findall(text)}
    for name in sorted(used):
        if name.startswith("parlance_") and re.sub(r"_(bucket|sum|count)$", "", name) not in known | {name} & known:
            yield "metric", name, "is not in docs/METRICS.md"
    book = (ROOT / "docs/OPERATIONS.md").read_text()
    for name in re.findall(r"alert: (\w+)", alerts):
        if f"### {name}\n" not in book:
            yield "runbook", name, "has no paragraph in docs/OPERATIONS.md"
        if f"docs/OPERATIONS.md#{name.lower()}" not in alerts:
            yield "runbook", name, "does not name its paragraph"
        if f'alertname="{name}"' not in (HERE / "alerts_test.yml").read_text():
            yield "alert", name, "is not tested in alerts_test.yml"
    for name in re.findall(r"^### (Parlance\w+)$", book, re.M):
        if f"alert: {name}\n" not in alerts:
            yield "runbook", name, "is of no alert"


def mistakes():
    built = subprocess.run([sys.executable, HERE / "build.py"], capture_output=True, text=True, check=False)
    if built.returncode:
        yield "build", "", built.stderr.strip()
    dashboard = json.loads((HERE / "parlance.json").read_text())
    alerts = (HERE / "alerts.yml").read_text()
    allowed, used = excluded(), set()
    for rule, where, what in [*variables(dashboard), *panels(dashboard)]:
        if (rule, where) in allowed:
            used.add((rule, where))
        else:
            yield rule, where, what
    for rule, where in allowed - used:
        yield rule, where, "is excluded in .lint, and nothing breaks it"
    yield from documented(dashboard, alerts)
    yield from parsed(dashboard)
    yield from promtool("check", "rules", "alerts.yml")
    yield from promtool("test", "rules", "alerts_test.yml")
    if shutil.which("dashboard-linter"):
        done = subprocess.run(["dashboard-linter", "lint", "--strict", HERE / "parlance.json"],
                              capture_output=True, text=True, check=False)
        if done.returncode:
            yield "dashboard-linter", "", done.stdout + done.stderr


def main():
    found = list(mistakes())
    for rule, where, what in found:
        print(f"{rule}: {where}: {what}")
    count = len(json.loads((HERE / "parlance.json").read_text())["panels"])
    print(f"dashboard: {count} panels, {len(found)} mistakes")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
