"""A person at the login pages, for environments whose people are made up: fills in name, password and one-time code.

It reads the same pages as a browser does and sends the same forms; a page that asks for anything else is an error.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

import requests

from clients import wait
from model.errors import UnreachableError, YrdError

TIMEOUT = 30.0
#: Pages between the address and the way back; a login abroad has the most.
PAGES = 12
_LOOPBACK = "127.0.0.1"


@dataclass
class Person:
    """Somebody with a password and the seed of a second factor. Keeps the cookies of the browser: one session for all visits."""

    name: str
    password: str = field(repr=False)
    seed: str = field(default="", repr=False)
    digits: int = 6
    period: int = 30
    _used: int = 0
    _again: bool = False
    _browser: requests.Session | None = None

    def visit(self, address: str, trust: str) -> str:
        """Follow `address` until it leads back to this host's loopback; returns that address. Raises YrdError E370."""
        if (back := self._walk(address, trust)) is None:
            raise self._lost("the login ended on a page")
        return back

    def approve(self, address: str, trust: str) -> None:
        """Follow `address`, log in and agree, until a page asks for nothing more: a login on another machine."""
        if self._walk(address, trust) is not None:
            raise self._lost("the login ended on this host")

    def _walk(self, address: str, trust: str) -> str | None:
        browser = self._browser = self._browser or requests.Session()
        browser.trust_env = False
        browser.verify = trust
        answer = self._go(browser, address)
        for _ in range(PAGES * 3):
            if (target := answer.headers.get("Location")) is not None:
                target = urljoin(answer.url, target)
                if urlsplit(target).hostname == _LOOPBACK and urlsplit(target).scheme == "http":
                    return target
                answer = self._go(browser, target)
                continue
            page = _form(answer)
            if not page.action and answer.status_code == 200:
                return None
            action, fields = self._filled(answer, page)
            answer = self._go(browser, urljoin(answer.url, action), fields)
        raise self._lost("too many pages")

    def enter(self, address: str, trust: str, home: str) -> requests.Response:
        """Open a page behind a login at the broker, come from `home`, and return what its own host answers in the end.

        Raises YrdError E370.
        """
        browser = self._browser = self._browser or requests.Session()
        browser.trust_env, browser.verify = False, trust
        host, hint = urlsplit(address).netloc, f"&{urlencode({'kc_idp_hint': home})}"
        answer = self._go(browser, address)
        for _ in range(PAGES * 3):
            if (target := answer.headers.get("Location")) is not None:
                target = urljoin(answer.url, target)
                if "/protocol/openid-connect/auth?" in target and hint:
                    target, hint = target + hint, ""
                answer = self._go(browser, target)
            elif urlsplit(answer.url).netloc == host:
                return answer
            else:
                action, fields = self._filled(answer, _form(answer))
                answer = self._go(browser, urljoin(answer.url, action), fields)
        raise self._lost("too many pages")

    @property
    def browser(self) -> requests.Session:
        """With the cookies of every visit so far."""
        return self._browser or requests.Session()

    def deliver(self, address: str, trust: str) -> None:
        """As a browser: visit, and bring the answer to the program that waits for it."""
        back = self.visit(address, trust)
        session = requests.Session()
        session.trust_env = False
        session.get(back, timeout=TIMEOUT)

    def _go(self, browser: requests.Session, url: str, form: dict[str, str] | None = None) -> requests.Response:
        """One page. Raises UnreachableError E375 when there is none."""
        method = "GET" if form is None else "POST"
        try:
            return browser.request(method, url, data=form, timeout=TIMEOUT, allow_redirects=False)
        except requests.RequestException as gone:
            place = urlsplit(url).netloc
            raise UnreachableError(
                "E375",
                f"{self.name} 打不开 {place} 的页面",
                f"{self.name} finds no page at {place}: {type(gone).__name__}",
                "先运行 yrd status",
                "look with `yrd status`",
            ) from gone

    def _filled(self, answer: requests.Response, page: _Form) -> tuple[str, dict[str, str]]:
        """The page's form as this person fills it in."""
        values = dict(page.fields)
        # A code that another program of this person used a moment ago is refused; the next one is not.
        again = "otp" in values and self._used > 0 and not self._again
        if not page.action or (page.refused and not again) or answer.status_code >= 400:
            raise self._lost(f"HTTP {answer.status_code} {page.refused or ' '.join(page.text.split())[-300:]}")
        self._again = page.refused != ""
        known = {"username": lambda: self.name, "password": lambda: self.password, "otp": self.code}
        asked = [name for name in known if name in values]
        if not asked and not page.buttons:
            raise self._lost(f"a form with {', '.join(values)}")
        agreed = {"accept": "yes"} if "accept" in page.buttons else {}
        return page.action, {**values, **agreed, **{name: known[name]() for name in asked}}

    def code(self) -> str:
        """The one-time code of this moment (RFC 6238), each one only once: a realm takes none twice."""
        wait.until("the next one-time code", lambda: self._counter() > self._used, seconds=self.period + 5, every=0.2)
        self._used = self._counter()
        digest = hmac.new(self.seed.encode(), struct.pack(">Q", self._used), hashlib.sha1).digest()
        start = digest[-1] & 15
        number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
        return str(number % 10**self.digits).zfill(self.digits)

    def _counter(self) -> int:
        return int(time.time()) // self.period

    def _lost(self, said: str) -> YrdError:
        return YrdError("E370", f"{self.name} 无法登录：{said}", f"{self.name} cannot log in: {said}")


def _form(answer: requests.Response) -> _Form:
    page = _Form()
    page.feed(answer.text)
    return page


class _Form(HTMLParser):
    """The first form that is sent by POST, and the page's text."""

    def __init__(self) -> None:
        super().__init__()
        self.action, self.text = "", ""
        self.fields: dict[str, str] = {}
        self.refused = ""
        self.buttons: set[str] = set()
        self._inside = self._error = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        row = {name: value or "" for name, value in attrs}
        if tag == "form" and row.get("method", "").lower() == "post" and not self.action:
            self.action, self._inside = row.get("action", ""), True
        elif self._inside and tag in ("input", "button"):
            self.buttons |= {row.get("name", "")} if row.get("type") == "submit" else set()
            if row.get("name") and row.get("type") not in ("checkbox", "radio", "submit"):
                self.fields[row["name"]] = row.get("value", "")
        self._error = self._error or row.get("id", "").startswith("input-error")

    def handle_endtag(self, tag: str) -> None:
        self._inside = self._inside and tag != "form"
        self._error = self._error and tag not in ("span", "div", "p")

    def handle_data(self, data: str) -> None:
        self.text += data + " "
        self.refused += data.strip() if self._error else ""
