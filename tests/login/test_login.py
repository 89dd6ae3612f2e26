"""The role's own configuration, run by the real oauth2-proxy before the real page: who gets in, and what a browser is left with."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import jinja2
import pytest
import requests
import uvicorn

from clients import ports, wait
from model import identity
from model.load import find_root
from services.portal.app import app
from tests.login.broker import Broker, serving
from tests.portal.world import SETTINGS, snapshot
from tests.services.issuer import certificate
from toolchain.paths import tools

ROLE = find_root() / "roles/login"
SECRET = "made-on-the-machine"  # noqa: S105


def program() -> str:
    cached = sorted(str(p) for p in tools().glob("oauth2-proxy-*/bin/oauth2-proxy"))
    found = shutil.which("oauth2-proxy") or (cached[-1] if cached else None)
    if not found:
        pytest.skip("oauth2-proxy was not built yet: python -m toolchain install oauth2-proxy")
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("login")


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[Broker]:
    with serving(Broker(SECRET), certificate(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[Path]:
    """The real page at its socket."""
    place = folder / "portal.sock"
    server = uvicorn.Server(uvicorn.Config(app(SETTINGS, snapshot), uds=str(place), log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait.until("the page's socket", place.exists, seconds=20, every=0.1)
    yield place
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(scope="module")
def behind() -> Iterator[str]:
    """In Prometheus' place: answers with its own name and every header that it was given."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f"{self.path}\n{self.headers}".encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/prometheus/"
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def site(folder: Path, broker: Broker, page: Path, behind: str) -> Iterator[str]:
    listen = f"127.0.0.1:{ports.free()}"
    shutil.copy(folder / "issuer.crt", folder / "portal.crt")
    shutil.copy(folder / "issuer.key", folder / "portal.key")
    shutil.copy(folder / "issuer.crt", folder / "ca.pem")
    broker.redirects = (f"https://{listen}/oauth2/callback",)
    with running(folder, listen, broker.issuer, SECRET, [f"unix://{page}", behind]):
        yield f"https://{listen}"


@contextmanager
def running(folder: Path, listen: str, issuer: str, secret: str, upstreams: list[str]) -> Iterator[None]:
    """The template of the role with its files in another place; everything else is as on the hub."""
    shutil.copytree(ROLE / "files/etc/yrd/login", folder / "login")
    (folder / "login/client").write_text(secret)
    (folder / "login/cookie").write_text("x" * 43)
    loader = jinja2.FileSystemLoader(ROLE / "templates")
    environment = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, autoescape=False)  # noqa: S701
    environment.filters["to_json"] = json.dumps
    text = environment.get_template("etc/yrd/login.cfg.j2").render(
        login_issuer=issuer,
        login_client=identity.PORTAL,
        login_roles=list(identity.ENTRANTS),
        login_roles_claim=identity.CLAIM_ROLES,
        login_listen=listen,
        login_upstreams=upstreams,
    )
    text = text.replace("/etc/yrd/login/", f"{folder}/login/").replace("/etc/yrd/tls/", f"{folder}/")
    (folder / "login.cfg").write_text(text)
    log = (folder / "log").open("wb")
    run = subprocess.Popen([program(), f"--config={folder}/login.cfg"], stdout=log, stderr=log)
    try:
        wait.until("oauth2-proxy to listen", lambda: _listens(listen, run, folder / "log"), seconds=30, every=0.2)
        yield
    finally:
        os.kill(run.pid, signal.SIGTERM)
        run.wait(timeout=10)


def _listens(listen: str, run: subprocess.Popen[bytes], log: Path) -> bool:
    assert run.poll() is None, log.read_text()[-2000:]
    host, port = listen.split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


@pytest.fixture
def browser(folder: Path, broker: Broker) -> requests.Session:
    session = requests.Session()
    session.trust_env, session.verify = False, str(folder / "ca.pem")
    broker.nonce, broker.roles, broker.asked = "", [], []
    return session


@pytest.mark.parametrize("path", ["/", "/zh", "/static/style.css", "/prometheus/api/v1/query?query=up", "/healthz"])
def test_nothing_is_shown_before_a_login(site: str, browser: requests.Session, path: str) -> None:
    answer = browser.get(f"{site}{path}", allow_redirects=False)
    assert answer.status_code == 302
    assert "/protocol/openid-connect/auth?" in answer.headers["location"]
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["nonce"]


@pytest.mark.parametrize("header", ["X-Forwarded-User", "X-Auth-Request-Groups", "Authorization"])
def test_a_header_is_no_login(site: str, browser: requests.Session, header: str) -> None:
    answer = browser.get(f"{site}/zh", headers={header: "system-administrator"}, allow_redirects=False)
    assert answer.status_code == 302


@pytest.mark.parametrize("roles", [[], [identity.CITIZEN], ["officials"]])
def test_who_holds_no_office_is_refused_in_both_languages(
    site: str, broker: Broker, browser: requests.Session, roles: list[str]
) -> None:
    broker.roles = roles
    answer = browser.get(f"{site}/zh")
    assert answer.status_code == 403
    assert "仅供公职人员" in answer.text
    assert "for officials and administrators only" in answer.text
    assert browser.get(f"{site}/zh", allow_redirects=False).status_code != 200


@pytest.mark.parametrize("role", identity.ENTRANTS)
def test_an_office_opens_the_page_and_prometheus(
    site: str, broker: Broker, browser: requests.Session, role: str
) -> None:
    broker.roles = [role]
    answer = browser.get(f"{site}/zh")
    assert answer.status_code == 200
    assert "上海市" in answer.text
    seen = browser.get(f"{site}/prometheus/api/v1/query?query=up")
    assert seen.text.startswith("/prometheus/api/v1/query?query=up")
    assert "Authorization" not in seen.text
    assert len(broker.asked) == 1


def test_the_browser_keeps_a_closed_cookie_for_half_an_hour(
    site: str, broker: Broker, browser: requests.Session
) -> None:
    broker.roles = [identity.OFFICIAL]
    first = browser.get(f"{site}/zh")
    given = [r.headers["set-cookie"] for r in first.history if "__Host-yrd-login=" in r.headers.get("set-cookie", "")]
    session = next(part for part in given if "Max-Age" in part or "Expires" in part)
    for word in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/"):
        assert word in session
    assert "Domain=" not in session
    cookie = next(c for c in browser.cookies if c.name == "__Host-yrd-login")
    assert cookie.expires
    assert cookie.expires - time.time() < 1801
    assert "eyJ" not in (cookie.value or ""), "no token lies in the browser"


def test_a_cookie_that_was_changed_is_worth_nothing(site: str, broker: Broker, browser: requests.Session) -> None:
    broker.roles = [identity.OFFICIAL]
    assert browser.get(f"{site}/zh").status_code == 200
    cookie = next(c for c in browser.cookies if c.name == "__Host-yrd-login")
    value = str(cookie.value)
    forged = value[:10] + ("A" if value[10] != "A" else "B") + value[11:]
    answer = requests.get(
        f"{site}/zh", cookies={cookie.name: forged}, verify=browser.verify, allow_redirects=False, timeout=10
    )
    assert answer.status_code == 302


def test_an_answer_to_another_question_is_refused(site: str, broker: Broker, browser: requests.Session) -> None:
    broker.roles, broker.nonce = [identity.OFFICIAL], "of-another-login"
    answer = browser.get(f"{site}/zh")
    assert answer.status_code >= 400
    assert "上海市" not in answer.text


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(
    site: str, broker: Broker, browser: requests.Session
) -> None:
    broker.roles = [identity.OFFICIAL]
    sent = browser.get(f"{site}/zh", allow_redirects=False).headers["location"]
    back = browser.get(sent, allow_redirects=False).headers["location"]
    stranger = requests.get(back, verify=browser.verify, allow_redirects=False, timeout=10)
    assert stranger.status_code == 403
    assert not any(c.name == "__Host-yrd-login" for c in stranger.cookies)
