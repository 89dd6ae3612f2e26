"""One operation, asked for as somebody: allowed or refused, by the back end's own answer.

An answer that is neither (no connection, 5xx) is an error and never counts as a refusal: a dead back end refuses nobody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from clients import shell
from clients.exchange import NOBODY
from clients.openbao import DeniedError, OpenBao
from model.errors import UnreachableError
from model.matrix import OWN_SESSION, Operation

TIMEOUT = 20.0
REFUSED = (401, 403)


@dataclass(frozen=True)
class Door:
    """Where a back end answers, and the file with the root that signs its certificate."""

    url: str
    trust: str


@dataclass(frozen=True)
class Answer:
    """What was said; `why` is the back end's own word for a refusal."""

    allowed: bool
    why: str


def _http(door: Door, method: str, path: str, headers: Mapping[str, str], body: dict[str, Any]) -> Answer:
    session = requests.Session()
    # A proxy of this host's environment is no way to a machine of ours.
    session.trust_env = False
    try:
        answer = session.request(
            method, door.url + path, headers=headers, json=body or None, verify=door.trust, timeout=TIMEOUT
        )
    except (requests.RequestException, OSError) as gone:
        raise _unreachable(door, str(gone)[:200]) from gone
    if answer.status_code >= 500:
        raise _unreachable(door, f"{method} {path}: HTTP {answer.status_code} {answer.text[:200]}")
    return Answer(answer.status_code not in REFUSED, f"HTTP {answer.status_code}")


def page(door: Door) -> Answer:
    """A page without a login: whoever is sent to one does not see it."""
    session = requests.Session()
    session.trust_env = False
    try:
        answer = session.get(door.url, verify=door.trust, timeout=TIMEOUT, allow_redirects=False)
    except (requests.RequestException, OSError) as gone:
        raise _unreachable(door, str(gone)[:200]) from gone
    return Answer(answer.status_code == 200, f"HTTP {answer.status_code}")


def _unreachable(door: Door, said: str) -> UnreachableError:
    return UnreachableError(
        "E369",
        f"{door.url} 未能回答：{said}",
        f"{door.url} gave no answer: {said}",
        "先运行 yrd status",
        "look with `yrd status`",
    )


def bearer(door: Door, operation: Operation, token: str) -> Answer:
    """At an API server or a realm's administration."""
    method, _, path = operation.ask.partition(" ")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if method == "PATCH":
        headers["Content-Type"] = "application/merge-patch+json"
    return _http(door, method, path, headers, operation.body)


@dataclass
class Store:
    """An OpenBao as one person: logged in once, if at all."""

    door: Door
    power: str
    jwt: str
    _tokens: list[str] = field(default_factory=list, repr=False)
    _refusal: str = ""

    def ask(self, operation: Operation) -> Answer:
        """Raises UnreachableError when it gives no answer."""
        if not self._tokens and not self._refusal:
            self._login()
        if not self._tokens:
            # Without a session the operation is asked for all the same.
            answer = self._ask(operation, "")
            return Answer(answer.allowed, f"no session: {self._refusal}")
        return self._ask(operation, self._tokens[0])

    def close(self) -> None:
        """End every session that was opened."""
        for token in self._tokens:
            self._session(token).revoke_self()
        self._tokens.clear()

    def _login(self) -> None:
        session = self._session("")
        try:
            session.login_jwt(self.power, self.jwt)
            self._tokens.append(str(session.client.token))
        except DeniedError as refused:
            self._refusal = refused.en[:120]

    def _session(self, token: str) -> OpenBao:
        return OpenBao(self.door.url, Path(self.door.trust), token)

    def _ask(self, operation: Operation, token: str) -> Answer:
        method, _, path = operation.ask.partition(" ")
        body: dict[str, Any] = dict(operation.body)
        if body.get("accessor") == OWN_SESSION:
            body["accessor"] = self._victim() if token else "none"
        return _http(self.door, method, f"/v1/{path}", {"X-Vault-Token": token} if token else {}, body)

    def _victim(self) -> str:
        session = self._session("")
        session.login_jwt(self.power, self.jwt)
        return str((session.read("auth/token/lookup-self") or {})["accessor"])


#: In the consumer's pod: everything comes by standard input, since arguments end up in process lists.
_IN_POD = """import json, sys
from services.consumer.call import call, traceparent
asked = json.load(sys.stdin)
print(call(asked["url"], asked["method"], traceparent(), asked["body"].encode(), 15, asked["token"]).status)"""


def gateway(pod: Sequence[str], operation: Operation, token: str | None) -> Answer:
    """Through both gateways, from the consumer's pod; `pod` is the command that runs something there. None: its own token."""
    method, _, url = operation.ask.partition(" ")
    body = json.dumps({name: NOBODY.get(name, "") for name in operation.body["fields"]}, ensure_ascii=False)
    if token is None:
        own = ["--agreement", operation.body["agreement"], "--url", url, "--method", method, "--json"]
        done = shell.run(
            [*pod, "python3", "-m", "services.consumer", "call", *own], stdin=body, check=False, timeout=60
        )
        said = done.stdout.strip().splitlines()[-1:] or ["{}"]
        status = int(json.loads(said[0]).get("status", 0))
    else:
        asked = json.dumps({"url": url, "method": method, "body": body, "token": token})
        done = shell.run([*pod, "python3", "-c", _IN_POD], stdin=asked, check=False, timeout=60)
        status = int(done.stdout.strip() or 0)
    if status == 0 or status >= 500:
        raise _unreachable(Door(url, ""), f"HTTP {status} {done.stderr.strip()[-200:]}")
    return Answer(status not in REFUSED, f"HTTP {status}")
