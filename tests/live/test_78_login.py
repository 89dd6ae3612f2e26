"""The same citizen at the page as it is deployed: through the public gateway, every certificate verified."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import requests

from clients import openbao, state
from model import access, identity, realms
from model.derive import Plan
from model.identity import BROKER, pages
from stacks.providers.secrets import ca_file, deployer_file
from tests.live import support
from tests.people import browser
from tests.people.browser import Person, one_time_code

CITIZEN, HOME = "anhui-citizen", "anhui"

pytestmark = pytest.mark.skipif(not shutil.which("chromedriver"), reason="needs Debian's chromium-driver")


@pytest.fixture
def page(plan: Plan) -> str:
    return pages(plan)[0].url


@pytest.fixture
def secret(plan: Plan) -> Mapping[str, str]:
    """What the citizen knows: their province's own OpenBao keeps it for made-up people."""
    home = plan.province(HOME)
    store = openbao.connect(home.openbao_url, ca_file(plan, home), openbao.load(deployer_file(plan, home)))
    held = store.read(access.first_password(CITIZEN))
    assert held, f"{CITIZEN} has no password in {HOME}'s OpenBao"
    return dict(held["data"])


@pytest.fixture
def citizen(plan: Plan, tmp_path: Path) -> Iterator[Person]:
    pictures = Path(os.environ.get("YRD_SCREENSHOTS", tmp_path / "pictures"))
    pictures.mkdir(parents=True, exist_ok=True)
    sites = {r.site.name for r in identity.realms(plan)} | {pages(plan)[0].province}
    roots = [state.root_certificate(support.ENVIRONMENT, site) for site in sorted(sites)]
    with browser.person(tmp_path / "home", roots, pictures) as found:
        yield found


def test_the_page_answers_to_its_own_address_only(plan: Plan, page: str) -> None:
    root = str(state.root_certificate(support.ENVIRONMENT, pages(plan)[0].province))
    assert requests.get(f"{page}/healthz", verify=root, timeout=20).status_code == 403
    assert requests.get(page, headers={"host": "evil.example"}, verify=root, timeout=20).status_code in (403, 404)
    answer = requests.get(page, verify=root, timeout=20)
    assert answer.status_code == 200 and "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_citizen_of_anhui_uses_a_page_of_shanghai(
    plan: Plan, page: str, citizen: Person, secret: Mapping[str, str]
) -> None:
    citizen.open(page)
    citizen.click("elsewhere")
    citizen.see("social-anhui")
    assert citizen.url.startswith(identity.realm(plan, BROKER).issuer)
    citizen.click("social-anhui")
    citizen.see("username")
    assert citizen.url.startswith(identity.realm(plan, HOME).issuer)
    citizen.log_in(CITIZEN, "not the password")
    assert "用户名或密码不正确" in citizen.see("input-error").text
    citizen.log_in(CITIZEN, secret["password"])
    assert citizen.see("acr").get_attribute("data-acr") == "L2"
    citizen.picture("live-person")
    citizen.click("apply-household-registration")
    citizen.click("step-up")
    otp = realms.settings_of(plan).otp
    citizen.write("otp", one_time_code(secret["totp"].encode(), otp.digits, otp.period))
    citizen.click("kc-login")
    citizen.see("submit")
    assert citizen.see("acr").get_attribute("data-acr") == "L3"
    citizen.click("submit")
    citizen.see("receipts")
    citizen.picture("live-receipt")
    citizen.click("logout")
    citizen.see("out")
    for way, asked in (("home-anhui", "username"), ("elsewhere", "social-anhui")):
        citizen.open(page)
        assert not citizen.has("acr")
        citizen.click(way)
        citizen.see(asked)


def test_logout_at_home_reaches_the_page_from_machine_to_machine(
    plan: Plan, page: str, citizen: Person, secret: Mapping[str, str]
) -> None:
    """Anhui's realm tells the broker, and the broker tells the page through Shanghai's public gateway.

    The broker trusts Shanghai since its last start (docs/login.md); the power cut of test_60 was one.
    """
    citizen.open(page)
    citizen.click("home-anhui")
    citizen.log_in(CITIZEN, secret["password"])
    citizen.see("acr")
    citizen.open(f"{identity.realm(plan, HOME).issuer}/protocol/openid-connect/logout")
    citizen.click("kc-logout")
    citizen.see("kc-page-title")
    citizen.open(page)
    citizen.see("home-anhui")
    assert not citizen.has("acr")
