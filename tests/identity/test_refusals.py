"""What the identity centre does not do, on the real one: first of all, let somebody in."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import requests

from clients import keycloak
from clients.keycloak import Secret
from model.identity import BROKER, POWERS
from stacks import identity_master
from tests.identity.browser import Application, Browser, Tokens, login, totp
from tests.identity.server import Server

Apps = Callable[..., Application]


def test_the_client_that_it_began_with_is_gone(centre: Server) -> None:
    with pytest.raises(keycloak.DeniedError, match="E331"):
        centre.bootstrap().login()
    assert identity_master.remove_bootstrap(centre.deployer()) == 0


def test_nobody_has_an_account_in_its_own_realm(centre: Server) -> None:
    assert centre.deployer().get("/master/users") == []


@pytest.mark.parametrize("realm", ["master", "anhui", BROKER])
def test_a_password_alone_gets_no_token(centre: Server, realm: str) -> None:
    """Neither by the grant that needs no browser nor by the clients that Keycloak itself brings for it."""
    for client in ("admin-cli", "yrd"):
        body = {"grant_type": "password", "username": "anhui-system", "password": "x", "client_id": client}
        got = requests.post(
            f"{centre.issuer(realm)}/protocol/openid-connect/token", data=body, verify=str(centre.ca), timeout=60
        )
        assert got.status_code in (400, 401), got.text


def test_a_wrong_password_is_refused_and_then_the_account_waits(
    centre: Server, browser: Browser, application: Apps
) -> None:
    app, name = application("jiangsu"), "jiangsu-official"
    for _ in range(centre.plan.world.realms[0].lockout.failures):
        assert not login(browser, app, name, "wrong").code
    assert not login(browser, app, name, centre.password(name), acr_values="L1").code
    user = centre.deployer().get("/jiangsu/users", username=name, exact=True)[0]
    status = centre.deployer().get(f"/jiangsu/attack-detection/brute-force/users/{user['id']}")
    assert status["disabled"]
    centre.deployer().delete("/jiangsu/attack-detection/brute-force/users")
    assert login(browser, app, name, centre.password(name), acr_values="L1").code


def test_a_refresh_token_works_once_and_its_thief_ends_the_session(
    centre: Server, browser: Browser, application: Apps
) -> None:
    app = application("anhui")
    first = app.tokens(login(browser, app, "anhui-citizen", centre.password("anhui-citizen"), acr_values="L2"))
    second = app.refresh(first)
    assert second.status_code == 200
    assert app.refresh(first).status_code == 400
    assert app.refresh(Tokens(second.json())).status_code == 400


def test_an_address_that_is_not_listed_gets_no_code(browser: Browser, application: Apps) -> None:
    for redirect in (
        "https://elsewhere.example/callback",
        "http://127.0.0.1:7777/other",
        "http://127.0.0.1.evil.example/callback",
    ):
        page = browser.open(application("anhui", redirect=redirect).start())
        assert (page.status, page.code) == (400, ""), redirect


def test_a_login_without_proof_of_its_start_is_refused(browser: Browser, application: Apps) -> None:
    page = browser.open(application("anhui").start(code_challenge="", code_challenge_method=""))
    assert page.error == "invalid_request"


def test_an_administrator_needs_a_second_factor_whatever_was_asked(
    centre: Server, browser: Browser, application: Apps
) -> None:
    for power in ("system", "security", "audit"):
        name = f"zhejiang-{power}"
        browser.session.cookies.clear()
        page = login(browser, application("zhejiang"), name, centre.password(name), acr_values="L1")
        assert not page.code
        assert "otp" in page.fields
        assert not browser.submit(page, otp="000000").code


def test_a_code_is_taken_once(centre: Server, application: Apps) -> None:
    name, app, code = "shanghai-audit", application("shanghai"), ""
    for wanted in (True, False):
        browser = Browser(centre.ca)
        page = login(browser, app, name, centre.password(name))
        # Made when it is asked for: on a busy machine the page before may take longer than a code lives. That of the
        # next half minute, which the realm takes too: an earlier test may have used up the one of now.
        code = code or totp(centre.factor(name), time.time() + 30)
        page = browser.submit(page, otp=code)
        assert bool(page.code) is wanted, page.text[-1500:]


def test_a_first_login_of_an_administrator_sets_up_a_factor_before_anything(
    centre: Server, browser: Browser, application: Apps
) -> None:
    """As where people are real: a temporary password, and no factor yet."""
    deployer, name = centre.deployer(), "anhui-audit"
    user = deployer.get("/anhui/users", username=name, exact=True)[0]
    for held in deployer.get(f"/anhui/users/{user['id']}/credentials"):
        if held["type"] == "otp":
            deployer.delete(f"/anhui/users/{user['id']}/credentials/{held['id']}")
    page = login(browser, application("anhui"), name, centre.password(name), acr_values="L1")
    assert not page.code
    assert "totp" in page.fields
    assert "totpSecret" in page.fields
    # The next look finds it, and makes the account anew with the factor that its province keeps.
    assert centre.configure() == 1


def test_an_unverified_identity_gets_the_lowest_level_only(centre: Server, browser: Browser, application: Apps) -> None:
    app, name = application("anhui"), "anhui-newcomer"
    page = login(browser, app, name, centre.password(name), acr_values="L2")
    assert app.tokens(page).access["acr"] == "L1"
    essential = '{"access_token":{},"id_token":{"acr":{"essential":true,"values":["L2"]}}}'
    # Whoever insists is told the truth too, and judges by it.
    for one in (browser, Browser(centre.ca)):
        page = one.open(app.start(claims=essential))
        page = page if page.code else one.submit(page, username=name, password=centre.password(name))
        assert not page.code or app.tokens(page).id["acr"] == "L1"


def test_nobody_has_two_powers(centre: Server) -> None:
    """Not even for longer than until the next look, when somebody gave them by hand."""
    deployer = centre.deployer()
    user = deployer.get("/shanghai/users", username="shanghai-system", exact=True)[0]
    official = deployer.get("/shanghai/users", username="shanghai-official", exact=True)[0]
    role = deployer.get("/shanghai/roles/audit-administrator")
    for who in (user, official):
        deployer.post(f"/shanghai/users/{who['id']}/role-mappings/realm", [role])
    assert centre.configure() == 2
    held = {p: {u["username"] for u in deployer.get(f"/shanghai/roles/{p}/users")} for p in POWERS}
    assert held == {p: {f"shanghai-{p.partition('-')[0]}"} for p in POWERS}


def test_a_province_reaches_its_own_accounts_only(centre: Server) -> None:
    own = centre.signer("yrd-accounts", "anhui")
    session = keycloak.Keycloak(centre.url, centre.ca, own)
    assert session.get("/anhui/users", max=1)
    for path in ("/shanghai/users", "/region/users", "/master/users"):
        with pytest.raises(keycloak.DeniedError):
            session.get(path, max=1)
    with pytest.raises(keycloak.DeniedError):
        session.put("/anhui", {"bruteForceProtected": False})


def test_a_wrong_secret_of_an_unknown_client_is_denied(centre: Server) -> None:
    with pytest.raises(keycloak.DeniedError):
        keycloak.Keycloak(centre.url, centre.ca, Secret("nobody", "x")).login()
