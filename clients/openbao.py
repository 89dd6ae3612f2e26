"""The one way to an OpenBao: typed, verified TLS, errors that say what to do next.

OpenBaoError            the server refused or failed
+-- DeniedError         the credential may not do this
UnreachableError
+-- UnavailableError    no answer; retry is sensible
+-- SealedError         it answers and gives nothing: unseal, then retry
+-- UntrustedError      its certificate is not signed by the expected authority
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import hvac
import requests
from hvac import exceptions

from clients import keys
from model.errors import UnreachableError, YrdError

#: Seconds per request, seconds that a server may take to come up, seconds between two tries.
TIMEOUT, PATIENCE, PAUSE = 20.0, 20.0, 0.25

Data = dict[str, Any]
Answer = TypeVar("Answer")


class OpenBaoError(YrdError):
    """The server refused or failed."""


class DeniedError(OpenBaoError):
    """The credential may not do this, or is no longer valid."""

    def __init__(self, url: str, said: str) -> None:
        super().__init__("E302", f"{url} 拒绝访问：{said}", f"{url} denies this: {said}", *_FIX_DENIED)


class UnavailableError(UnreachableError):
    """No answer within the time that a start may take."""

    def __init__(self, url: str, said: str) -> None:
        super().__init__("E301", f"{url} 无应答：{said}", f"{url} does not answer: {said}", *_FIX_UNAVAILABLE)


class SealedError(UnreachableError):
    """The server keeps its secrets to itself; nothing was touched."""

    def __init__(self, url: str) -> None:
        super().__init__("E300", f"{url} 密钥库已封存", f"{url}: secrets sealed", *_FIX_SEALED)


class UntrustedError(UnreachableError):
    """Somebody answers who cannot prove to be this OpenBao."""

    def __init__(self, url: str, said: str) -> None:
        super().__init__("E303", f"{url} 证书不可信：{said}", f"{url} shows a certificate of another: {said}", *_FIX_CA)


_FIX_DENIED = ("核对凭据与策略", "check which credential is used and what its policy grants")
_FIX_UNAVAILABLE = ("先运行 yrd status", "look with `yrd status`, start it with `yrd start`")
_FIX_SEALED = (
    "邻省开放后会自动解封；否则由三名保管人运行 yrd unseal，再重试",
    "unseal then retry: neighbours that are open do it by themselves; else three officers run `yrd unseal`",
)
_FIX_CA = ("核对站点根证书", "compare with the site's published root")


@dataclass(frozen=True)
class AppRole:
    """What a service proves itself with."""

    role_id: str
    secret_id: str = field(repr=False)


@dataclass(frozen=True)
class Token:
    """A token that is there already; only the first configuration has one."""

    value: str = field(repr=False)


@dataclass(frozen=True)
class Health:
    """`sys/health`; needs no credential."""

    initialized: bool
    sealed: bool
    standby: bool
    version: str

    @property
    def serves(self) -> bool:
        return self.initialized and not self.sealed and not self.standby


@dataclass(frozen=True)
class Signed:
    """A certificate and the authorities between it and the anchor, the anchor not included; PEM."""

    certificate: str
    chain: tuple[str, ...]
    anchor: str
    serial: str

    @property
    def bundle(self) -> str:
        """What a TLS server or client shows."""
        return "".join((self.certificate, *self.chain))


class OpenBao:
    """A session with one server."""

    def __init__(self, url: str, ca_file: Path, token: str = "") -> None:
        session = requests.Session()
        # A proxy of this host's environment is no way to a machine of ours.
        session.trust_env = False
        # hvac prefers the session's setting to its own parameter.
        session.verify = str(ca_file)
        self.url = url
        self._hvac = hvac.Client(url=url, token=token, verify=str(ca_file), timeout=TIMEOUT, session=session)

    @property
    def client(self) -> hvac.Client:
        """The library's own client with this session's token, for readers that speak hvac."""
        return self._hvac

    def login(self, credential: AppRole) -> None:
        """Exchange the credential for a token that this session uses from now on."""
        body = {"role_id": credential.role_id, "secret_id": credential.secret_id}
        # A refused AppRole answers 400, which is nothing but a denial.
        try:
            answer = self._call(lambda: self._hvac.adapter.post("/v1/auth/approle/login", json=body))
        except OpenBaoError as refused:
            raise DeniedError(self.url, refused.en) from refused
        self._hvac.token = answer["auth"]["client_token"]

    def login_jwt(self, role: str, token: str) -> int:
        """Exchange a person's token for a session, used from now on; returns its seconds. Raises DeniedError."""
        body = {"role": role, "jwt": token}
        try:
            answer = self._call(lambda: self._hvac.adapter.post("/v1/auth/jwt/cel/login", json=body))
        except OpenBaoError as refused:
            raise DeniedError(self.url, refused.en) from refused
        self._hvac.token = answer["auth"]["client_token"]
        return int(answer["auth"]["lease_duration"])

    def read(self, path: str) -> Data | None:
        """Data at `path`, or None where there is nothing."""
        try:
            answer = self._call(lambda: self._hvac.read(path))
        except _MissingError:
            return None
        return None if answer is None else dict(answer["data"])

    def list(self, path: str) -> tuple[str, ...]:
        """Names under `path`; none where there is nothing."""
        try:
            answer = self._call(lambda: self._hvac.list(path))
        except _MissingError:
            return ()
        return () if answer is None else tuple(answer["data"]["keys"])

    def write(self, path: str, data: Mapping[str, object]) -> Data:
        """Data of the answer (of a few old paths the answer itself), empty when the server answers with none."""
        answer = self._call(lambda: self._hvac.write_data(path, data=dict(data)))
        return dict(answer.get("data", answer) or {}) if isinstance(answer, dict) else {}

    def delete(self, path: str) -> None:
        self._call(lambda: self._hvac.delete(path))

    def sign(self, path: str, body: Mapping[str, object]) -> Signed:
        """Have a request signed; `path` is `<mount>/sign/<role>` or `<mount>/root/sign-intermediate`."""
        data = self.write(path, {"format": "pem", **body})
        certificate = _pem(data["certificate"])
        above = dict.fromkeys(_pem(p) for p in data.get("ca_chain") or [data["issuing_ca"]])
        anchors = [pem for pem in above if keys.self_signed(pem)]
        chain = tuple(pem for pem in above if pem != certificate and pem not in anchors)
        return Signed(certificate, chain, anchors[0], str(data["serial_number"]))

    def public(self, mount: str) -> str:
        """The mount's CA certificate, which needs no credential; empty where there is none."""
        answer = self._call(lambda: self._hvac.adapter.get(f"/v1/{mount}/ca/pem", raise_exception=False))
        # JSON is an error message; 204 is a mount without an authority.
        if isinstance(answer, dict) or answer.status_code != 200:
            return ""
        return _pem(answer.text) if answer.text.strip() else ""

    def anchors(self, mount: str) -> str:
        """Every self-signed certificate of a mount, oldest first: two while a root is rotated. Needs no credential."""
        found = [self.issuer(mount, name) for name in self.list(f"{mount}/issuers")]
        roots = [pem for pem in found if keys.self_signed(pem)]
        return "".join(sorted(roots, key=lambda pem: (keys.load_certificate(pem).not_valid_before_utc, pem)))

    def issuer(self, mount: str, name: str) -> str:
        """One CA certificate of a mount by its id; needs no credential."""
        return _pem(self._call(lambda: self._hvac.adapter.get(f"/v1/{mount}/issuer/{name}/pem")).text)

    def health(self) -> Health:
        """State of the server; its status code, which says the same, is ignored."""
        return self._call(self.glance)

    def glance(self) -> Health:
        """`health` asked once, for a look that must not wait for a server that is down."""
        answer = self._once(lambda: self._hvac.adapter.get("/v1/sys/health", raise_exception=False))
        body = answer if isinstance(answer, dict) else answer.json()
        if "initialized" not in body:
            # While a snapshot takes the place of everything, the server answers that it cannot even say this.
            raise UnavailableError(self.url, "; ".join(body.get("errors") or ["no state"]))
        return Health(body["initialized"], body["sealed"], body["standby"], body["version"])

    def seals_itself(self) -> bool:
        """Whether people's keys are recovery keys, because an HSM or another service opens the store."""
        return str(self._once(lambda: self._hvac.adapter.get("/v1/sys/seal-status"))["type"]) != "shamir"

    def unseal(self, key: str) -> bool:
        """Bring one share; whether the store is open now."""
        answer = self._call(lambda: self._hvac.adapter.put("/v1/sys/unseal", json={"key": key}))
        return not answer["sealed"]

    def restore(self, snapshot: bytes) -> None:
        """Replace everything by a raft snapshot, that of another cluster included; afterwards its own keys are needed."""
        self._call(lambda: self._hvac.adapter.post("/v1/sys/storage/raft/snapshot-force", data=snapshot))

    def initialise(self, shares: int, threshold: int, *, recovery: bool = False) -> Data:
        """`sys/init`. Asked once and never repeated: the keys are in the first answer alone."""
        kind = "recovery" if recovery else "secret"
        body = {f"{kind}_shares": shares, f"{kind}_threshold": threshold}
        return dict(self._once(lambda: self._hvac.adapter.put("/v1/sys/init", json=body)))

    def revoke_self(self) -> None:
        """End this session's token."""
        self._call(lambda: self._hvac.auth.token.revoke_self())

    def alive(self) -> bool:
        """Whether the session's token is accepted."""
        try:
            self._call(lambda: self._hvac.adapter.get("/v1/auth/token/lookup-self"))
        except DeniedError:
            return False
        return True

    def _call(self, ask: Callable[[], Answer]) -> Answer:
        """Ask, again while nothing listens."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self._once(ask)
            except UnavailableError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(PAUSE)

    def _once(self, ask: Callable[[], Answer]) -> Answer:
        try:
            return ask()
        except (requests.exceptions.RequestException, exceptions.VaultError) as fault:
            raise _translated(self.url, fault) from fault


class _MissingError(OpenBaoError):
    """404: nothing there."""


def _translated(url: str, fault: Exception) -> YrdError:
    """The error of ours that a fault of the library stands for."""
    said = str(fault)[:300]
    match fault:
        case requests.exceptions.SSLError():
            return UntrustedError(url, said)
        case requests.exceptions.RequestException():
            return UnavailableError(url, said)
        case exceptions.VaultDown() | exceptions.VaultNotInitialized():
            return SealedError(url)
        case exceptions.Forbidden() | exceptions.Unauthorized():
            return DeniedError(url, said)
        case exceptions.InvalidPath():
            return _MissingError("E305", f"{url} 不存在：{said}", f"{url} has no such thing: {said}")
        case _:
            return OpenBaoError("E304", f"{url} 出错：{said}", f"{url} failed: {said}")


def connect(url: str, ca_file: Path, credential: AppRole | Token) -> OpenBao:
    """A session that may do what its credential allows. Raises SealedError, UnavailableError, DeniedError."""
    ready(url, ca_file)
    if isinstance(credential, Token):
        return OpenBao(url, ca_file, credential.value)
    session = OpenBao(url, ca_file)
    session.login(credential)
    return session


def health(url: str, ca_file: Path) -> Health:
    """State of a server. Raises UnavailableError when it does not answer."""
    return OpenBao(url, ca_file).health()


def once(url: str, ca_file: Path) -> Health:
    """State of a server, asked a single time. Raises UnavailableError when it does not answer."""
    return OpenBao(url, ca_file).glance()


def ready(url: str, ca_file: Path, seconds: float = PATIENCE) -> Health:
    """Wait while a server unseals itself and becomes active. Raises SealedError when it does not within `seconds`."""
    session, deadline = OpenBao(url, ca_file), time.monotonic() + seconds
    while not (found := session.health()).serves:
        if not found.initialized or time.monotonic() > deadline:
            raise SealedError(url)
        time.sleep(PAUSE)
    return found


def load(path: Path) -> AppRole:
    """The AppRole that a file holds: `{"role_id", "secret_id"}`. Raises OSError, KeyError, ValueError."""
    held = json.loads(path.read_text())
    return AppRole(held["role_id"], held["secret_id"])


def _pem(text: str) -> str:
    return text.strip() + "\n"
