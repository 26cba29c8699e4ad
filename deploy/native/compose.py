"""Engines as containers: the services of docker-compose.yml, with their ports on loopback.

The same verbs as native.py, so that a fault test does not know which of the two it drives.
"""

import os
import pathlib
import subprocess
import time

import native
import probe

Failed = native.Failed
REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SERVICE = {"kafka": "kafka", "cql": "scylla", "redis": "redis"}
PATIENCE = {"kafka": 120, "cql": 240, "redis": 60}


def present():
    """Whether Docker answers: a client without its server is not enough."""
    try:
        asked = subprocess.run(["docker", "info"], capture_output=True, timeout=10, check=False)
        return asked.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _compose(*words, check=True):
    files = [REPOSITORY / "docker-compose.yml", REPOSITORY / "deploy/engines.compose.yml"]
    # A project of its own: the engines of tests never share data with a deployment's.
    command = ["docker", "compose", "-p", "parlance-engines"]
    for file in files:
        command += ["-f", str(file)]
    # Compose wants every variable of the file, though no engine needs the secret of the roles.
    settings = {"PARLANCE_AUTH__JWT_SECRET": "unused", **os.environ}
    done = subprocess.run(
        [*command, *words], env=settings, capture_output=True, text=True, check=False
    )
    if check and done.returncode != 0:
        raise Failed(f"docker compose {' '.join(words)} failed:\n{done.stderr}")
    return done.stdout


def port(name):
    return native.port(name)


def start(name):
    if _running(name):
        return False
    _compose("up", "-d", "--no-deps", SERVICE[name])
    return True


def _running(name):
    return bool(_compose("ps", "-q", "--status", "running", SERVICE[name], check=False).strip())


def wait(name):
    began = time.monotonic()
    while not probe.answers(name, port(name)):
        if time.monotonic() - began > PATIENCE[name]:
            raise Failed(f"{name} did not answer in {PATIENCE[name]} s:\n{tail(name)}")
        time.sleep(0.2)
    return time.monotonic() - began


def stop(name):
    if not _running(name):
        return False
    _compose("stop", SERVICE[name])
    return True


def kill(name):
    _compose("kill", SERVICE[name])


def pause(name):
    _compose("pause", SERVICE[name])


def resume(name):
    _compose("unpause", SERVICE[name])


def wipe(name):
    _compose("rm", "-fsv", SERVICE[name])
    volume = f"parlance-engines_{SERVICE[name]}"
    subprocess.run(["docker", "volume", "rm", "-f", volume], capture_output=True, check=False)


def state(name):
    if not _running(name):
        return "down"
    return "container, " + ("answers" if probe.answers(name, port(name)) else "does not answer")


def tail(name, lines=40):
    return _compose("logs", "--tail", str(lines), SERVICE[name], check=False)
