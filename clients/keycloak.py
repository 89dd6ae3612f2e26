"""The one way to a Keycloak's admin API: verified TLS, a token by our own signature, errors that say what to do next.

KeycloakError           the server refused or failed
+-- DeniedError         the credential may not do this
UnreachableError
+-- UnavailableError    no answer; retry is sensible
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jwt
import requests

from clients import wait
from model.errors import UnreachableError, YrdError

#: Seconds per request, seconds that a server may take to come up, seconds of an assertion's life.
TIMEOUT, PATIENCE, ASSERTION = 30.0, 240.0, 30
MASTER = "master"
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class KeycloakError(YrdError):
    """The server refused or failed."""

    def __init__(self, what: str, said: str, status: int = 0) -> None:
        super().__init__("E332", f"Keycloak {what}：{said}", f"Keycloak {what}: {said}")
        self.status = status


class DeniedError(KeycloakError):
    """The credential may not do this, or is no longer valid."""

    def __init__(self, what: str, said: str) -> None:
        YrdError.__init__(
            self, "E331", f"Keycloak 拒绝 {what}：{said}", f"Keycloak denies {what}: {said}", *_FIX_DENIED
        )
        self.status = 403


class UnavailableError(UnreachableError):
    """No answer."""

    def __init__(self, url: str, said: str) -> None:
        super().__init__("E330", f"{url} 无应答：{said}", f"{url} does not answer: {said}", *_FIX_UNAVAILABLE)


_FIX_DENIED = ("核对部署凭据，见 monitoring/runbooks/IdentityDown.md", "look at monitoring/runbooks/IdentityDown.md")
_FIX_UNAVAILABLE = (
    "运行 yrd status；日志：yrd logs hub keycloak",
    "look with `yrd status` and `yrd logs hub keycloak`",
)


@dataclass(frozen=True)
class Signer:
    """A client that proves itself by its own private key (RFC 7523); the server knows the public half."""

    client: str
    pem: str = field(repr=False)
    kid: str
    realm: str = MASTER

    def fields(self, issuer: str) -> dict[str, str]:
        now = int(time.time())
        claims = {"iss": self.client, "sub": self.client, "aud": issuer, "jti": uuid.uuid4().hex}
        claims |= {"iat": now, "exp": now + ASSERTION}  # type: ignore[dict-item]
        signed = jwt.encode(claims, self.pem, "ES256", {"kid": self.kid})
        return {"client_id": self.client, "client_assertion_type": _ASSERTION_TYPE, "client_assertion": signed}


@dataclass(frozen=True)
class Secret:
    """The client that a new server begins with; it lives for the minute until ours is there."""

    client: str
    value: str = field(repr=False)
    realm: str = MASTER

    def fields(self, issuer: str) -> dict[str, str]:
        del issuer
        return {"client_id": self.client, "client_secret": self.value}


class Keycloak:
    """A session with one server. Paths are below `/admin/realms`."""

    def __init__(self, url: str, ca_file: Path | bool, credential: Signer | Secret) -> None:
        self.url, self.credential = url, credential
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(ca_file) if isinstance(ca_file, Path) else ca_file
        self._until = 0.0

    def login(self) -> None:
        """Exchange the credential for a token. Raises DeniedError, UnavailableError."""
        realm = f"{self.url}/realms/{self.credential.realm}"
        body = {"grant_type": "client_credentials", **self.credential.fields(realm)}
        answer = self._send("POST", f"{realm}/protocol/openid-connect/token", data=body)
        if answer.status_code in (400, 401, 403):
            raise DeniedError(f"login of {self.credential.client}", _said(answer))
        _check("login", answer)
        told = answer.json()
        self._session.headers["Authorization"] = f"Bearer {told['access_token']}"
        self._until = time.monotonic() + float(told["expires_in"]) - 15

    @property
    def token(self) -> str:
        """The access token of this session, as a caller would carry it. Raises DeniedError, UnavailableError."""
        if time.monotonic() >= self._until:
            self.login()
        return str(self._session.headers["Authorization"]).removeprefix("Bearer ")

    def get(self, path: str, **query: Any) -> Any:
        """JSON of what is there, None for what is not."""
        answer = self._ask("GET", path, params=query)
        return None if answer.status_code == 404 else _checked(f"GET {path}", answer)

    def post(self, path: str, body: Any = None, **query: Any) -> str:
        """Id of what was made, empty where the answer names none."""
        answer = self._ask("POST", path, json=body, params=query)
        _check(f"POST {path}", answer)
        return answer.headers.get("Location", "").rpartition("/")[2]

    def answer(self, path: str, **query: Any) -> Any:
        """JSON that a POST without a body answers."""
        return _checked(f"POST {path}", self._ask("POST", path, params=query))

    def put(self, path: str, body: Any) -> None:
        _check(f"PUT {path}", self._ask("PUT", path, json=body))

    def delete(self, path: str, body: Any = None) -> None:
        """Gone already is fine."""
        answer = self._ask("DELETE", path, json=body)
        if answer.status_code != 404:
            _check(f"DELETE {path}", answer)

    def _ask(self, method: str, path: str, **options: Any) -> requests.Response:
        if time.monotonic() >= self._until:
            self.login()
        where = f"{self.url}/admin/realms{path}"
        answer = self._send(method, where, **options)
        if answer.status_code == 401:
            # Taken back before its time: a realm's key was rotated, or the server started anew.
            self.login()
            answer = self._send(method, where, **options)
        if answer.status_code in (401, 403):
            raise DeniedError(f"{method} {path}", _said(answer))
        return answer

    def _send(self, method: str, url: str, **options: Any) -> requests.Response:
        try:
            return self._session.request(method, url, timeout=TIMEOUT, allow_redirects=False, **options)
        except requests.RequestException as error:
            raise UnavailableError(self.url, type(error).__name__) from error


def ready(url: str, ca_file: Path | bool, seconds: float = PATIENCE) -> None:
    """Wait until the server serves its own realm. Raises UnreachableError E194."""
    wait.until(f"Keycloak at {url}", lambda: serves(url, ca_file), seconds=seconds, fix=_FIX_UNAVAILABLE[1])


def serves(url: str, ca_file: Path | bool) -> bool:
    """Whether it answers for its own realm, which needs the database too."""
    session = requests.Session()
    session.trust_env = False
    try:
        verify = str(ca_file) if isinstance(ca_file, Path) else ca_file
        return session.get(f"{url}/realms/{MASTER}", timeout=5, verify=verify).status_code == 200
    except requests.RequestException:
        return False


def part(name: str) -> str:
    """A name as one step of a path."""
    return quote(name, safe="")


def _said(answer: requests.Response) -> str:
    """The server's own words, and never what was asked."""
    try:
        told = answer.json()
    except ValueError:
        return f"HTTP {answer.status_code}"
    words = (
        told.get("error_description") or told.get("errorMessage") or told.get("error") if isinstance(told, dict) else ""
    )
    return f"HTTP {answer.status_code} {words or ''}".strip()


def _check(what: str, answer: requests.Response) -> None:
    if answer.status_code >= 300:
        raise KeycloakError(what, _said(answer), answer.status_code)


def _checked(what: str, answer: requests.Response) -> Any:
    _check(what, answer)
    return answer.json() if answer.content else None
