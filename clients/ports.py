"""Ports of 127.0.0.1 that nobody uses at this moment."""

from __future__ import annotations

import socket


def free() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def free_pair() -> int:
    """The first of two neighbours: OpenBao's API, and its members."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
