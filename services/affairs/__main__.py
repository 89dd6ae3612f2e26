"""`python3 -m services.affairs [serve [FILE]]`: the page, on port 8080 of the pod or with TLS of its own on loopback.

`python3 -m services.affairs keys KEY` prints the public key set of a private key.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path

import uvicorn

from services.affairs import keys, settings
from services.affairs.app import app

PORT = 8080
#: The pod's own address is not known beforehand; who may connect is the mesh's and the network policy's matter.
ANYWHERE = "0.0.0.0"  # noqa: S104


def main(words: list[str] | None = None) -> int:
    """Entry point. TLS where `AFFAIRS_CERTIFICATE` and `AFFAIRS_KEY` name files; in a cluster the gateway has it."""
    given = sys.argv[1:] if words is None else words
    if given[:1] == ["keys"]:
        sys.stdout.write(json.dumps(keys.published(Path(given[1]))) + "\n")
        return 0
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    own = settings.read(Path(given[1]) if len(given) > 1 else settings.CONFIGURATION)
    uvicorn.run(
        app(own),
        host=os.environ.get("AFFAIRS_LISTEN", ANYWHERE),
        port=int(os.environ.get("AFFAIRS_PORT", PORT)),
        ssl_certfile=os.environ.get("AFFAIRS_CERTIFICATE"),
        ssl_keyfile=os.environ.get("AFFAIRS_KEY"),
        server_header=False,
        access_log=False,
        log_level="warning",
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
