"""One question to each engine, in its own wire protocol; True if it was answered.

A port that accepts connections is no answer: Kafka listens long before it knows its topics, and
Cassandra before it can be asked. Only the standard library is used, so that this works anywhere.
"""

import socket
import struct

PATIENCE = 2.0


def _ask(port, question, header, length_of):
    """The body of one answer: `length_of` reads its length out of a header of `header` bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as link:
        link.settimeout(PATIENCE)
        answers = []
        for part in question:
            link.sendall(part)
            head = _exactly(link, header)
            answers.append((head, _exactly(link, length_of(head))))
        return answers


def _exactly(link, count):
    data = b""
    while len(data) < count:
        chunk = link.recv(count - len(data))
        if not chunk:
            raise ConnectionError("closed before the answer was complete")
        data += chunk
    return data


def kafka(port):
    """Metadata (version 1, no topics): a broker that serves clients is in the answer."""
    body = struct.pack(">hhih", 3, 1, 7, 6) + b"engine" + struct.pack(">i", 0)
    request = struct.pack(">i", len(body)) + body
    [(_, answer)] = _ask(port, [request], 4, lambda head: struct.unpack(">i", head)[0])
    correlation, brokers = struct.unpack_from(">ii", answer)
    return correlation == 7 and brokers >= 1


def cql(port):
    """STARTUP, then a query whose answer holds rows (protocol version 4)."""

    def frame(opcode, body):
        return struct.pack(">BBhBi", 4, 0, 1, opcode, len(body)) + body

    options = struct.pack(">h", 1)
    for text in (b"CQL_VERSION", b"3.0.0"):
        options += struct.pack(">h", len(text)) + text
    query = b"SELECT release_version FROM system.local"
    asked = struct.pack(">i", len(query)) + query + struct.pack(">hB", 1, 0)
    ready, result = _ask(
        port,
        [frame(0x01, options), frame(0x07, asked)],
        9,
        lambda head: struct.unpack(">i", head[5:])[0],
    )
    rows = struct.pack(">i", 2)
    return ready[0][4] == 0x02 and result[0][4] == 0x08 and result[1].startswith(rows)


def redis(port):
    """PING. A server that is still loading its data answers with an error instead."""
    [(head, _)] = _ask(port, [b"PING\r\n"], 7, lambda _: 0)
    return head == b"+PONG\r\n"


def answers(name, port):
    """Whether the engine `name` answers on that port of the loopback address."""
    try:
        return {"kafka": kafka, "cql": cql, "redis": redis}[name](port)
    except (OSError, struct.error, ValueError):
        return False
