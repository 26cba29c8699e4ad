#!/usr/bin/env python3
"""`parlance bench` as people and programs use it: statuses, output, a server of its own and one that runs.

    python3 tests/bench/run.py target/release/parlance

Objectives of speed are loose here, because machines that run tests are shared; what is lost, doubled or out
of order is never excused.
"""

import json
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

BINARY = pathlib.Path(sys.argv[1]).resolve()
# Late by half a second: the machine is shared. Beyond that nothing is shown, and the suite says so.
LATE = ["--max-lag=500", "--max-busy=0.99"]
DIRECT = [*LATE, "--slo=recv.p50<=1s", "--slo=recv.p99<=8s"]
LOOSE = [
    *DIRECT, "--slo=saturate:rate>=50", "--slo=last.p99<=10s", "--slo=connection.bytes<=64KB",
    "--slo=caughtup.p99<=40s",
]
TOUR = ["direct", "saturate", "saturate-rest", "fanout", "idle", "reconnect"]
JUDGED = {"G-01", "G-04", "G-05", "G-06"}


def bench(folder, *arguments, limit=240):
    """Runs it in a folder; status, lines of the output, and what it said beside that."""
    command = [str(BINARY), "bench", *arguments]
    began = time.monotonic()
    run = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=limit, check=False)
    told = " ".join(arguments)
    told = told if len(told) < 160 else told[:160] + "…"
    print(f"{time.monotonic() - began:6.1f} s  status {run.returncode}  {told}", flush=True)
    return run.returncode, run.stdout.splitlines(), run.stderr


def must(condition, what, *shown):
    if not condition:
        sys.exit("\n".join([f"bench: {what}", *map(str, shown)]))


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Server:
    """A server of somebody else, for `--url`."""

    def __init__(self, folder, limits):
        self.folder = folder
        self.public, self.metrics = free_ports(2)
        classes = ["auth", "account", "messages", "writes", "reads", "search", "frames"]
        raised = [f"{name} = {{ burst = 1000000, per_minute = 1000000 }}" for name in classes]
        lines = [
            "[server]", f'listen = ["127.0.0.1:{self.public}"]',
            "[operations]", f'listen = "127.0.0.1:{self.metrics}"',
            "[data]", f'dir = "{folder}/data"',
            "[auth]", "argon2_memory_kib = 64", "argon2_iterations = 1",
            *(["[limits]", *raised] if limits == "raised" else []),
        ]
        config = folder / "parlance.toml"
        config.write_text("\n".join(lines) + "\n")
        self.log = open(folder / "server.log", "w")
        self.process = subprocess.Popen(
            [str(BINARY), "all", "--config", str(config)], cwd=folder,
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)

    def __enter__(self):
        deadline = time.monotonic() + 60
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/readyz", timeout=2) as answer:
                    if answer.status == 200:
                        return self
            except OSError:
                pass
            log = (self.folder / "server.log").read_text()
            must(self.process.poll() is None, "the server ended", log)
            must(time.monotonic() < deadline, "the server is not ready", log)
            time.sleep(0.05)

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def tour(folder):
    """All scenarios on a server of its own, in two minutes: pass, and every verdict is there."""
    status, lines, beside = bench(folder, "all", "--seconds=4", "--json", *LOOSE)
    events = [json.loads(line) for line in lines]
    missed = [(event["scenario"], event.get("why"), [slo for slo in event.get("slos", []) if not slo["met"]])
              for event in events if event["type"] == "verdict" and event["code"] != 0]
    must(status == 0, f"the tour ended with {status}", *missed, beside)
    must(beside == "", "piped, nothing is drawn", beside)
    machine, end = events[0], events[-1]
    must(machine["type"] == "machine" and machine["cores"] > 0 and machine["syncsPerSecond"] > 0,
         "the machine comes first", machine)
    must(end["type"] == "end" and end["code"] == 0 and end["verdict"] == "pass", "the end comes last", end)
    verdicts = {event["scenario"]: event for event in events if event["type"] == "verdict"}
    results = {event["scenario"]: event["figures"] for event in events if event["type"] == "result"}
    must(list(verdicts) == TOUR and list(results) == TOUR, "a verdict and a result of each", list(verdicts))
    first = verdicts["direct"]["afterMs"]
    must(first < 120_000, f"the first verdict came after {first} ms")
    for name, verdict in verdicts.items():
        ids = {one["id"]: one["checked"] for one in verdict["checker"]["guarantees"]}
        must(JUDGED <= set(ids), f"{name}: judged are {ids}")
        must(verdict["checker"]["acked"] == verdict["checker"]["sends"] > 0, f"{name}: {verdict['checker']}")
    resumes = next(one for one in verdicts["reconnect"]["checker"]["guarantees"] if one["id"] == "G-12")
    # 2,000 sockets come with a cursor twice: when they are opened, and behind the cut.
    must(resumes["checked"] >= 4_000, "every socket's return is judged", resumes)
    must(results["reconnect"]["sockets"]["value"] == 2_000, "all sockets came back", results["reconnect"])
    for name, figures in results.items():
        for figure in ("unacked", "undelivered", "doubled", "unreadable", "blinded", "cut", "absent"):
            must(figures.get(figure, {"value": 0})["value"] == 0, f"{name}: {figure}", figures)
        must(name == "saturate-rest" or figures["witnessed"]["value"] >= 100, f"{name}: few witnesses", figures)
    must(results["reconnect"]["missed"]["value"] > 0, "something was missed, or nothing is shown")
    must(results["idle"]["connection.bytes"]["value"] > 0, "a connection costs something")
    for name in ("direct", "saturate", "fanout", "reconnect"):
        must(results[name]["cpu.server"]["value"] > 0, f"{name}: the server's CPU is told")
    # Every figure has a name that an objective can use: what is refused then is the rate.
    for name, figures in results.items():
        over = ["--over=rest"] if name == "saturate-rest" else []
        slos = [f"--slo={figure}>=0" for figure in figures]
        status, lines, beside = bench(folder, name.removesuffix("-rest"), *over, "--rate=-1", *slos)
        must(status == 2 and "--rate" in beside, f"{name}: a figure is not known: {beside}")
    samples = [event for event in events if event["type"] == "sample"]
    measured = [one for one in samples if one["phase"] == "measuring" and one["acked"] > 0]
    must(len(measured) >= 5, f"{len(measured)} samples of what was measured")
    must(not list(folder.glob(".parlance-bench-*")), "a folder is left", *folder.iterdir())


def left(folder, scenario, lines):
    """After anything but a pass the server's log is there, and it is said where; taken away here."""
    told = [line for line in lines if "kept in" in line]
    kept = list(folder.glob(".parlance-bench-*"))
    must(len(told) == len(kept) == 1 and str(kept[0]) in told[0], "what is kept", *kept, *lines)
    must((kept[0] / scenario / "server.log").is_file(), "the log of the server", *kept[0].rglob("*"))
    shutil.rmtree(kept[0])


def statuses(folder):
    """An objective that nobody meets, and wrong use."""
    few = ["--seconds=1", "--pairs=4", "--rate=20"]
    status, lines, beside = bench(folder, "direct", *few, *LATE, "--slo=recv.p99<=1us")
    must(status == 1, f"an objective that can not be met: {status}", *lines, beside)
    must(any("recv.p99<=1us: MISSED" in line for line in lines), "it says which", *lines)
    left(folder, "direct", lines)
    status, lines, beside = bench(folder, "direct", *few, "--max-lag=0")
    must(status == 3, f"a generator that may not be late at all is void: {status}", *lines, beside)
    must("  verdict  void" in "\n".join(lines), "it says so", *lines)
    left(folder, "direct", lines)
    status, lines, beside = bench(folder, "direct", *few, *DIRECT, "--slo=rate>=1ms")
    must(status == 2 and any("  checker  " in line for line in lines),
         f"an objective of another unit: {status}, and the verdict of the checker is told", *lines, beside)
    left(folder, "direct", lines)
    for wrong in (["--slo=fast"], ["--slo=nothing<=1"], ["--rate=-1"], ["--url=https://x"], ["--seconds=0"],
                  ["--senders=9", "--members=9"], ["--slo=cpu.nosuch<=1us"],
                  ["--url=http://127.0.0.1:1", "--slo=rss.server<=1MB"],
                  ["--url=http://127.0.0.1:1", "--slo=sync.ratio<=9"]):
        status, lines, beside = bench(folder, "direct", *wrong)
        must(status == 2 and not lines and beside, f"wrong use {wrong}: {status}", *lines, beside)


def running(folder):
    """A deployment that runs already; one that limits its rates says so; one that is not there."""
    few = ["--seconds=2", "--pairs=10", "--rate=50", *DIRECT]
    (folder / "raised").mkdir()
    with Server(folder / "raised", "raised") as server:
        url = f"--url=http://127.0.0.1:{server.public}"
        metrics = f"--metrics=parlance=http://127.0.0.1:{server.metrics}/metrics"
        pid = f"--pid=again={server.process.pid}"
        # Twice: a second run meets the users of the first.
        for _ in range(2):
            status, lines, beside = bench(folder, "direct", "--json", "--seed=7", url, metrics, pid, *few)
            must(status == 0, f"a running deployment: {status}", *lines[-3:], beside)
        result = next(json.loads(line) for line in lines if '"type":"result"' in line)["figures"]
        must(result["rss.parlance"]["value"] > 0 and result["rss.again"]["value"] > 0, "memory of both", result)
    (folder / "limited").mkdir()
    with Server(folder / "limited", "as they come") as server:
        url = f"--url=http://127.0.0.1:{server.public}"
        status, lines, beside = bench(folder, "direct", url, "--seconds=1", "--pairs=100")
        must(status == 2, f"a deployment that limits its rates: {status}", *lines, beside)
        must("429" in beside and "[limits]" in beside, "it says what to do", beside)
    status, lines, beside = bench(folder, "direct", f"--url=http://127.0.0.1:{free_ports(1)[0]}")
    must(status == 2 and "nobody listens" in beside, f"a deployment that is not there: {status}", *lines, beside)


def main():
    with tempfile.TemporaryDirectory(prefix="parlance-bench-") as name:
        folder = pathlib.Path(name)
        statuses(folder)
        running(folder)
        tour(folder)
    print("bench: statuses, a running deployment and the tour are as documented")


if __name__ == "__main__":
    main()
