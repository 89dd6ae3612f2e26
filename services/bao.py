"""OpenBao for the services on a machine: an AppRole session that logs in again by itself."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import hvac
import requests
from hvac import exceptions

#: Seconds; the API server gives a KMS plugin three.
TIMEOUT = 2.5


class BaoError(OSError):
    """OpenBao cannot be had or refuses: an OSError, so that callers need not know the library."""


class Session:
    """Thread-safe; nothing is opened before the first question."""

    def __init__(self, url: str, ca_file: str, credential: Path) -> None:
        session = requests.Session()
        session.trust_env = False
        # hvac leaves a session's own settings alone, `verify` included.
        session.verify = ca_file
        self._hvac = hvac.Client(url=url, token="", verify=ca_file, timeout=TIMEOUT, session=session)
        self._credential = credential
        self._lock = threading.Lock()

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """`data` of the answer. Raises BaoError."""
        try:
            if not self._hvac.token:
                self._login()
            try:
                return self._send(method, path, body)
            except exceptions.Forbidden:
                # The token has ended; a second refusal is the policy's.
                self._login()
                return self._send(method, path, body)
        except (exceptions.VaultError, requests.exceptions.RequestException, OSError, ValueError, KeyError) as fault:
            raise BaoError(str(fault)[:300]) from fault

    def fetch(self, path: str) -> bytes:
        """An answer that is no JSON, whole. Raises BaoError."""
        self.ask("GET", "auth/token/lookup-self")
        try:
            answer = self._hvac.adapter.request("get", f"/v1/{path}", stream=True)
            return bytes(answer.content)
        except (exceptions.VaultError, requests.exceptions.RequestException) as fault:
            raise BaoError(str(fault)[:300]) from fault

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        answer = self._hvac.adapter.request(method.lower(), f"/v1/{path}", json=body)
        return dict(answer["data"])

    def _login(self) -> None:
        held = json.loads(self._credential.read_text())
        with self._lock:
            answer = self._hvac.adapter.request(
                "post", "/v1/auth/approle/login", json={"role_id": held["role_id"], "secret_id": held["secret_id"]}
            )
            self._hvac.token = answer["auth"]["client_token"]
