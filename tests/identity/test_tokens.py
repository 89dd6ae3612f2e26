"""What tokens say: who, from where, of which level, for whom, and nothing more; and one person in two provinces is one."""

from __future__ import annotations

import re
from collections.abc import Callable

import jwt
import pytest
import requests

from clients import keycloak
from model.identity import BROKER, EXCHANGE_TOKEN_SECONDS, purposes
from tests.identity.browser import Application, Browser, claims, login, next_code
from tests.identity.server import Server

Apps = Callable[..., Application]


def home(centre: Server, province: str, name: str, **more: str) -> tuple[Application, Browser, dict[str, object]]:
    app, browser = Application(centre.issuer(province), "yrd", centre.ca), Browser(centre.ca)
    page = login(browser, app, name, centre.password(name), centre.factor(name), **more)
    return app, browser, app.tokens(page).access


def test_a_citizen(centre: Server) -> None:
    _, _, found = home(centre, "anhui", "anhui-citizen", acr_values="L2")
    about = ("roles", "province", "region_code", "level", "acr")
    assert [found[k] for k in about] == [["citizen"], "anhui", "340104", "county", "L2"]
    assert found["acts_for"] == [{"code": "91340100MA00000001", "name": "安徽样例茶业有限公司", "until": 2051193600}]
    assert not {"id_hash", "link", "role_text", "realm_access", "resource_access", "aud"} & found.keys()
    assert int(str(found["exp"])) - int(str(found["iat"])) <= 300


@pytest.mark.parametrize("name", ["jiangsu-citizen", "zhejiang-official", "shanghai-official"])
def test_five_levels_by_region_code(centre: Server, name: str) -> None:
    person = {p.name: p for p in centre.plan.world.people}[name]
    _, _, found = home(centre, person.province, name, acr_values="L1")
    assert (found["level"], found["region_code"], found["roles"]) == (person.level, person.place, [person.role])


def test_an_administrator_comes_with_one_power_and_a_second_factor(centre: Server) -> None:
    _, _, found = home(centre, "jiangsu", "jiangsu-system", scope="openid kubernetes")
    assert (found["roles"], found["acr"], found["aud"]) == (["system-administrator"], "L3", "kubernetes")
    assert (found["level"], found["region_code"]) == ("province", "320000")


def test_levels_are_stepped_up_to_and_never_claimed(centre: Server) -> None:
    app, browser, first = home(centre, "shanghai", "shanghai-citizen", acr_values="L1")
    assert first["acr"] == "L1"
    assert app.tokens(browser.open(app.start(acr_values="L2"))).access["acr"] == "L2"
    page = browser.open(app.start(acr_values="L3"))
    assert "otp" in page.fields
    assert app.tokens(browser.submit(page, otp=next_code(centre.factor("shanghai-citizen")))).access["acr"] == "L3"
    # No hardware key: the best that there is, and the application sees that it is not enough.
    assert app.tokens(browser.open(app.start(acr_values="L4"))).access["acr"] == "L3"


def through_broker(
    centre: Server, app: Application, name: str, province: str, **more: str
) -> tuple[Browser, dict[str, object]]:
    browser = Browser(centre.ca)
    page = browser.open(app.start(**more), stop=app.redirect)
    assert not re.search(r'name="password"', page.text)
    choices = page.links(f"/realms/{BROKER}/broker/")
    assert {c.split("/broker/")[1].split("/")[0] for c in choices} == {p.name for p in centre.plan.provinces}
    page = browser.open(next(c for c in choices if f"/broker/{province}/" in c), stop=app.redirect)
    page = browser.submit(page, stop=app.redirect, username=name, password=centre.password(name))
    if "otp" in page.fields:
        page = browser.submit(page, stop=app.redirect, otp=next_code(centre.factor(name)))
    proof = centre.signer(app.client, BROKER).fields(app.issuer) if app.client == "affairs" else None
    return browser, app.tokens(page, proof).id


def test_the_broker_passes_on_what_the_home_realm_says(centre: Server, application: Apps) -> None:
    app = application(BROKER)
    browser, found = through_broker(centre, app, "anhui-citizen", "anhui", acr_values="L2")
    about = ("roles", "province", "region_code", "level", "acr", "name")
    assert [found[k] for k in about] == [["citizen"], "anhui", "340104", "county", "L2", "安小民"]
    # Stepping up at the broker is stepping up at home.
    page = browser.open(app.start(acr_values="L3", kc_idp_hint="anhui"))
    assert page.url.startswith(centre.issuer("anhui"))
    assert app.tokens(browser.submit(page, otp=next_code(centre.factor("anhui-citizen")))).id["acr"] == "L3"
    # And nobody is asked twice.
    assert browser.open(app.start()).code


def test_one_person_in_two_provinces_is_one_at_the_broker(centre: Server, application: Apps) -> None:
    _, anhui = through_broker(centre, application(BROKER), "anhui-citizen", "anhui", acr_values="L2")
    _, shanghai = through_broker(centre, application(BROKER), "shanghai-migrant", "shanghai", acr_values="L2")
    _, another = through_broker(centre, application(BROKER), "shanghai-citizen", "shanghai", acr_values="L2")
    assert anhui["sub"] == shanghai["sub"] != another["sub"]
    assert (anhui["province"], shanghai["province"]) == ("anhui", "shanghai")


def test_an_unverified_person_is_linked_to_nobody(centre: Server, application: Apps) -> None:
    _, found = through_broker(centre, application(BROKER), "anhui-newcomer", "anhui", acr_values="L2")
    assert found["acr"] == "L1"
    names = {u["username"] for u in centre.deployer().get(f"/{BROKER}/users", max=1000)}
    assert "anhui.anhui-newcomer" in names
    # No document number and no name: whoever reads the broker's accounts learns nobody's.
    assert all(re.fullmatch(r"[0-9a-f]{64}|[a-z]+\.[a-z-]+", name) for name in names)


def test_a_page_sees_a_name_for_a_person_that_no_other_sees(centre: Server, application: Apps) -> None:
    page = next(p for p in centre.plan.provinces if p.offers)
    redirect = f"https://{page.head.address}:{centre.plan.world.region.ports.public}/callback"
    app = application(BROKER, page.offers[0].name, redirect=redirect)
    _, seen = through_broker(centre, app, "anhui-citizen", "anhui", acr_values="L2")
    _, other = through_broker(centre, application(BROKER), "anhui-citizen", "anhui", acr_values="L2")
    _, again = through_broker(centre, app, "anhui-citizen", "anhui", acr_values="L2")
    assert seen["sub"] == again["sub"] != other["sub"]
    assert not {"preferred_username", "id_hash"} & seen.keys()


def test_an_exchange_token_names_province_purpose_and_provider(centre: Server) -> None:
    consumer = next(p for p in centre.plan.provinces if p.consumes)
    purpose = purposes(consumer)[0]
    issuer, own = centre.issuer(consumer.name), centre.signer("exchange", consumer.name)
    body = {"grant_type": "client_credentials", "scope": purpose.scope}
    url = f"{issuer}/protocol/openid-connect/token"
    stranger = keycloak.Signer("exchange", centre.signer("exchange", "jiangsu").pem, own.kid)
    refused = requests.post(url, data=body | stranger.fields(issuer), verify=str(centre.ca), timeout=60)
    assert refused.json()["error"] in ("invalid_client", "unauthorized_client"), refused.text
    got = requests.post(url, data=body | own.fields(issuer), verify=str(centre.ca), timeout=60)
    found = claims(got.json()["access_token"])
    assert (found["province"], found["purpose"], found["aud"]) == (consumer.name, purpose.agreement, purpose.audience)
    assert found["exp"] - found["iat"] <= EXCHANGE_TOKEN_SECONDS
    # The same assertion a second time is a replay.
    proof = own.fields(issuer)
    codes = [requests.post(url, data=body | proof, verify=str(centre.ca), timeout=60).status_code for _ in range(2)]
    assert codes[0] == 200
    assert codes[1] in (400, 401)


def test_keys_are_published_and_verify(centre: Server) -> None:
    app, browser = Application(centre.issuer("anhui"), "yrd", centre.ca), Browser(centre.ca)
    page = login(browser, app, "anhui-citizen", centre.password("anhui-citizen"), acr_values="L1")
    token = str(app.tokens(page).raw["access_token"])
    keys = requests.get(f"{app.issuer}/protocol/openid-connect/certs", verify=str(centre.ca), timeout=60).json()["keys"]
    key = next(k for k in keys if k["kid"] == jwt.get_unverified_header(token)["kid"])
    assert jwt.decode(token, jwt.PyJWK(key).key, ["RS256"], issuer=app.issuer, options={"verify_aud": False})
