"""The hub watches over mutual TLS and nobody else can; the page in a real browser says what is, and what is not known."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from clients import state, wait
from model.derive import Plan
from tests.live import support

CHROMIUM = (
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *(
        "--disable-background-networking",
        "--disable-component-update",
        "--ignore-certificate-errors",
        "--window-size=1200,1500",
    ),
)


@pytest.fixture(scope="module")
def prometheus(plan: Plan) -> requests.Session:
    session = requests.Session()
    session.trust_env, session.verify = False, str(state.root_certificate(support.ENVIRONMENT, "hub"))
    return session


def query(session: requests.Session, plan: Plan, text: str) -> dict[str, float]:
    """Value by province."""
    url = f"https://{plan.hub.head.address}:{plan.world.region.ports.prometheus}/api/v1/query"
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


@pytest.fixture
def portal(tmp_path: Path) -> Iterator[str]:
    """The address that `yrd open portal` prints."""
    log = tmp_path / "open"
    run = support.start("open", "portal", "-e", support.ENVIRONMENT, log=log)
    try:
        found = wait.until(
            "the portal's address", lambda: re.search(r"https://127\.0\.0\.1:\d+/", log.read_text()), seconds=30
        )
        yield found.group()
    finally:
        os.kill(run.pid, signal.SIGINT)
        run.wait(timeout=20)


def browse(url: str, profile: Path, *more: str) -> str:
    done = subprocess.run(
        [*CHROMIUM, f"--user-data-dir={profile}", *more, url], capture_output=True, text=True, timeout=90, check=True
    )
    return done.stdout


def test_the_page_shows_four_provinces_one_flow_and_the_audit(portal: str, tmp_path: Path) -> None:
    text = wait.until(
        "the page to know of everything",
        lambda: (
            t if (t := browse(f"{portal}zh", tmp_path / "p", "--dump-dom")).count('class="card good"') == 4 else None
        ),
        seconds=120,
        every=3,
    )
    assert len(re.findall(r'<line class="flow good"', text)) == 1
    for name in ("上海市", "江苏省", "浙江省", "安徽省"):
        assert name in text
    assert "anhui-shanghai-population" in text
    picture = tmp_path / "portal.png"
    browse(f"{portal}en", tmp_path / "q", f"--screenshot={picture}")
    assert picture.stat().st_size > 20_000
    if keep := os.environ.get("YRD_SCREENSHOTS"):
        (Path(keep) / "portal.png").write_bytes(picture.read_bytes())


def test_a_province_that_falls_silent_is_unknown_on_the_page(portal: str, tmp_path: Path) -> None:
    support.inside("zhejiang-1", "systemctl stop yrd-exporter")
    try:
        text = wait.until(
            "the page to miss Zhejiang",
            lambda: (
                t
                if 'class="card unknown" id="zhejiang"' in (t := browse(f"{portal}en", tmp_path / "p", "--dump-dom"))
                else None
            ),
            seconds=90,
            every=3,
        )
        assert "last heard: 20" in text
    finally:
        support.inside("zhejiang-1", "systemctl start yrd-exporter")
