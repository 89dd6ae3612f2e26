"""A way to a server that ends at the worst moment."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tests.secrets.conftest import Server


@contextmanager
def relay(server: Server, enough: Callable[[], bool]) -> Iterator[int]:
    """A port that leads to the server, whose answers are let through until `enough`; then it is killed."""
    listener = socket.create_server(("127.0.0.1", 0))

    def answers(client: socket.socket, behind: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while (said := behind.recv(65536)) and not enough():
                client.sendall(said)
        if enough():
            server.stop()
        client.close()

    def questions() -> None:
        with contextlib.suppress(OSError):
            while True:
                client = listener.accept()[0]
                behind = socket.create_connection(("127.0.0.1", server.port))
                threading.Thread(target=answers, args=(client, behind), daemon=True).start()
                threading.Thread(target=pour, args=(client, behind), daemon=True).start()

    threading.Thread(target=questions, daemon=True).start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.close()


def pour(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while said := source.recv(65536):
            target.sendall(said)
