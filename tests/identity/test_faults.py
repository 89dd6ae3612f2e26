"""Bad tokens and a realm that fails, with a real Keycloak, a real API server and a real OpenBao together: nothing signs here but the realm.

What no honest realm would sign (not yet valid, alg none, two powers) is in tests/access/test_api_server.py and tests/secrets/test_people.py.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import jwt
import pytest

from clients import oidc
from clients.openbao import DeniedError
from clients.visitor import Person
from model.errors import YrdError
from model.identity import AUDIT, CLI, KUBERNETES, OPENBAO, SYSTEM
from model.secrets import secrets_spec
from stacks import secrets_login
from stacks.secrets_custody import establish, initialise
from tests.access.conftest import PROVINCE, ApiServer, authentication, new
from tests.identity.server import Server
from tests.identity.test_program import BACK, client, enter
from tests.secrets import conftest as store_server
from tests.secrets.conftest import from_anywhere, until
from tests.secrets.steps import deployer


@pytest.fixture(scope="module")
def keycloak(centre: Server) -> Server:
    """The realms and accounts of the model on a real server."""
    return centre


@pytest.fixture(scope="module")
def people(keycloak: Server) -> dict[str, Person]:
    return {name: Person(name, held["password"], held.get("totp", "")) for name, held in keycloak.secrets.items()}


@dataclass(frozen=True)
class Believed:
    """A realm as the API server's configuration names it."""

    url: str
    root: str


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, keycloak: Server) -> Iterator[ApiServer]:
    """Anhui's API server; of all realms it believes Anhui's own."""
    server = new(tmp_path_factory.mktemp("api"))
    realm = Believed(keycloak.issuer(PROVINCE), keycloak.ca.read_text())
    server.believe(authentication(keycloak.plan, {PROVINCE: realm}))  # type: ignore[dict-item]
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, keycloak: Server) -> Iterator[store_server.Server]:
    """Anhui's OpenBao, which believes Anhui's realm."""
    with store_server.running(tmp_path_factory.mktemp("openbao")) as started:
        spec = from_anywhere(secrets_spec(keycloak.plan, keycloak.plan.province(PROVINCE)))
        initialise(started.url, started.ca, started.custody)
        establish(spec, started.url, started.ca, started.custody, started.deployer)
        assert spec.login
        own = keycloak.issuer(PROVINCE)
        login = replace(spec.login, issuer=own, jwks_url=f"{own}/protocol/openid-connect/certs")
        secrets_login.configure(deployer(started), login, keycloak.ca.read_text())
        yield started


def person(people: dict[str, Person], power: str, province: str = PROVINCE) -> Person:
    return people[f"{province}-{power.removesuffix('-administrator')}"]


def tokens(keycloak: Server, people: dict[str, Person], power: str, province: str = PROVINCE) -> dict[str, str]:
    """One session's token for each back end."""
    realm, found = client(keycloak, province), {}
    refresh = enter(realm, person(people, power, province)).refresh
    for audience in (KUBERNETES, OPENBAO):
        given = realm.refresh(refresh, ("openid", audience))
        found[audience], refresh = given.access, given.refresh
    return {**found, "refresh": refresh}


def opens(store: store_server.Server, token: str) -> bool:
    try:
        store.session().login_jwt(AUDIT, token)
    except DeniedError:
        return False
    return True


def test_a_token_opens_what_it_is_for_and_nothing_else(
    keycloak: Server, people: dict[str, Person], api: ApiServer, store: store_server.Server
) -> None:
    own, foreign = tokens(keycloak, people, AUDIT), tokens(keycloak, people, AUDIT, "jiangsu")
    until(lambda: api.who(own[KUBERNETES])[0] == 201, 60)
    assert opens(store, own[OPENBAO])
    for name, token in {
        "another province's": foreign[KUBERNETES],
        "for another back end": own[OPENBAO],
        "to refresh with": own["refresh"],
        "for nobody": enter(client(keycloak, PROVINCE), person(people, AUDIT)).refresh,
        "changed on the way": f"{own[KUBERNETES][:-6]}AAAAAA",
        "without a signature": jwt.encode(oidc.claims(own[KUBERNETES]), "", "none"),
    }.items():
        assert api.who(token)[0] == 401, name
    for token in (foreign[OPENBAO], own[KUBERNETES], own["refresh"], jwt.encode(oidc.claims(own[OPENBAO]), "", "none")):
        assert not opens(store, token)


@contextmanager
def setting(keycloak: Server, **values: object) -> Iterator[None]:
    """Settings of the realm for the time of a test."""
    server = keycloak.deployer()
    before = {k: (server.get(f"/{PROVINCE}") or {})[k] for k in values}
    server.put(f"/{PROVINCE}", values)
    try:
        yield
    finally:
        server.put(f"/{PROVINCE}", before)


def test_a_token_that_ended_opens_nothing(
    keycloak: Server, people: dict[str, Person], api: ApiServer, store: store_server.Server
) -> None:
    with setting(keycloak, accessTokenLifespan=8):
        held = tokens(keycloak, people, SYSTEM)
        until(lambda: api.who(held[KUBERNETES])[0] == 201, 8)
        ends = float(oidc.claims(held[KUBERNETES])["exp"])
        assert ends - time.time() < 9
        # The API server remembers an answer for ten seconds, and no longer than the token lives.
        until(lambda: api.who(held[KUBERNETES])[0] == 401, 30)
        assert time.time() >= ends
        until(lambda: not opens(store, held[OPENBAO]), 30)


def test_only_addresses_on_the_list_get_a_code(keycloak: Server, people: dict[str, Person]) -> None:
    realm, who = client(keycloak, PROVINCE), person(people, AUDIT)
    for back in (
        "https://attacker.example/callback",
        "http://127.0.0.1.attacker.example/callback",
        "http://127.0.0.1/other",
    ):
        with pytest.raises(YrdError, match="E370"):
            who.visit(realm.begin(("openid",), back, {}).address, realm.trust)
    assert who.visit(realm.begin(("openid",), BACK, {"acr_values": "L3"}).address, realm.trust).startswith(f"{BACK}?")


def test_a_code_is_worth_one_exchange(keycloak: Server, people: dict[str, Person]) -> None:
    realm = client(keycloak, PROVINCE)
    begun = realm.begin(("openid",), BACK, {"acr_values": "L3"})
    back = person(people, AUDIT).visit(begun.address, realm.trust).removeprefix("http://127.0.0.1")
    first = realm.finish(begun, back)
    with pytest.raises(oidc.LoginError, match="E361"):
        realm.finish(begun, back)
    with pytest.raises(oidc.EndedError, match="E362"):
        realm.refresh(first.refresh, ("openid",))


class Traffic:
    """One question after the other to both back ends; what was refused is remembered."""

    def __init__(self, api: ApiServer, store: store_server.Server, held: dict[str, str]) -> None:
        self.api, self.store, self.held = api, store, held
        self.asked, self.refused = 0, list[str]()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while not self._end.is_set():
            held = self.held
            if self.api.who(held[KUBERNETES])[0] != 201:
                self.refused.append("API server")
            if not opens(self.store, held[OPENBAO]):
                self.refused.append("OpenBao")
            self.asked += 1

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def test_a_signing_key_rotated_in_mid_traffic_rejects_nobody(
    keycloak: Server, people: dict[str, Person], api: ApiServer, store: store_server.Server
) -> None:
    """The new key signs at once, the old one is still published: tokens of both are believed by who knew only the old one."""
    held, server = tokens(keycloak, people, AUDIT), keycloak.deployer()
    until(lambda: api.who(held[KUBERNETES])[0] == 201, 60)
    realm = (server.get(f"/{PROVINCE}") or {})["id"]
    config = {"priority": ["900"], "enabled": ["true"], "active": ["true"], "algorithm": ["RS256"], "keySize": ["2048"]}
    key = {"name": "rotated", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider"}
    with Traffic(api, store, held) as traffic:
        until(lambda: traffic.asked > 20, 60)
        made = server.post(f"/{PROVINCE}/components", {**key, "parentId": realm, "config": config})
        after = tokens(keycloak, people, AUDIT)
        kids = [jwt.get_unverified_header(t[KUBERNETES])["kid"] for t in (held, after)]
        assert kids[0] != kids[1]
        traffic.held = after
        mark = traffic.asked
        until(lambda: traffic.asked > mark + 20, 60)
        traffic.held = held
        until(lambda: traffic.asked > mark + 40, 60)
    server.delete(f"/{PROVINCE}/components/{made}")
    assert not traffic.refused, f"{len(traffic.refused)} of {traffic.asked}: {set(traffic.refused)}"


def test_while_keycloak_is_down_valid_tokens_go_on_and_nobody_gets_new_ones(
    keycloak: Server, people: dict[str, Person], api: ApiServer, store: store_server.Server
) -> None:
    held = tokens(keycloak, people, AUDIT)
    until(lambda: api.who(held[KUBERNETES])[0] == 201, 60)
    assert opens(store, held[OPENBAO])
    keycloak.stop()
    try:
        with pytest.raises(oidc.RealmUnreachableError, match="E360"):
            enter(oidc.Client(keycloak.issuer(PROVINCE), CLI, str(keycloak.ca)), person(people, AUDIT))
        with Traffic(api, store, held) as traffic:
            until(lambda: traffic.asked > 30, 60)
        assert not traffic.refused
    finally:
        keycloak.run()
    assert tokens(keycloak, people, AUDIT)
