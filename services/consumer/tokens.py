"""Tokens of the province's exchange client, one per agreement: renewed before their end, used until it when Keycloak is away.

`serve` keeps them fresh in a folder that is memory; `call` takes them from there, and asks by itself when there is none.
The client proves itself with a key of its own (private_key_jwt, RFC 7523): no password, and nothing that Keycloak could lose.
"""

from __future__ import annotations

import http.client
import json
import os
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt

SETTINGS = Path("/etc/yrd/exchange/settings.json")
#: Of its life, what may pass before a token is renewed: Keycloak may then be away for the other half without being missed.
RENEW_AFTER = 0.5
#: Seconds that a token must still live to be worth sending.
MARGIN = 2.0
ASSERTION_SECONDS, TIMEOUT, EVERY = 30, 5.0, 5.0
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class NoTokenError(OSError):
    """The realm gave no token, and none that is kept is still alive."""


@dataclass(frozen=True)
class Client:
    """How the province asks its own realm. `purposes`: agreement to the scope that names it; `folder` keeps tokens."""

    issuer: str
    name: str
    key: Path
    authority: Path
    purposes: Mapping[str, str]
    folder: Path

    def assertion(self) -> str:
        """A statement that only the holder of the key can make, for this realm and once."""
        key = json.loads(self.key.read_text())
        now = int(time.time())
        claims = {"iss": self.name, "sub": self.name, "aud": self.issuer, "jti": secrets.token_hex(16)}
        times = {"iat": now, "exp": now + ASSERTION_SECONDS}
        return jwt.encode({**claims, **times}, key["pem"], algorithm="ES256", headers={"kid": key["kid"]})


@dataclass(frozen=True)
class Token:
    """`since` and `until` by this machine's clock, so that the realm's need not agree with it."""

    text: str
    since: float
    until: float

    def alive(self, now: float) -> bool:
        return now + MARGIN < self.until

    def fresh(self, now: float) -> bool:
        return self.alive(now) and now < self.since + (self.until - self.since) * RENEW_AFTER


def client(path: Path = SETTINGS) -> Client:
    """What the chart wrote. Raises OSError, ValueError or KeyError."""
    found: dict[str, Any] = json.loads(path.read_text())
    places = {name: Path(found[name]) for name in ("key", "authority", "folder")}
    return Client(issuer=found["issuer"], name=found["client"], purposes=dict(found["purposes"]), **places)


def ask(who: Client, scope: str) -> Token:
    """One token by client credentials. Raises OSError when nobody answers, NoTokenError when the realm refuses."""
    parts = urlsplit(who.issuer)
    form = {"grant_type": "client_credentials", "scope": scope, "client_id": who.name}
    form |= {"client_assertion_type": ASSERTION, "client_assertion": who.assertion()}
    trust = ssl.create_default_context(cafile=str(who.authority))
    connection = http.client.HTTPSConnection(parts.hostname or "", parts.port or 443, timeout=TIMEOUT, context=trust)
    since = time.time()
    try:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        connection.request("POST", f"{parts.path}/protocol/openid-connect/token", urlencode(form), headers)
        answer = connection.getresponse()
        body = answer.read(65536)
    except http.client.HTTPException as broken:
        raise NoTokenError(f"{who.issuer}: {type(broken).__name__}") from broken
    finally:
        connection.close()
    if answer.status != 200:
        # The realm's own words say which of client, scope and key is wrong; no token is among them.
        raise NoTokenError(f"{who.issuer} answered {answer.status}: {body.decode(errors='replace')[:200]}")
    said = json.loads(body)
    return Token(said["access_token"], since, since + float(said["expires_in"]))


class Tokens:
    """Tokens by agreement, shared by the processes of one pod."""

    def __init__(self, who: Client) -> None:
        self.who = who

    def get(self, agreement: str) -> str:
        """A living token for one agreement. Raises NoTokenError; for an agreement that is not this province's, too."""
        if agreement not in self.who.purposes:
            raise NoTokenError(f"no agreement {agreement} in which this province consumes")
        kept, now = self.kept(agreement), time.time()
        if kept and kept.fresh(now):
            return kept.text
        try:
            return self.renew(agreement).text
        except OSError as refused:
            if kept and kept.alive(now):
                return kept.text
            raise NoTokenError(f"no token for {agreement}: {refused}") from refused

    def kept(self, agreement: str) -> Token | None:
        try:
            return Token(**json.loads((self.who.folder / agreement).read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def renew(self, agreement: str) -> Token:
        """Ask, and keep the answer for every process of the pod. Raises OSError."""
        token = ask(self.who, self.who.purposes[agreement])
        draft = self.who.folder / f".{agreement}.{os.getpid()}.{threading.get_ident()}"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps({"text": token.text, "since": token.since, "until": token.until}))
        draft.replace(self.who.folder / agreement)
        return token

    def keep_fresh(self, stopped: threading.Event, say: Callable[[str], object]) -> None:
        """Renew whatever is past its half, until `stopped`; a realm that is away is said once and asked again."""
        away, pause = "", 0.0
        while not stopped.wait(pause):
            said, pause = "", EVERY
            for agreement in self.who.purposes:
                kept = self.kept(agreement)
                try:
                    if kept is None or not kept.fresh(time.time()):
                        self.renew(agreement)
                except (OSError, ValueError, KeyError) as refused:
                    said = f"{agreement}: {refused}"
            if said != away:
                say(said or "tokens are renewed again")
            away = said
