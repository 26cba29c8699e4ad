"""A server in a folder, on a port that stays its own over restarts."""

import http.client
import socket
import subprocess
import sys
import time

READY_S = 30


def free_ports(count):
    """Ports that nobody has now: all are held until all are found."""
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


class Server:
    """Runs while the context lasts; its data are in the folder `data`, where a command finds them."""

    def __init__(self, folder, environment):
        self.folder = folder
        self.port, operations = free_ports(2)
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {**environment, "PORT": str(self.port),
                            "PARLANCE_OPERATIONS__LISTEN": f"127.0.0.1:{operations}"}
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.kill()

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(["parlance"], cwd=self.folder, env=self.environment, stdout=log, stderr=log,
                                            executable=self.folder / "bin/parlance")
        deadline = time.monotonic() + READY_S
        while not self.ready():
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"the server did not become ready:\n{(self.folder / 'log').read_text()[-3000:]}")
            time.sleep(0.02)

    def ready(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def kill(self):
        """kill -9, as a crash."""
        self.process.kill()
        self.process.wait()
