"""A person with a browser: follows redirects, fills in forms, keeps cookies. No script is run, since the pages have none."""

from __future__ import annotations

import base64
import hashlib
import html
import re
import secrets
import struct
import time
from dataclasses import dataclass, field
from hmac import digest
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urljoin, urlsplit

import jwt
import requests

REDIRECT = "http://127.0.0.1:7777/callback"
FORM = re.compile(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
INPUT = re.compile(r"<input\b[^>]*>")


@dataclass(frozen=True)
class Page:
    """What a person sees: where it is, and what it says."""

    url: str
    status: int
    text: str

    @property
    def fields(self) -> dict[str, str]:
        """Names and values of the first form's inputs."""
        found = FORM.search(self.text)
        rows = [dict(re.findall(r'(\w+)="([^"]*)"', tag)) for tag in INPUT.findall(found.group(2))] if found else []
        return {row["name"]: html.unescape(row.get("value", "")) for row in rows if "name" in row}

    @property
    def code(self) -> str:
        """The authorization code, when this is the way back to the application."""
        return (parse_qs(urlsplit(self.url).query).get("code") or [""])[0]

    @property
    def error(self) -> str:
        return (parse_qs(urlsplit(self.url).query).get("error") or [""])[0]

    def links(self, part: str) -> list[str]:
        found = [html.unescape(h) for h in re.findall(r'href="([^"]+)"', self.text)]
        return [urljoin(self.url, h) for h in found if part in h]


@dataclass
class Tokens:
    """What an application was given; claims are read without a check, which is the application's business."""

    raw: dict[str, Any]

    @property
    def access(self) -> dict[str, Any]:
        return claims(str(self.raw["access_token"]))

    @property
    def id(self) -> dict[str, Any]:
        return claims(str(self.raw["id_token"]))


def claims(token: str) -> dict[str, Any]:
    return dict(jwt.decode(token, options={"verify_signature": False}))


_USED: dict[str, int] = {}


def next_code(seed: str) -> str:
    """A code that was not shown yet: this period's, the next one's, or after a wait; none is taken twice."""
    period = max(int(time.time() // 30), _USED.get(seed, 0) + 1)
    while period > int(time.time() // 30) + 1:
        time.sleep(0.5)
    _USED[seed] = period
    return totp(seed, period * 30)


def totp(seed: str, at: float | None = None) -> str:
    """RFC 6238 with Keycloak's bytes: those of the seed's text."""
    moment = int((time.time() if at is None else at) // 30)
    hashed = digest(seed.encode(), struct.pack(">Q", moment), "sha1")
    start = hashed[-1] & 15
    return f"{(struct.unpack('>I', hashed[start : start + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"


@dataclass
class Browser:
    """One browser: its cookies are its own. `answer` stops before the application's address and gives it back."""

    ca: Path
    home: str = ""
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False
        self.session.verify = str(self.ca)

    def open(self, url: str, *, stop: str = REDIRECT) -> Page:
        return self._follow("GET", url, None, stop)

    def submit(self, page: Page, *, stop: str = REDIRECT, **values: str) -> Page:
        """Fill in the first form of a page."""
        found = FORM.search(page.text)
        assert found, page.text[:2000]
        action = urljoin(page.url, html.unescape(found.group(1)))
        return self._follow("POST", action, {**page.fields, **values}, stop)

    def _follow(self, method: str, url: str, data: dict[str, str] | None, stop: str) -> Page:
        for _ in range(20):
            if url.startswith(stop):
                return Page(url, 0, "")
            got = self.session.request(method, url, data=data, allow_redirects=False, timeout=60)
            if not got.is_redirect:
                return Page(url, got.status_code, got.text)
            url, method, data = urljoin(url, got.headers["Location"]), "GET", None
        raise AssertionError("more than twenty redirects")


@dataclass
class Application:
    """A client that people log in at, with PKCE. `proof` are the fields by which it proves itself at the token endpoint."""

    issuer: str
    client: str
    ca: Path
    redirect: str = REDIRECT
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))

    def start(self, **more: str) -> str:
        """Address of the login."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).decode().rstrip("=")
        query = {
            "client_id": self.client,
            "response_type": "code",
            "redirect_uri": self.redirect,
            "scope": "openid",
            "state": "s",
            "nonce": "n",
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return f"{self.issuer}/protocol/openid-connect/auth?{urlencode({**query, **more})}"

    def tokens(self, page: Page, proof: dict[str, str] | None = None) -> Tokens:
        assert page.code, (page.url, page.text[:3000])
        body = {"grant_type": "authorization_code", "code": page.code, "redirect_uri": self.redirect}
        return Tokens(self.ask({**body, "code_verifier": self.verifier}, proof).json())

    def refresh(self, tokens: Tokens, proof: dict[str, str] | None = None) -> requests.Response:
        return self.ask({"grant_type": "refresh_token", "refresh_token": str(tokens.raw["refresh_token"])}, proof)

    def ask(self, body: dict[str, str], proof: dict[str, str] | None = None) -> requests.Response:
        url = f"{self.issuer}/protocol/openid-connect/token"
        session = requests.Session()
        session.trust_env = False
        return session.post(
            url, data={"client_id": self.client, **body, **(proof or {})}, verify=str(self.ca), timeout=60
        )


def login(browser: Browser, application: Application, user: str, password: str, factor: str = "", **more: str) -> Page:
    """Through the pages: name and password, and a second factor where one is asked for. The last page, whatever it is."""
    page = browser.submit(
        browser.open(application.start(**more), stop=application.redirect),
        stop=application.redirect,
        username=user,
        password=password,
    )
    if factor and "otp" in page.fields:
        page = browser.submit(page, stop=application.redirect, otp=next_code(factor))
    return page
