"""People at a real OpenBao: tokens of a real issuer, what opens a session, what does not, what the session may do."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clients.openbao import DeniedError, OpenBao, OpenBaoError
from model import logins
from model.identity import AUDIT, POWERS, SECURITY, SYSTEM
from model.secrets import SecretsSpec
from stacks import secrets_login
from tests.secrets.conftest import Server, break_glass, from_anywhere
from tests.secrets.issuer import Issuer
from tests.secrets.steps import again, deployer, first


@pytest.fixture
def spec(spec: SecretsSpec) -> SecretsSpec:
    return from_anywhere(spec)


@pytest.fixture(scope="module")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Issuer]:
    started = Issuer(tmp_path_factory.mktemp("issuer"))
    yield started
    started.stop()


def login_of(spec: SecretsSpec, issuer: Issuer) -> logins.Login:
    assert spec.login
    return replace(spec.login, issuer=issuer.url, jwks_url=issuer.jwks_url)


@pytest.fixture
def open_to_people(configured: Server, spec: SecretsSpec, issuer: Issuer) -> Server:
    """Anhui's OpenBao, which believes the issuer."""
    secrets_login.configure(deployer(configured), login_of(spec, issuer), issuer.root)
    return configured


def enter(server: Server, power: str, token: str) -> OpenBao:
    """A session of a person. Raises DeniedError."""
    session = server.session()
    session.login_jwt(power, token)
    return session


@pytest.mark.parametrize("power", POWERS)
def test_each_power_opens_its_own_session_and_no_other(open_to_people: Server, issuer: Issuer, power: str) -> None:
    token = issuer.token(roles=[power, "official"])
    for other in POWERS:
        if other != power:
            with pytest.raises(DeniedError, match="another power"):
                enter(open_to_people, other, token)
    me = enter(open_to_people, power, token).read("auth/token/lookup-self") or {}
    assert (me["policies"], me["display_name"], me["renewable"]) == ([power], "jwt-anhui:li.si", False)
    assert 0 < me["ttl"] <= logins.SESSION_SECONDS


REFUSED: dict[str, tuple[dict[str, object], str]] = {
    "another province's person": ({"province": "jiangsu"}, "not of a person of anhui"),
    "no province": ({"province": None}, "not of a person of anhui"),
    "a password alone": ({"acr": "L2"}, "second factor"),
    "no level": ({"acr": None}, "second factor"),
    "two powers": ({"roles": [AUDIT, SYSTEM]}, "exactly one"),
    "an official": ({"roles": ["official"]}, "exactly one"),
    "no roles": ({"roles": None}, "exactly one"),
    "roles that are no list": ({"roles": AUDIT}, "failed to evaluate"),
    "another audience": ({"aud": ["kubernetes"]}, "audience"),
    "no audience": ({"aud": None}, "audience"),
    "another issuer": ({"iss": "https://127.0.0.1/realms/jiangsu"}, "issuer"),
    "expired": ({"exp": int(time.time()) - 30, "iat": int(time.time()) - 90}, "expired"),
    "without an end": ({"exp": None}, "lives longer"),
    "for a year": ({"exp": int(time.time()) + 31_536_000}, "lives longer"),
    "not yet valid": ({"nbf": int(time.time()) + 600}, "not yet valid"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_believed(open_to_people: Server, issuer: Issuer, case: str) -> None:
    claims, said = REFUSED[case]
    with pytest.raises(DeniedError, match=said):
        enter(open_to_people, AUDIT, issuer.token(**claims))
    assert enter(open_to_people, AUDIT, issuer.token()).alive()


def test_another_key_signs_nothing(open_to_people: Server, issuer: Issuer) -> None:
    with pytest.raises(DeniedError, match="signature"):
        enter(open_to_people, AUDIT, issuer.token(key=ec.generate_private_key(ec.SECP256R1())))


#: Reads that tell the powers apart: who may.
READS: dict[str, tuple[str, ...]] = {
    "sys/storage/raft/configuration": (SYSTEM, AUDIT),
    "sys/policies/acl/kms": (SECURITY, AUDIT),
    "sys/audit": (AUDIT,),
    "kv/data/population-database": (),
    "sys/metrics": (),
}


@pytest.mark.parametrize("power", POWERS)
def test_what_a_session_may_read(open_to_people: Server, issuer: Issuer, power: str) -> None:
    session = enter(open_to_people, power, issuer.token(roles=[power]))
    for path, readers in READS.items():
        if power in readers:
            assert session.read(path) is not None
        else:
            with pytest.raises(DeniedError):
                session.read(path)


def test_security_ends_a_session_and_audit_does_not(open_to_people: Server, issuer: Issuer) -> None:
    victim = enter(open_to_people, SYSTEM, issuer.token(roles=[SYSTEM]))
    accessor = str((victim.read("auth/token/lookup-self") or {})["accessor"])
    for power in (SYSTEM, AUDIT):
        with pytest.raises(DeniedError):
            enter(open_to_people, power, issuer.token(roles=[power])).write(
                "auth/token/revoke-accessor", {"accessor": accessor}
            )
    assert victim.alive()
    security = enter(open_to_people, SECURITY, issuer.token(roles=[SECURITY]))
    security.write("auth/token/revoke-accessor", {"accessor": accessor})
    assert not victim.alive()
    with pytest.raises(DeniedError):
        security.write(f"sys/policies/acl/{SECURITY}", {"policy": 'path "kv/data/a" {\n capabilities = ["read"]\n}'})


def test_nothing_waits_for_the_issuer(server: Server, spec: SecretsSpec, tmp_path: object) -> None:
    """Configured while it is away; people get in as soon as it is there; known keys outlive it; a new key is found."""
    issuer = Issuer(server.folder / "issuer")
    issuer.stop()
    client = first(server, spec)
    secrets_login.configure(client, login_of(spec, issuer), issuer.root)
    with pytest.raises(OpenBaoError):
        enter(server, AUDIT, issuer.token())
    issuer.start()
    assert enter(server, AUDIT, issuer.token()).alive()
    before = issuer.token()
    issuer.stop()
    assert enter(server, AUDIT, before).alive()
    issuer.rotate()
    issuer.start()
    assert enter(server, AUDIT, issuer.token()).alive()
    issuer.stop()


def test_a_believed_issuer_that_was_changed_is_named_and_mended(
    server: Server, spec: SecretsSpec, issuer: Issuer
) -> None:
    client, login = first(server, spec), login_of(spec, issuer)
    assert "jwks_url" in secrets_login.differs(client, login, issuer.root)
    secrets_login.configure(client, login, issuer.root)
    assert secrets_login.differs(client, login, issuer.root) == ()
    break_glass(server).write(secrets_login.CONFIG, {**login.config(issuer.root), "bound_issuer": ""})
    assert secrets_login.differs(client, login, issuer.root) == ("bound_issuer",)


def test_a_way_in_that_nobody_declared_is_closed(server: Server, spec: SecretsSpec) -> None:
    first(server, spec)
    root = break_glass(server)
    plain, program = "auth/jwt/role/backdoor", f"auth/jwt/cel/role/{SYSTEM}"
    root.write(plain, {"role_type": "jwt", "user_claim": "sub", "bound_audiences": "x", "token_policies": ["deployer"]})
    root.write(program, {"cel_program": {"expression": "'closed'"}})
    assert {a.path for a in again(server, spec)} >= {plain, program}
    assert root.read(plain) is None
    assert again(server, spec) == ()
    root.delete("sys/auth/jwt")
    assert "sys/auth/jwt" in [a.path for a in again(server, spec)]
    assert again(server, spec) == ()
