"""Every role at every back end of four provinces, by real requests with tokens of real logins; and tokens that open nothing anywhere."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from clients import attempts, oidc, wait
from clients.openbao import DeniedError, OpenBao
from model import identity, logins
from model.derive import Plan
from model.identity import AUDIT, POWERS, SECURITY, SYSTEM
from model.matrix import Backend, Subject, Way, matrix, operations
from stacks.access_try import Asker, Visitors
from tests.live import support
from toolchain import install

PROVINCE = "anhui"
HOME = Subject(AUDIT, PROVINCE, Way.HOME)
SCOPES = {
    Backend.API: identity.KUBERNETES,
    Backend.OPENBAO: identity.OPENBAO,
    Backend.KEYCLOAK: identity.ADMINISTRATION,
}


@pytest.fixture(scope="module")
def asker(plan: Plan) -> Iterator[Asker]:
    found = Asker(plan, Visitors(plan))
    yield found
    found.close()


@pytest.fixture(scope="module")
def early(asker: Asker) -> dict[Backend, str]:
    """Tokens of the beginning, which end while everything else is asked."""
    return {backend: asker.visitors.token(HOME, scope) for backend, scope in SCOPES.items()}


def test_every_role_at_every_back_end_of_four_provinces(early: dict[Backend, str]) -> None:
    assert early
    done = support.yrd("access", "try", "--json", code=None)
    rows = done.json
    sys.stdout.write(done.err)
    wrong = [r for r in rows if r["observed"] != r["expected"]]
    assert not wrong, json.dumps(wrong[:20], ensure_ascii=False, indent=1)
    assert done.code == 0
    assert {r["target"] for r in rows} == set(support.plan().world.region.members)
    assert {r["backend"] for r in rows if r["observed"]} == {c.operation.backend.value for c in matrix(support.plan())}
    assert len(rows) == len(matrix(support.plan()))


def asked(asker: Asker, backend: Backend, token: str) -> bool:
    """Whether a token opens what an audit administrator of Anhui may see at a back end."""
    province = asker.plan.province(PROVINCE)
    door = asker.door(province, backend)
    operation = next(
        o for o in operations(asker.plan, province) if o.backend is backend and o.act == "read" and o.area != "secrets"
    )
    if backend is Backend.OPENBAO:
        session = OpenBao(door.url, Path(door.trust))
        try:
            session.login_jwt(AUDIT, token)
        except DeniedError:
            return False
        session.revoke_self()
        return True
    return attempts.bearer(door, operation, token).allowed


def forged(token: str, **claims: object) -> str:
    """The same token with other claims, signed by somebody who has a key of his own and the realm's key id."""
    head, body = (json.loads(base64.urlsafe_b64decode(p + "=" * (-len(p) % 4))) for p in token.split(".")[:2])
    parts = (base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=") for p in (head, {**body, **claims}))
    signed = b".".join(parts)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    signature = base64.urlsafe_b64encode(key.sign(signed, PKCS1v15(), SHA256())).rstrip(b"=")
    return (signed + b"." + signature).decode()


@pytest.mark.parametrize("backend", SCOPES)
def test_tokens_that_open_nothing(asker: Asker, backend: Backend) -> None:
    good = asker.visitors.token(HOME, SCOPES[backend])
    assert asked(asker, backend, good)
    now = int(time.time())
    bad = {
        "another province's": asker.visitors.token(replace(HOME, home="jiangsu", way=Way.ABROAD), SCOPES[backend]),
        "the broker's": asker.visitors.token(replace(HOME, way=Way.BROKER), SCOPES[backend]),
        "another audience": asker.visitors.token(
            HOME, identity.OPENBAO if backend is Backend.API else identity.KUBERNETES
        ),
        "another issuer": forged(good, iss="https://127.0.0.1/realms/anhui"),
        "not yet valid": forged(good, nbf=now + 600, iat=now + 600, exp=now + 900),
        "a longer life": forged(good, exp=now + 86_400),
        "no token": "",
    }
    # The broker's is believed at the API server, and opens nothing there; Keycloak's administration tells by the rights inside.
    assert [name for name, token in bad.items() if asked(asker, backend, token)] == []


def test_a_replayed_refresh_token_ends_the_session(asker: Asker) -> None:
    # Of somebody whom no other test needs: whoever replays ends the session for everybody.
    realm, got = asker.visitors.login(Subject(SYSTEM, "zhejiang", Way.HOME))
    first = int(oidc.claims(got.refresh)["iat"])
    new = realm.refresh(got.refresh, ("openid", identity.KUBERNETES))
    wait.until("Keycloak to count another second", lambda: int(time.time()) > first + 1, seconds=5, every=0.2)
    newest = realm.refresh(new.refresh, ("openid", identity.KUBERNETES))
    with pytest.raises(oidc.EndedError):
        realm.refresh(got.refresh, ("openid",))
    with pytest.raises(oidc.EndedError):
        realm.refresh(newest.refresh, ("openid",))


def login(asker: Asker, power: str, *words: str) -> str:
    """`yrd login` as an operator runs it, with the person at the browser; what it printed."""
    person = asker.visitors.person(Subject(power, PROVINCE, Way.HOME))
    trust = asker.door(asker.plan.province(PROVINCE), Backend.KEYCLOAK).trust
    process = subprocess.Popen(
        support.command("login", "--as", power, "-p", PROVINCE, *words),
        cwd=support.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "YRD_ENVIRONMENT": support.ENVIRONMENT},
    )
    assert process.stderr
    address = next(line.strip() for line in process.stderr if line.startswith("https://"))
    threading.Thread(target=person.deliver, args=(address, trust)).start()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out


def test_the_stock_kubectl_and_bao_work_after_a_login(asker: Asker, plan: Plan) -> None:
    out = login(asker, SYSTEM, "--openbao")
    config = Path(out.split("KUBECONFIG=")[1].split()[0])
    token = Path(out.split("$(cat ")[1].split(")")[0])
    session = config.with_suffix(".json")
    assert {stat.S_IMODE(p.stat().st_mode) for p in (config, token, session)} == {0o600}
    assert not any(word in config.read_text() for word in ("token:", "refresh", "client-key"))
    assert "yes" in kubectl(config, "auth", "can-i", "get", "pods", "-A")
    assert "anhui:anhui-system" in kubectl(config, "auth", "whoami")
    assert "Forbidden" in kubectl(config, "get", "secrets", "-A", code=1)
    root, province = out.split("BAO_CACERT=")[1].split()[0], plan.province(PROVINCE)
    env = {**os.environ, "BAO_ADDR": province.openbao_url, "BAO_CACERT": root, "BAO_TOKEN": token.read_text()}
    bao = subprocess.run(
        [install.tool("bao"), "read", "sys/storage/raft/configuration"], env=env, capture_output=True, check=False
    )
    assert bao.returncode == 0, bao.stderr
    support.yrd("logout", "--as", SYSTEM, "-p", PROVINCE)
    assert not any(p.exists() for p in (config, token, session))


def kubectl(config: Path, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        [install.tool("kubectl"), "--kubeconfig", config, *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_no_account_holds_two_powers(asker: Asker, plan: Plan) -> None:
    """As Keycloak itself says it, to the one who may see it (MC-01)."""
    for province in plan.provinces:
        door = asker.door(province, Backend.KEYCLOAK)
        token = asker.visitors.token(Subject(AUDIT, province.name, Way.HOME), identity.ADMINISTRATION)
        held = {power: holders(door, province.name, power, token) for power in POWERS}
        assert all(len(names) == 1 for names in held.values())
        assert not (held[SYSTEM] & held[SECURITY] or held[SYSTEM] & held[AUDIT] or held[SECURITY] & held[AUDIT])


def holders(door: attempts.Door, realm: str, power: str, token: str) -> set[str]:
    answer = requests.get(
        f"{door.url}/admin/realms/{realm}/roles/{power}/users",
        headers={"Authorization": f"Bearer {token}"},
        verify=door.trust,
        timeout=20,
    )
    assert answer.status_code == 200, answer.text
    return {user["username"] for user in answer.json()}


def test_a_token_that_has_ended_opens_nothing(asker: Asker, early: dict[Backend, str]) -> None:
    """Nobody can take a token back that is out: it ends by itself, everywhere, after five minutes at most."""
    ends = {backend: int(oidc.claims(token)["exp"]) for backend, token in early.items()}
    assert all(end - time.time() <= 300 for end in ends.values())
    end = max(ends.values()) + logins.SKEW_SECONDS + 1
    wait.until("the tokens to end", lambda: time.time() > end, seconds=320, every=1)
    assert [backend for backend, token in early.items() if asked(asker, backend, token)] == []
