"""Serve the page at a socket; TLS and login lie in front of it. Configuration: /etc/yrd/portal.json, or the file that is named as the argument."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import uvicorn

from services.portal.app import app
from services.portal.source import Prometheus

CONFIGURATION = Path("/etc/yrd/portal.json")


def main(words: list[str] | None = None) -> int:
    """Entry point."""
    given = sys.argv[1:] if words is None else words
    settings = json.loads(Path(given[0] if given else CONFIGURATION).read_text())
    source = Prometheus(settings["prometheus"])
    uvicorn.run(
        app(settings, source.snapshot),
        uds=settings["socket"],
        server_header=False,
        access_log=False,
        log_level="warning",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
