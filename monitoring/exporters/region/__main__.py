"""Serve one province's metrics over mutual TLS. Configuration: /etc/yrd/exporter.json. Only the hub's root is accepted."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Metric, start_http_server

from monitoring.executor import Collect, Executor
from monitoring.exporters.region import collectors
from monitoring.exporters.region.reader import Reader

CONFIGURATION = Path("/etc/yrd/exporter.json")
#: Seconds between two looks, and how long one may take.
INTERVAL, DEADLINE = 15.0, 30.0


def say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  (the journal reads it)


def subjects(settings: dict[str, Any], reader: Reader) -> dict[str, Collect]:
    """What is watched, by name."""

    def agreements() -> Iterable[Metric]:
        return collectors.agreements(settings, reader.policies(), datetime.now(UTC))

    return {
        "province": lambda: collectors.province(settings),
        "agreements": agreements,
        "certificates": lambda: collectors.certificates(reader.certificates()),
        "openbao": lambda: collectors.openbao(reader.openbao()),
        "nodes": lambda: collectors.nodes(reader.items("/api/v1/nodes")),
        "workloads": lambda: collectors.workloads(reader.workloads(), settings["mesh"]),
        "mesh": lambda: collectors.rejects(reader.istiod()),
        "memory": lambda: collectors.memory(*reader.memory()),
        "audit": lambda: collectors.audit(reader.audit()),
    }


def main(words: list[str] | None = None) -> int:
    """Entry point; an argument names another configuration."""
    given = sys.argv[1:] if words is None else words
    settings = json.loads(Path(given[0] if given else CONFIGURATION).read_text())
    executor = Executor(subjects(settings, Reader(settings)), INTERVAL, DEADLINE, say)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(executor)
    start_http_server(
        settings["port"],
        addr=settings["listen"],
        registry=registry,
        certfile=settings["certificate"],
        keyfile=settings["key"],
        client_cafile=settings["client_ca"],
        client_auth_required=True,
    )
    say(f"serving {settings['province']} on {settings['listen']}:{settings['port']}")
    executor.run(threading.Event())
    return 0


if __name__ == "__main__":
    sys.exit(main())
