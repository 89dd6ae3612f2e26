"""Serve the plugin on its socket until systemd ends it. Configuration: /etc/yrd/kms.json; nothing secret is printed."""

from __future__ import annotations

import json
import os
import signal
import threading
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc

from services.bao import Session
from services.kms.plugin import Plugin, handlers


class BaoTransit:
    """Transit of the machine's own OpenBao."""

    def __init__(self, session: Session, mount: str, key: str) -> None:
        self.session, self.mount, self.key = session, mount, key

    def latest(self) -> int:
        return int(self.session.ask("GET", f"{self.mount}/keys/{self.key}")["latest_version"])

    def encrypt(self, plaintext: str) -> tuple[str, int]:
        answer = self.session.ask("POST", f"{self.mount}/encrypt/{self.key}", {"plaintext": plaintext})
        return str(answer["ciphertext"]), int(answer["key_version"])

    def decrypt(self, ciphertext: str) -> str:
        return str(
            self.session.ask("POST", f"{self.mount}/decrypt/{self.key}", {"ciphertext": ciphertext})["plaintext"]
        )


def main() -> None:
    settings: dict[str, Any] = json.loads(Path("/etc/yrd/kms.json").read_text())
    session = Session(settings["openbao"], settings["ca"], Path(settings["credential"]))
    plugin = Plugin(BaoTransit(session, settings["mount"], settings["key"]), f"{settings['mount']}/{settings['key']}")
    socket = Path(settings["socket"])
    socket.unlink(missing_ok=True)
    server = grpc.server(futures.ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((handlers(plugin),))
    os.umask(0o077)
    server.add_insecure_port(f"unix://{socket}")
    server.start()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    ended.wait()
    server.stop(2).wait()


if __name__ == "__main__":
    main()
