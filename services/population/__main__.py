"""`python3 -m services.population`: serves on port 8080 of the pod; mutual TLS is the sidecar's."""

from __future__ import annotations

import uvicorn

from services.population import settings
from services.population.app import app
from services.population.store import Store, connector

PORT = 8080
#: The pod's own address is not known beforehand; who may connect is the mesh's and the network policy's matter.
ANYWHERE = "0.0.0.0"  # noqa: S104


def login() -> tuple[str, str]:
    reader = settings.reader()
    return reader.user, reader.password


def main() -> None:
    # The gateway's and the sidecar's access logs tell who called what; a third one would only add ids' timing.
    uvicorn.run(app(Store(connector(login))), host=ANYWHERE, port=PORT, access_log=False, server_header=False)


if __name__ == "__main__":
    main()
