"""The hub watches over mutual TLS and nobody else can; the page in a real browser says what is, and what is not known."""

from __future__ import annotations

import os
import re
import signal
import socket
from pathlib import Path

import pytest
import requests
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from clients import state, wait
from model import identity
from model.derive import Plan
from model.matrix import Subject, Way
from stacks.access_try import Visitors
from tests.live import support


@pytest.fixture(scope="module")
def visitors(plan: Plan) -> Visitors:
    """The environment's people, each with a browser of their own."""
    return Visitors(plan)


def trust(plan: Plan) -> str:
    return str(state.root_certificate(support.ENVIRONMENT, plan.hub.name))


def front(plan: Plan) -> str:
    return f"https://{plan.hub.head.address}:{plan.world.region.ports.portal}"


def enter(plan: Plan, visitors: Visitors, role: str, home: str, address: str) -> requests.Response:
    return visitors.person(Subject(role, home, Way.BROKER)).enter(address, trust(plan), home)


@pytest.fixture(scope="module")
def prometheus(plan: Plan, visitors: Visitors) -> requests.Session:
    """Prometheus as an official of Anhui sees it, after a login at home."""
    address = f"{front(plan)}/prometheus/-/ready"
    wait.until(
        "an official to get in",
        lambda: enter(plan, visitors, identity.OFFICIAL, "anhui", address).status_code == 200,
        seconds=60,
        every=3,
    )
    return visitors.person(Subject(identity.OFFICIAL, "anhui", Way.BROKER)).browser


def query(session: requests.Session, plan: Plan, text: str) -> dict[str, float]:
    """Value by province."""
    url = f"{front(plan)}/prometheus/api/v1/query"
    rows = session.get(url, params={"query": text}, timeout=10).json()["data"]["result"]
    return {row["metric"]["province"]: float(row["value"][1]) for row in rows}


def test_metrics_are_for_the_hub_alone(plan: Plan) -> None:
    """Refused without a certificate, and with one of the province's own."""
    anhui, port = plan.province("anhui"), plan.world.region.ports.metrics
    url = f"https://{anhui.head.address}:{port}/metrics"
    curl = f"""python3 -c "
import ssl,urllib.request,sys
c=ssl.create_default_context(cafile='/etc/yrd/tls/ca.pem'); c.check_hostname=False
if len(sys.argv)>1: c.load_cert_chain('/etc/yrd/tls/signer.crt','/etc/yrd/tls/signer.key')
try: print(urllib.request.urlopen('{url}',context=c,timeout=5).status)
except OSError as fault: print('refused',fault)" """
    assert "refused" in support.inside("anhui-1", curl)
    assert "refused" in support.inside("anhui-1", f"{curl} own")


def test_prometheus_hears_every_province_and_every_collector_works(plan: Plan, prometheus: requests.Session) -> None:
    members = set(plan.world.region.members)
    wait.until(
        "every province to be scraped",
        lambda: (
            {k for k, v in query(prometheus, plan, "sum by (province)(yrd_collector_success)").items() if v} == members
        ),
        seconds=90,
        every=2,
    )
    wait.until(
        "every collector to succeed",
        lambda: set(query(prometheus, plan, "min by (province)(yrd_collector_success)").values()) == {1.0},
        seconds=60,
        every=2,
    )
    assert query(prometheus, plan, "sum by (province)(yrd_mesh_rejected_configurations)") == dict.fromkeys(members, 0.0)
    assert query(prometheus, plan, "yrd_agreement_enforced") == {"anhui": 1.0}
    assert set(query(prometheus, plan, 'yrd_audit_results{verdict="fail"}').values()) == {0.0}
    assert all(v > 100 << 20 for v in query(prometheus, plan, "yrd_machine_memory_working_set_bytes").values())


@pytest.mark.parametrize("path", ["/", "/zh", "/prometheus/", "/prometheus/api/v1/query?query=up", "/static/style.css"])
def test_nothing_is_shown_without_a_login(plan: Plan, path: str) -> None:
    answer = requests.get(f"{front(plan)}{path}", verify=trust(plan), allow_redirects=False, timeout=10)
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(
        f"{identity.realm(plan, identity.BROKER).issuer}/protocol/openid-connect/auth?"
    )


@pytest.mark.parametrize("where", ["hub-1", "host"])
def test_nothing_answers_beside_the_login(plan: Plan, where: str) -> None:
    """Neither Prometheus nor the page listens on the network; on the machine the page's socket is its own group's."""
    host, port = str(plan.hub.head.address), plan.world.region.ports.prometheus
    if where == "host":
        with socket.socket() as probe:
            probe.settimeout(5)
            assert probe.connect_ex((host, port)) != 0
        return
    listening = support.inside(where, "ss -Hltn")
    assert f"127.0.0.1:{port}" in listening
    assert f"{host}:{port}" not in listening and f"0.0.0.0:{port}" not in listening
    assert "denied" in support.inside(
        where, "setpriv --reuid=nobody --clear-groups ls /run/yrd-portal 2>&1", check=False
    )


def test_a_citizen_is_told_that_it_is_not_for_citizens(plan: Plan, visitors: Visitors) -> None:
    answer = enter(plan, visitors, identity.CITIZEN, "anhui", f"{front(plan)}/zh")
    assert answer.status_code == 403
    assert "仅供公职人员" in answer.text and "officials and administrators only" in answer.text
    assert "上海市" not in answer.text


@pytest.mark.parametrize(
    ("role", "home"), [(identity.OFFICIAL, "jiangsu"), *((p, "shanghai") for p in identity.POWERS)]
)
def test_an_office_opens_the_page(plan: Plan, visitors: Visitors, role: str, home: str) -> None:
    answer = enter(plan, visitors, role, home, f"{front(plan)}/zh")
    assert answer.status_code == 200, answer.text[:500]
    assert "上海市" in answer.text


@pytest.mark.parametrize("what", ["portal", "prometheus"])
def test_open_brings_the_page_here_and_says_where_to_log_in(
    plan: Plan, visitors: Visitors, tmp_path: Path, what: str
) -> None:
    log = tmp_path / "open"
    run = support.start("open", what, "-e", support.ENVIRONMENT, log=log)
    try:
        found = wait.until(
            "the address", lambda: re.search(r"https://127\.0\.0\.1:\d+/\S*", log.read_text()), seconds=30
        )
        wait.until("the place to log in", lambda: "log in at https://" in log.read_text(), seconds=10)
        assert enter(plan, visitors, identity.OFFICIAL, "zhejiang", found.group()).status_code == 200
    finally:
        os.kill(run.pid, signal.SIGINT)
        run.wait(timeout=20)


def test_the_page_shows_four_provinces_one_flow_and_the_audit(
    plan: Plan, visitors: Visitors, prometheus: requests.Session, tmp_path: Path
) -> None:
    text = wait.until(
        "the page to know of everything",
        lambda: (
            t if (t := prometheus.get(f"{front(plan)}/zh", timeout=10).text).count('class="card good"') == 4 else None
        ),
        seconds=120,
        every=3,
    )
    assert len(re.findall(r'<line class="flow good"', text)) == 1
    for name in ("上海市", "江苏省", "浙江省", "安徽省"):
        assert name in text
    assert "anhui-shanghai-population" in text
    picture = photographed(f"{front(plan)}/en", prometheus, tmp_path)
    assert picture.stat().st_size > 20_000
    if keep := os.environ.get("YRD_SCREENSHOTS"):
        (Path(keep) / "portal.png").write_bytes(picture.read_bytes())


def photographed(url: str, session: requests.Session, folder: Path) -> Path:
    """The page in a real browser that has the session's login."""
    options = webdriver.ChromeOptions()
    for word in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic"):
        options.add_argument(word)
    for word in ("--ignore-certificate-errors", "--window-size=1200,1500", f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(word)
    options.binary_location = "/usr/bin/chromium"
    driver = webdriver.Chrome(options, Service("/usr/bin/chromedriver"))
    try:
        driver.get(f"{url.rpartition('/')[0]}/oauth2/static/css/bulma.min.css")
        for cookie in (c for c in session.cookies if c.name.startswith("__Host-yrd-login")):
            driver.add_cookie({"name": cookie.name, "value": cookie.value or "", "path": "/", "secure": True})
        driver.get(url)
        assert "Shanghai" in driver.page_source
        driver.save_screenshot(str(folder / "portal.png"))
    finally:
        driver.quit()
    return folder / "portal.png"


def test_a_province_that_falls_silent_is_unknown_on_the_page(plan: Plan, prometheus: requests.Session) -> None:
    support.inside("zhejiang-1", "systemctl stop yrd-exporter")
    try:
        text = wait.until(
            "the page to miss Zhejiang",
            lambda: (
                t
                if 'class="card unknown" id="zhejiang"' in (t := prometheus.get(f"{front(plan)}/en", timeout=10).text)
                else None
            ),
            seconds=90,
            every=3,
        )
        assert "last heard: 20" in text
    finally:
        support.inside("zhejiang-1", "systemctl start yrd-exporter")
