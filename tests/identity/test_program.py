"""Logging in at a real Keycloak as a person's own program does: code with PKCE, device, refresh by rotation, end."""

from __future__ import annotations

import stat
import threading
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from clients import oidc, sessions
from clients.attempts import Door, bearer
from clients.visitor import Person
from model import identity
from model.errors import BadInputError, YrdError
from model.identity import AUDIT, KUBERNETES, OPENBAO, POWERS
from model.matrix import Backend, Subject, Way, matrix
from stacks import login
from tests.identity.server import Server
from tests.secrets.conftest import until

BACK = "http://127.0.0.1/callback"
SCOPES = ("openid", KUBERNETES, OPENBAO)


@pytest.fixture(scope="session")
def keycloak(centre: Server) -> Server:
    """The realms and accounts of the model on a real server."""
    return centre


@pytest.fixture(scope="session")
def people(keycloak: Server) -> dict[str, Person]:
    return {name: Person(name, held["password"], held.get("totp", "")) for name, held in keycloak.secrets.items()}


def client(keycloak: Server, realm: str) -> oidc.Client:
    return oidc.Client(keycloak.issuer(realm), identity.CLI, str(keycloak.ca))


def enter(realm: oidc.Client, person: Person, *more: str, **hints: str) -> oidc.Tokens:
    begun = realm.begin((*SCOPES, *more), BACK, {"acr_values": "L3", **hints})
    back = urlsplit(person.visit(begun.address, realm.trust))
    return realm.finish(begun, f"{back.path}?{back.query}")


def test_a_browser_brings_the_code_to_loopback(keycloak: Server, people: dict[str, Person]) -> None:
    realm, person = client(keycloak, "anhui"), people["anhui-audit"]

    def announce(address: str) -> None:
        threading.Thread(target=person.deliver, args=(address, realm.trust)).start()

    said = oidc.claims(realm.browser(SCOPES, announce, {"acr_values": "L3"}).access)
    assert (said["province"], said["acr"], AUDIT in said["roles"]) == ("anhui", "L3", True)
    assert (said["preferred_username"], said["exp"] - said["iat"] <= 300) == ("anhui-audit", True)


def test_without_a_browser_a_code_is_enough(keycloak: Server, people: dict[str, Person]) -> None:
    realm, person = client(keycloak, "anhui"), people["anhui-security"]

    def announce(address: str) -> None:
        threading.Thread(target=person.approve, args=(address, realm.trust)).start()

    said = oidc.claims(realm.device(SCOPES, announce, {"acr_values": "L3"}).access)
    # Keycloak's device grant knows no level: whoever comes this way is let in, and no back end takes the token for a power.
    assert (said["preferred_username"], said["acr"]) == ("anhui-security", "L1")


def test_a_wrong_password_and_a_forged_answer_get_nothing(keycloak: Server, people: dict[str, Person]) -> None:
    realm = client(keycloak, "anhui")
    with pytest.raises(YrdError, match="E370"):
        enter(realm, Person("anhui-official", "wrong"))
    begun = realm.begin(SCOPES, BACK, {})
    with pytest.raises(oidc.LoginError, match="E361"):
        realm.finish(begun, "/callback?code=x&state=forged")
    with pytest.raises(oidc.LoginError, match="E361"):
        realm.finish(begun, f"/callback?error=access_denied&state={begun.state}")
    back = urlsplit(people["anhui-security"].visit(begun.address, realm.trust))
    with pytest.raises(oidc.LoginError):
        realm.finish(replace(begun, verifier="another" * 8), f"{back.path}?{back.query}")


def test_a_session_gives_each_back_end_its_own_token(
    keycloak: Server, people: dict[str, Person], tmp_path: Path
) -> None:
    realm = client(keycloak, "anhui")
    got = enter(realm, people["anhui-audit"])
    path = tmp_path / "anhui-audit@anhui.json"
    sessions.store(path, sessions.Session(realm.issuer, realm.client, realm.trust, "anhui-audit", "anhui", got.refresh))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    audiences = {name: oidc.claims(sessions.token(path, name)[0])["aud"] for name in (KUBERNETES, OPENBAO)}
    assert audiences == {KUBERNETES: KUBERNETES, OPENBAO: OPENBAO}
    held = sessions.token(path, KUBERNETES)
    assert sessions.token(path, KUBERNETES) == held
    # A refresh token works once; the thief's use of an old one ends the session for everybody. Keycloak counts in seconds.
    first = int(oidc.claims(got.refresh)["iat"])
    until(lambda: int(time.time()) > first + 1)
    sessions.store(path, replace(sessions.load(path), access={}))
    assert sessions.token(path, KUBERNETES)
    with pytest.raises(oidc.EndedError, match="E362"):
        realm.refresh(got.refresh, ("openid",))
    sessions.store(path, replace(sessions.load(path), access={}))
    with pytest.raises(oidc.EndedError):
        sessions.token(path, KUBERNETES)


def test_a_logout_ends_the_session_at_the_realm(keycloak: Server, people: dict[str, Person], tmp_path: Path) -> None:
    realm = client(keycloak, "anhui")
    got = enter(realm, people["anhui-system"])
    path = tmp_path / "anhui-system@anhui.json"
    sessions.store(path, sessions.Session(realm.issuer, realm.client, realm.trust, "x", "anhui", got.refresh))
    sessions.forget(path)
    assert not list(tmp_path.iterdir())
    with pytest.raises(oidc.EndedError):
        realm.refresh(got.refresh, ("openid",))
    with pytest.raises(BadInputError, match="E365"):
        sessions.token(path, KUBERNETES)


def test_the_broker_brings_a_name_from_home_and_no_power(keycloak: Server, people: dict[str, Person]) -> None:
    said = oidc.claims(enter(client(keycloak, identity.BROKER), people["jiangsu-system"], kc_idp_hint="jiangsu").access)
    assert (said["province"], said["iss"]) == ("jiangsu", keycloak.issuer(identity.BROKER))


def test_a_realm_that_is_away_is_named(tmp_path: Path, keycloak: Server) -> None:
    gone = oidc.Client("https://127.0.0.1:1/realms/anhui", identity.CLI, str(keycloak.ca))
    with pytest.raises(oidc.RealmUnreachableError, match="E360"):
        gone.begin(SCOPES, BACK, {})


def test_who_is_meant(keycloak: Server) -> None:
    plan = keycloak.plan
    assert login.who(plan, AUDIT, "anhui") == login.Who("anhui-audit", "anhui", AUDIT)
    assert login.who(plan, "jiangsu-official", "").home == "jiangsu"
    assert login.who(plan, "somebody", "zhejiang") == login.Who("somebody", "zhejiang")
    for asked in (AUDIT, "somebody"):
        with pytest.raises(BadInputError, match="E366"):
            login.who(plan, asked, "")


def test_the_administration_answers_as_the_model_says(keycloak: Server, people: dict[str, Person]) -> None:
    """Every role of two provinces at the administration of one, by real logins with a second factor."""
    door, tokens = Door(keycloak.url, str(keycloak.ca)), dict[Subject, str]()
    world, wrong, seen = keycloak.plan.world, [], set()
    holders = {(a.province, a.power): a.name for a in world.administrators}
    holders |= {(p.province, p.role): p.name for p in reversed(world.people)}
    for cell in matrix(keycloak.plan, ("anhui",)):
        subject = cell.subject
        if cell.operation.backend is not Backend.KEYCLOAK:
            continue
        if subject not in tokens:
            tokens[subject] = _token(keycloak, people, holders, subject)
        answer = bearer(door, cell.operation, tokens[subject])
        seen.add(answer.allowed)
        if answer.allowed != cell.allowed:
            wrong.append(f"{subject}: {cell.operation.name}: {answer}")
    assert not wrong
    assert seen == {True, False}


def _token(keycloak: Server, people: dict[str, Person], holders: dict[tuple[str, str], str], subject: Subject) -> str:
    if subject.way is Way.NOBODY:
        return ""
    person = people[holders[subject.home, subject.role]]
    level = {"acr_values": "L3" if subject.role in POWERS else "L2"}
    if subject.way is Way.BROKER:
        return enter(client(keycloak, identity.BROKER), person, kc_idp_hint=subject.home, **level).access
    return enter(client(keycloak, subject.home), person, identity.ADMINISTRATION, **level).access
