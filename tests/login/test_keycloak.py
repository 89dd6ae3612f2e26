"""A real Keycloak with the region's realms: what the exchange client is given, and who gets through the login."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jwt
import pytest

from clients import keycloak, ports, state
from clients.visitor import Person
from model import identity
from model.accounts import accounts
from model.derive import Flow, Plan
from services.consumer.tokens import Client, NoTokenError, ask
from stacks import exchange_tokens, identity_keys, identity_master
from stacks.charts import exchange
from tests.identity import server as centres
from tests.identity.server import NOW, Server
from tests.login.test_login import behind, page, running

__all__ = ["behind", "page"]
POSTGRES = "/usr/lib/postgresql/15/bin"


@pytest.fixture(scope="module")
def centre(folder: Path) -> Iterator[Server]:
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", ""), POSTGRES])
    if os.geteuid() != 0 or not shutil.which("initdb"):
        pytest.skip("needs root and PostgreSQL")
    # Its database is another user's, who may not look into this one's folders.
    place = Path(tempfile.mkdtemp(prefix="yrd-login-"))
    found = centres.started(place)
    try:
        moved = found.plan.environment.model_copy(update={"loopback": ports.free()})
        found.plan = replace(found.plan, environment=moved)
        spec = identity_master.spec(found.plan, found.signer(identity.DEPLOYER, keycloak.MASTER))
        identity_master.take_over(found.bootstrap(), found.deployer(), spec)
        found.configure()
        yield found
    finally:
        found.close()
        shutil.rmtree(place, ignore_errors=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("login")


@pytest.fixture(scope="module")
def flow(centre: Server) -> Flow:
    return centre.plan.province("anhui").provides[0]


def exchange_client(centre: Server, folder: Path, province: str) -> Client:
    """As the pod of that province has it."""
    signer = centre.signer(identity.EXCHANGE, province)
    key = folder / f"{province}.json"
    key.write_text(json.dumps({"pem": signer.pem, "kid": identity_keys.jwks(signer)["keys"][0]["kid"]}))
    scopes = {p.agreement: p.scope for p in identity.purposes(centre.plan.province(province))}
    return Client(centre.issuer(province), identity.EXCHANGE, key, centre.ca, scopes, folder)


def test_an_exchange_token_says_what_the_gateway_compares_and_no_more(centre: Server, folder: Path, flow: Flow) -> None:
    who = exchange_client(centre, folder, flow.consumer)
    token = ask(who, who.purposes[flow.agreement.name])
    said = jwt.decode(token.text, options={"verify_signature": False})
    wanted = exchange.claims(centre.plan, flow)
    assert {name: said.get(name) for name in wanted} == wanted
    assert said["exp"] - said["iat"] == identity.EXCHANGE_TOKEN_SECONDS
    assert not {"roles", "realm_access", "resource_access", "name", "preferred_username"} & said.keys()


def test_without_the_scope_there_is_no_purpose_and_without_the_agreement_no_scope(
    centre: Server, folder: Path, flow: Flow
) -> None:
    who = exchange_client(centre, folder, flow.consumer)
    bare = jwt.decode(ask(who, "openid").text, options={"verify_signature": False})
    assert identity.CLAIM_PURPOSE not in bare
    assert bare.get("aud") != flow.host
    with pytest.raises(NoTokenError, match="invalid_scope"):
        ask(exchange_client(centre, folder, "jiangsu"), who.purposes[flow.agreement.name])


def test_another_provinces_key_is_nobody_here(centre: Server, folder: Path, flow: Flow) -> None:
    stolen = exchange_client(centre, folder, "jiangsu")
    with pytest.raises(NoTokenError, match=r"40[01]"):
        ask(replace(stolen, issuer=centre.issuer(flow.consumer)), "openid")


def test_a_passive_key_is_published_before_it_signs(
    centre: Server, folder: Path, flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of a rotation: believed, then signing, and the old one believed until its tokens have ended."""
    monkeypatch.setattr(state, "root_certificate", lambda *_: centre.ca)
    monkeypatch.setattr(state, "realm_jwks", lambda *_: folder / "jwks.json")
    plan, realm, admin = centre.plan, flow.consumer, centre.deployer()
    exchange_tokens.publish(plan, realm)
    before = kids(exchange_tokens.published(plan, realm))
    assert not exchange_tokens.publish(plan, realm), "nothing new"
    id_ = admin.get(f"/{realm}")["id"]
    config = {
        "priority": ["200"],
        "enabled": ["true"],
        "active": ["false"],
        "keySize": ["2048"],
        "algorithm": ["RS256"],
    }
    made = {"name": "next", "providerId": "rsa-generated", "parentId": id_, "config": config}
    component = admin.post(f"/{realm}/components", {**made, "providerType": "org.keycloak.keys.KeyProvider"})
    try:
        assert exchange_tokens.publish(plan, realm)
        (new,) = kids(exchange_tokens.published(plan, realm)) - before
        who = exchange_client(centre, folder, realm)
        assert signed_by(ask(who, "openid").text) in before
        live = admin.get(f"/{realm}/components/{component}")
        admin.put(f"/{realm}/components/{component}", {**live, "config": {**live["config"], "active": ["true"]}})
        assert signed_by(ask(who, "openid").text) == new
        assert not exchange_tokens.publish(plan, realm), "gateways knew it already"
    finally:
        admin.delete(f"/{realm}/components/{component}")


def kids(text: str) -> set[str]:
    return {str(k["kid"]) for k in json.loads(text)["keys"]}


def signed_by(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


@pytest.fixture(scope="module")
def site(folder: Path, centre: Server, page: Path, behind: str) -> Iterator[str]:
    """The role's configuration before this broker, with the secret that the broker was told."""
    admin, secret = centre.deployer(), "made-on-the-machine"
    client = admin.get(f"/{identity.BROKER}/clients", clientId=identity.PORTAL)[0]
    admin.put(f"/{identity.BROKER}/clients/{client['id']}", {**client, "secret": secret})
    for name in ("ca.pem", "portal.crt"):
        shutil.copy(centre.ca, folder / name)
    shutil.copy(centre.folder / "server.key", folder / "portal.key")
    listen = f"127.0.0.1:{centre.plan.environment.loopback}"
    with running(folder, listen, centre.issuer(identity.BROKER), secret, [f"unix://{page}", behind]):
        yield f"https://{listen}"


def people(plan: Plan, centre: Server) -> dict[tuple[str, str], Person]:
    """One person of every role in every province, with what their keepers know."""
    found: dict[tuple[str, str], Person] = {}
    for province in plan.provinces:
        for account in accounts(plan, province, NOW):
            held = centre.vault(account)
            person = Person(account.name, held["password"], held.get("totp", ""))
            found.setdefault((province.name, account.role), person)
    return found


def test_a_citizen_is_refused_after_a_real_login(centre: Server, site: str) -> None:
    answer = people(centre.plan, centre)["anhui", identity.CITIZEN].enter(f"{site}/zh", str(centre.ca), "anhui")
    assert answer.status_code == 403
    assert "仅供公职人员" in answer.text


@pytest.mark.parametrize(("home", "role"), [("jiangsu", identity.OFFICIAL), *(("anhui", p) for p in identity.POWERS)])
def test_an_office_of_any_province_sees_the_page(centre: Server, site: str, home: str, role: str) -> None:
    person = people(centre.plan, centre)[home, role]
    answer = person.enter(f"{site}/zh", str(centre.ca), home)
    assert answer.status_code == 200, answer.text[:800]
    assert "上海市" in answer.text
    assert person.browser.get(f"{site}/prometheus/-/ready", timeout=10).text.startswith("/prometheus/-/ready")
