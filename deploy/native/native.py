"""Engines as plain processes: Kafka and Cassandra from their jars, Redis from the distribution.

Each engine has a folder of its own with `data`, `log`, `port` and `pid`. The pid file also holds the
time at which the process began, so that a number which the system gave to another process since
is never taken for the engine. Processes lead a session of their own and outlive the script.
"""

import os
import pathlib
import shutil
import signal
import socket
import string
import subprocess
import sys
import time
import zlib

import probe

HERE = pathlib.Path(__file__).resolve().parent
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "parlance"
ROOT = pathlib.Path(os.environ.get("PARLANCE_ENGINES_DIR") or CACHE / "engines")
JARS = CACHE / "engines-jars"
DEFAULT_PORTS = {"kafka": 19092, "cql": 19042, "redis": 16379}
# How long a start may take before it counts as failed: several times what two busy cores need.
PATIENCE = {"kafka": 90, "cql": 180, "redis": 15}
# How long `stop` waits for a graceful end before it kills.
GRACE = {"kafka": 30, "cql": 45, "redis": 10}
CLUSTER = "cGFybGFuY2UtdGVzdHMtMQ"
DEBIAN = {"java": "openjdk-17-jre-headless", "mvn": "maven", "redis-server": "redis-server"}


class Failed(Exception):
    """What went wrong, in words for the person who ran the command."""


def say(text):
    """Progress goes to the error stream: the output is for `eval "$(deploy/engines up)"`."""
    print(f"engines: {text}", file=sys.stderr, flush=True)


# --- what the machine must have ---------------------------------------------------------------


def install(packages):
    """Debian packages, where this user may install them. Services of theirs are not started."""
    if not shutil.which("apt-get") or os.geteuid() != 0:
        raise Failed(f"missing: {' '.join(packages)}; as root: apt-get install {' '.join(packages)}")
    say(f"installing {' '.join(packages)}")
    settings = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (["update", "-q"], ["install", "-qy", "--no-install-recommends", *packages]):
        done = subprocess.run(
            ["apt-get", *command], env=settings, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise Failed(f"apt-get {' '.join(command)} failed:\n{done.stderr or done.stdout}")


def need(program):
    found = shutil.which(program)
    if not found:
        install([DEBIAN[program]])
        found = shutil.which(program)
    return found or program


def java():
    """A Java 17: Cassandra 5.0 runs on no newer one, so the first in the path may not do."""
    homes = [os.environ.get("JAVA_HOME", ""), *sorted(map(str, pathlib.Path("/usr/lib/jvm").glob("*17*")))]
    candidates = [f"{home}/bin/java" for home in homes if home] + [shutil.which("java")]
    for candidate in filter(None, candidates):
        if os.access(candidate, os.X_OK):
            done = subprocess.run([candidate, "-version"], capture_output=True, text=True, check=False)
            if 'version "17' in done.stderr:
                return candidate
    install([DEBIAN["java"]])
    return need("java")


def jars(name):
    """The engine's class path. A folder is complete or absent: it gets its name at the end."""
    pom = HERE / "pom.xml"
    folder = JARS / f"{name}-{zlib.crc32(pom.read_bytes()):08x}"
    if not folder.is_dir():
        say(f"fetching the jars of {name}")
        maven = need("mvn")
        parts = folder.with_suffix(f".part-{os.getpid()}")
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={parts}", "-DincludeScope=runtime"]
        done = subprocess.run(
            [maven, "-B", "-q", "-ntp", "-f", str(pom), "-P", name, *goal],
            capture_output=True, text=True, check=False,
        )
        if done.returncode != 0:
            shutil.rmtree(parts, ignore_errors=True)
            raise Failed(f"Maven could not fetch {name}:\n{(done.stdout + done.stderr)[-2000:]}")
        try:
            parts.rename(folder)
        except OSError:  # another run was first
            shutil.rmtree(parts, ignore_errors=True)
    return folder


# --- the processes ----------------------------------------------------------------------------


def folder(name):
    return ROOT / name


def port(name):
    """The port that the engine was started with; before that, the one that it would get."""
    wanted = os.environ.get(f"PARLANCE_ENGINES_{name.upper()}_PORT")
    kept = folder(name) / "port"
    if kept.exists() and (not wanted or pid(name)):
        return int(kept.read_text())
    return int(wanted or DEFAULT_PORTS[name])


def born(number):
    """When the process began and its state, or None if there is none (or it has ended)."""
    try:
        text = pathlib.Path(f"/proc/{number}/stat").read_text()
        fields = text.rpartition(")")[2].split()
        return None if fields[0] == "Z" else fields[19]
    except OSError:
        if pathlib.Path("/proc/self/stat").exists():
            return None
    asked = ["ps", "-o", "lstart=", "-p", str(number)]
    found = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    return found.replace(" ", "_") or None


def pid(name):
    """The engine's process, or None; a stale pid file is none."""
    try:
        number, began = (folder(name) / "pid").read_text().split()
    except (OSError, ValueError):
        return None
    return int(number) if born(number) == began else None


def render(template, target, **values):
    target.write_text(string.Template((HERE / template).read_text()).substitute(values))
    return target


def command_of(name, at):
    """The command line of an engine, with its configuration files written and its data formatted."""
    data = folder(name) / "data"
    data.mkdir(parents=True, exist_ok=True)
    home = folder(name)
    if name == "redis":
        # A cache and registry that forgets all at a restart, as the product must expect.
        return [need("redis-server"), "--bind", "127.0.0.1", "--port", str(at), "--dir", str(data),
                "--save", "", "--appendonly", "no", "--maxmemory", "256mb"]
    # SerialGC: on two shared cores its short pauses cost less than the threads of the others.
    common = [java(), "-XX:+UseSerialGC", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData"]
    path = ["-cp", f"{jars(name)}/*"]
    if name == "kafka":
        configuration = render("kafka.properties", home / "server.properties",
                               port=at, controller_port=at + 1, data=data)
        # A large young generation: a collection stops the broker for 10 to 30 ms, and with 70 MiB of it
        # there is one every other second under 200 messages a second.
        heap = ["-Xms512m", "-Xmx512m", "-Xmn320m", "-Dorg.slf4j.simpleLogger.showDateTime=true",
                "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS"]
        # What says a line or more for each partition takes seconds of a start with hundreds.
        heap += [f"-Dorg.slf4j.simpleLogger.log.{quiet}=warn" for quiet in (
            "kafka.log", "kafka.cluster.Partition", "org.apache.kafka.storage.internals.log",
            "org.apache.kafka.common.config.AbstractConfig",
            "org.apache.kafka.controller.ReplicationControlManager", "state.change.logger")]
        if not (data / "meta.properties").exists():
            form = [*common, *path, "kafka.tools.StorageTool", "format", "-t", CLUSTER,
                    "-c", str(configuration)]
            done = subprocess.run(form, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise Failed(f"Kafka's storage could not be formatted:\n{done.stdout}{done.stderr}")
        return [*common, *heap, *path, "kafka.Kafka", str(configuration)]
    sync = os.environ.get("PARLANCE_ENGINES_CQL_SYNC", "batch")
    period = "commitlog_sync_period: 10s" if sync == "periodic" else ""
    configuration = render("cassandra.yaml", home / "cassandra.yaml", port=at,
                           storage_port=at + 1, data=data, sync=sync, sync_period=period)
    return [
        *common, "-Xms1g", "-Xmx1g", "-Xmn448m", "-Xss512k", "-XX:MaxDirectMemorySize=256m",
        f"@{HERE / 'java17.options'}",
        f"-Dcassandra.config={configuration.as_uri()}", f"-Dcassandra.storagedir={data}",
        f"-Dlogback.configurationFile={HERE / 'logback.xml'}",
        # One node waits for no other: not for gossip, not for the ring, not for its superuser.
        "-Dcassandra.skip_wait_for_gossip_to_settle=0", "-Dcassandra.ring_delay_ms=1000",
        "-Dcassandra.superuser_setup_delay_ms=0", "-Dcassandra-foreground=yes",
        *path, "org.apache.cassandra.service.CassandraDaemon",
    ]


def start(name):
    """Starts the process unless it runs; does not wait until it answers."""
    if pid(name):
        return False
    at = port(name)
    for number in (at,) if name == "redis" else (at, at + 1):
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", number))
            except OSError:
                raise Failed(
                    f"port {number} is taken by another process; "
                    f"set PARLANCE_ENGINES_{name.upper()}_PORT to another"
                ) from None
    command = command_of(name, at)
    with open(folder(name) / "log", "ab") as log:
        child = subprocess.Popen(command, cwd=folder(name), stdin=subprocess.DEVNULL, stdout=log,
                                 stderr=log, start_new_session=True, close_fds=True)
    (folder(name) / "port").write_text(f"{at}\n")
    (folder(name) / "pid").write_text(f"{child.pid} {born(child.pid)}\n")
    return True


def wait(name):
    """Seconds until the engine answered."""
    began = time.monotonic()
    while True:
        # First, for another process may answer on that port. A child of this very run stays a zombie
        # until it is waited for, which counts as ended.
        if not pid(name):
            raise Failed(f"{name} is not running; the end of its log:\n{tail(name)}")
        if probe.answers(name, port(name)):
            return time.monotonic() - began
        if time.monotonic() - began > PATIENCE[name]:
            raise Failed(f"{name} did not answer in {PATIENCE[name]} s:\n{tail(name)}")
        time.sleep(0.05)


def send(name, what):
    number = pid(name)
    if not number:
        raise Failed(f"{name} is not running")
    os.kill(number, what)


def ended(name, seconds):
    deadline = time.monotonic() + seconds
    while pid(name):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    (folder(name) / "pid").unlink(missing_ok=True)
    return True


def stop(name):
    """Ends the process gracefully; one that does not end in time is killed."""
    if not pid(name):
        return False
    send(name, signal.SIGTERM)
    send(name, signal.SIGCONT)
    if not ended(name, GRACE[name]):
        kill(name)
    return True


def kill(name):
    send(name, signal.SIGKILL)
    if not ended(name, 10):
        raise Failed(f"{name} did not end after SIGKILL")


def pause(name):
    send(name, signal.SIGSTOP)


def resume(name):
    send(name, signal.SIGCONT)


def wipe(name):
    """Deletes what the engine keeps; the jars are elsewhere and stay."""
    shutil.rmtree(folder(name), ignore_errors=True)


def state(name):
    number = pid(name)
    if not number:
        return "down"
    answering = "answers" if probe.answers(name, port(name)) else "does not answer"
    return f"pid {number}, {answering}"


def tail(name, lines=40):
    try:
        return "\n".join((folder(name) / "log").read_text(errors="replace").split("\n")[-lines:])
    except OSError:
        return "(no log)"
