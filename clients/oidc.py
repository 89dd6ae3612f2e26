"""The one way to a realm as a person's own program: log in by a browser or by a code, refresh, end. OAuth 2 words are oauthlib's.

LoginError              the realm refused
+-- EndedError          the session is over: log in again
RealmUnreachableError   the realm does not answer; tokens that are valid stay so
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import urlsplit

import requests
from oauthlib.oauth2 import DeviceClient, OAuth2Error, WebApplicationClient

from model.errors import UnreachableError, YrdError

#: Seconds per request; seconds in which a person has to come back from the browser.
TIMEOUT, PATIENCE = 10.0, 300.0


class LoginError(YrdError):
    """The realm said no, and why."""

    def __init__(self, issuer: str, said: str) -> None:
        zh, en = f"{issuer} 拒绝登录：{said}", f"{issuer} refuses this login: {said}"
        super().__init__(
            "E361", zh, en, "核对账号与验证码后重试", "check the account and its second factor, then repeat"
        )


class EndedError(LoginError):
    """The refresh token is worth nothing any more: used twice, too old, or the session was ended."""

    def __init__(self, issuer: str, said: str) -> None:
        YrdError.__init__(
            self,
            "E362",
            f"{issuer} 的会话已结束：{said}",
            f"the session at {issuer} is over: {said}",
            "运行 yrd login 重新登录",
            "log in again: yrd login",
        )


class RealmUnreachableError(UnreachableError):
    """Nobody answers, or somebody who cannot prove to be the realm."""

    def __init__(self, issuer: str, said: str) -> None:
        super().__init__(
            "E360",
            f"{issuer} 无应答：{said}",
            f"{issuer} does not answer: {said}",
            "已签发的令牌在到期前仍有效；稍后重试或运行 yrd status",
            "valid tokens go on until they expire; retry later, look with `yrd status`",
        )


@dataclass(frozen=True)
class Tokens:
    """What a realm gives. `expires` is the access token's end, in seconds since 1970."""

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires: float


@dataclass(frozen=True)
class Begun:
    """A login between its address and its answer."""

    address: str
    back: str
    state: str
    verifier: str = field(repr=False)


@dataclass(frozen=True)
class Client:
    """A public client of one realm. `trust` is a file with the root that signs the realm's certificate."""

    issuer: str
    client: str
    trust: str

    def browser(self, scopes: Sequence[str], announce: Callable[[str], None], hints: Mapping[str, str]) -> Tokens:
        """Authorization Code with PKCE: `announce` shows the address that the person opens; the answer comes to loopback."""
        with _Listener() as listener:
            begun = self.begin(scopes, listener.address, hints)
            announce(begun.address)
            return self.finish(begun, listener.wait(PATIENCE))

    def begin(self, scopes: Sequence[str], back: str, hints: Mapping[str, str]) -> Begun:
        """A login that waits for a person who opens its address."""
        oauth = WebApplicationClient(self.client)
        verifier, state = oauth.create_code_verifier(64), oauth.create_code_verifier(43)
        address: str = oauth.prepare_request_uri(
            self._endpoints()["authorization_endpoint"],
            redirect_uri=back,
            scope=list(scopes),
            state=state,
            code_challenge=_challenge(verifier),
            code_challenge_method="S256",
            **hints,
        )
        return Begun(address, back, state, verifier)

    def finish(self, begun: Begun, answer: str) -> Tokens:
        """Tokens for the answer: path and query with which the person came back. Raises LoginError."""
        try:
            # oauthlib asks for https; on loopback there is no wire (RFC 8252, 7.3).
            parsed = WebApplicationClient(self.client).parse_request_uri_response(
                f"https://127.0.0.1{answer}", state=begun.state
            )
        except OAuth2Error as refused:
            raise LoginError(self.issuer, refused.description or refused.error or type(refused).__name__) from refused
        body = {"grant_type": "authorization_code", "code": parsed["code"], "code_verifier": begun.verifier}
        return self._tokens(self._endpoints()["token_endpoint"], {**body, "redirect_uri": begun.back}, LoginError)

    def device(self, scopes: Sequence[str], announce: Callable[[str], None], hints: Mapping[str, str]) -> Tokens:
        """Device grant (RFC 8628): the person opens the address on another machine."""
        ends, oauth = self._endpoints(), DeviceClient(self.client)
        # Keycloak asks for PKCE here as well.
        verifier = WebApplicationClient(self.client).create_code_verifier(64)
        proof = {"code_challenge": _challenge(verifier), "code_challenge_method": "S256"}
        body = {"scope": " ".join(scopes), **proof, **hints}
        started = self._post(ends["device_authorization_endpoint"], body, LoginError)
        announce(str(started.get("verification_uri_complete") or started["verification_uri"]))
        end, pause = time.monotonic() + float(started["expires_in"]), float(started.get("interval", 5))
        ask = {"grant_type": oauth.grant_type, "device_code": started["device_code"], "code_verifier": verifier}
        while time.monotonic() < end:
            # The realm asks not to be asked more often than this.
            time.sleep(pause)
            try:
                return self._tokens(ends["token_endpoint"], ask, _DeviceError)
            except _DeviceError as waiting:
                if waiting.said not in ("authorization_pending", "slow_down"):
                    raise LoginError(self.issuer, waiting.said) from waiting
                pause += 5 if waiting.said == "slow_down" else 0
        raise LoginError(self.issuer, "nobody entered the code in time")

    def refresh(self, refresh: str, scopes: Sequence[str]) -> Tokens:
        """New tokens for an old one, which is worth nothing afterwards. Raises EndedError."""
        body = {"grant_type": "refresh_token", "refresh_token": refresh, "scope": " ".join(scopes)}
        return self._tokens(self._endpoints()["token_endpoint"], body, EndedError)

    def end(self, refresh: str) -> None:
        """End the session at the realm. One that is over already is no error."""
        try:
            self._post(self._endpoints()["revocation_endpoint"], {"token": refresh}, EndedError)
        except EndedError:
            return

    def _endpoints(self) -> Mapping[str, str]:
        answer = self._ask("GET", f"{self.issuer}/.well-known/openid-configuration")
        if answer.status_code != 200:
            raise RealmUnreachableError(self.issuer, f"HTTP {answer.status_code}")
        return dict(answer.json())

    def _tokens(self, url: str, body: Mapping[str, str], fault: Callable[[str, str], YrdError]) -> Tokens:
        got = self._post(url, body, fault)
        return Tokens(str(got["access_token"]), str(got["refresh_token"]), time.time() + float(got["expires_in"]))

    def _post(self, url: str, body: Mapping[str, str], fault: Callable[[str, str], YrdError]) -> dict[str, Any]:
        answer = self._ask("POST", url, {"client_id": self.client, **body})
        said = dict(answer.json()) if answer.text.startswith("{") else {}
        if answer.status_code >= 500:
            raise RealmUnreachableError(self.issuer, f"HTTP {answer.status_code}")
        if not answer.ok:
            code = str(said.get("error", answer.status_code))
            raise fault(self.issuer, code if fault is _DeviceError else str(said.get("error_description") or code))
        return said

    def _ask(self, method: str, url: str, body: Mapping[str, str] | None = None) -> requests.Response:
        session = requests.Session()
        # A proxy of this host's environment is no way to a realm of ours.
        session.trust_env = False
        try:
            return session.request(method, url, data=body, verify=self.trust, timeout=TIMEOUT)
        except (requests.RequestException, OSError) as gone:
            raise RealmUnreachableError(self.issuer, str(gone)[:200]) from gone


class _DeviceError(YrdError):
    """What the realm says while nobody has entered the code yet."""

    def __init__(self, _issuer: str, said: str) -> None:
        self.said = said
        super().__init__("E361", said, said)


def _challenge(verifier: str) -> str:
    """RFC 7636, method S256."""
    return str(WebApplicationClient("").create_code_challenge(verifier, "S256"))


def claims(token: str) -> dict[str, Any]:
    """What a token says, unverified: for messages of the program that got it from the realm itself."""
    middle = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4))))


_PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>yrd</title>
<p>{zh}</p><p lang="en">{en}</p></html>"""


class _Listener:
    """Waits on loopback for the one request that brings the realm's answer."""

    def __init__(self) -> None:
        found: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                here = urlsplit(self.path).path == "/callback"
                if here:
                    found.append(self.path)
                good = here and "error=" not in self.path
                zh, en = ("登录完成，可以关闭此页。", "You are logged in; close this page.")
                if not good:
                    zh, en = ("登录未完成，请查看命令行。", "You are not logged in; the command line says why.")
                page = _PAGE.format(zh=zh, en=en).encode()
                self.send_response(200 if here else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(page)))
                self.end_headers()
                self.wfile.write(page)

            def log_message(self, *_: object) -> None:
                """The address holds a code: it is written nowhere."""

        self._found, self._server = found, HTTPServer(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/callback"

    def wait(self, seconds: float) -> str:
        """Path and query of the answer. Raises LoginError E363 when nobody comes."""
        end = time.monotonic() + seconds
        while not self._found:
            self._server.timeout = max(end - time.monotonic(), 0.1)
            self._server.handle_request()
            if not self._found and time.monotonic() > end:
                raise YrdError(
                    "E363",
                    f"{seconds:.0f} 秒内未完成登录",
                    f"nobody logged in within {seconds:.0f} seconds",
                    "重新运行；没有浏览器时加 --device",
                    "repeat; without a browser use --device",
                )
        return self._found[0]

    def __enter__(self) -> _Listener:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.server_close()
