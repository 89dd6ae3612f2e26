"""On top of the workload's identity: whose token opens the agreed call at Anhui's gateway, and for how long.

Every refusal is made with Shanghai's own certificate from Shanghai's own wire, so that only the token decides.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clients import cluster, exchange, state, wait
from clients.load import Load
from clients.prober import Request
from model import identity, names
from model.derive import Flow, Plan
from model.matrix import Subject, Way
from stacks import exchange_tokens
from stacks.access_try import Visitors
from tests.live import support, tokens
from toolchain.install import tool


@pytest.fixture(scope="module")
def flow(plan: Plan) -> Flow:
    return plan.province("anhui").provides[0]


@pytest.fixture
def mint(plan: Plan, flow: Flow) -> Iterator[tokens.Mint]:
    made = tokens.Mint("test")
    with tokens.believed(plan, flow, made):
        yield made


@pytest.fixture(scope="module")
def request_(plan: Plan, flow: Flow) -> Request:
    """The agreed call as Shanghai's egress gateway makes it, without a token."""
    name, operation = names.exchange_client_secret(flow.provider), flow.operations[0]
    pair = cluster.connect(plan, plan.province(flow.consumer)).secret(names.EXCHANGE_NAMESPACE, name) or {}
    body = json.dumps({k: exchange.NOBODY.get(k, "") for k in operation.request}, ensure_ascii=False)
    return Request(
        host=str(plan.province(flow.provider).head.address),
        port=plan.world.region.ports.exchange,
        server_name=flow.sni,
        ca=pair["ca.crt"],
        certificate=pair["tls.crt"],
        key=pair["tls.key"],
        method=operation.method,
        path=operation.path,
        headers={"content-type": "application/json"},
        body=body,
    )


class Caller:
    """One call from Shanghai's wire; its certificate is right, so only the token decides."""

    def __init__(self, request: Request) -> None:
        self.request = request

    def __call__(self, token: str = "", scheme: str = "Bearer", path: str = "") -> int:
        headers = {**self.request.headers, **({"authorization": f"{scheme} {token}"} if token else {})}
        return support.status(support.SPACE, replace(self.request, headers=headers, path=path or self.request.path))


@pytest.fixture(scope="module")
def call(wire: None, request_: Request) -> Caller:
    return Caller(request_)


def test_no_token_is_refused_and_the_right_one_answered(
    call: Caller, mint: tokens.Mint, plan: Plan, flow: Flow
) -> None:
    right = mint.sign(tokens.right(plan, flow))
    assert call() == 403
    assert call(right, scheme="Basic") in (401, 403)
    assert call(path=f"{call.request.path}?access_token={right}") == 403, "not from the query"
    assert call(right) == 200


WRONG: dict[str, dict[str, Any]] = {
    "another province's own word": {"province": "jiangsu"},
    "another purpose": {"purpose": "anhui-zhejiang-population"},
    "no purpose": {"purpose": None},
    "another audience": {"aud": "zhejiang.exchange.yrd"},
    "no audience": {"aud": None},
    "another client": {"azp": "yrd"},
    "a person's": {"azp": "yrd", "purpose": None, "roles": ["system-administrator"], "acr": "L3", "sub": "someone"},
}


@pytest.mark.parametrize("name", WRONG)
def test_a_token_that_says_something_else_is_refused(
    call: Caller, mint: tokens.Mint, plan: Plan, flow: Flow, name: str
) -> None:
    claims = {**tokens.right(plan, flow), **WRONG[name]}
    assert call(mint.sign({k: v for k, v in claims.items() if v is not None})) in (401, 403)
    assert call(mint.sign(tokens.right(plan, flow))) == 200


@pytest.mark.parametrize(("name", "change"), [("expired", {"exp": -90}), ("not yet valid", {"nbf": 120})])
def test_a_token_of_another_time_is_refused(
    call: Caller, mint: tokens.Mint, plan: Plan, flow: Flow, name: str, change: dict[str, int]
) -> None:
    now = int(time.time())
    assert call(mint.sign({**tokens.right(plan, flow), **{k: now + v for k, v in change.items()}})) == 401, name


def test_a_signature_that_is_none_opens_nothing(call: Caller, mint: tokens.Mint, plan: Plan, flow: Flow) -> None:
    claims = tokens.right(plan, flow)
    stranger = tokens.Mint(mint.kid)
    for forged in (
        stranger.sign(claims),
        mint.unsigned(claims),
        mint.confused(claims),
        mint.sign(claims)[:-8] + "AAAAAAAA",
    ):
        assert call(forged) == 401


def test_another_realm_signs_nothing_in_shanghais_name(call: Caller, mint: tokens.Mint, plan: Plan, flow: Flow) -> None:
    """Jiangsu's realm is believed at this gateway too, for its own tokens; with all other claims right they open nothing."""
    jiangsu = tokens.Mint("jiangsu-test")
    claims = {**tokens.right(plan, flow), "iss": identity.realm(plan, "jiangsu").issuer}
    with tokens.believed(plan, replace(flow, consumer="jiangsu"), jiangsu):
        tokens.believe(plan, flow, mint)
        assert call(jiangsu.sign(claims)) == 403
        assert call(jiangsu.sign(tokens.right(plan, flow))) == 401, "Shanghai's issuer under Jiangsu's key"
        assert call(mint.sign(tokens.right(plan, flow))) == 200
    tokens.believe(plan, flow, mint)


def test_the_token_stays_at_the_gateway(plan: Plan, flow: Flow, mint: tokens.Mint) -> None:
    """The service behind could call in the consumer's name with it. And nobody fetches keys over the network."""
    for rules in exchange_tokens.gateway_rules(plan, plan.province(flow.provider)):
        assert {r["issuer"] for r in rules} >= {identity.realm(plan, flow.consumer).issuer}
        assert not any(r.get("forward") for r in rules)
        assert not any("remote_jwks" in r for r in rules)


def test_a_new_signing_key_in_mid_traffic_refuses_nobody(
    wire: None, request_: Request, mint: tokens.Mint, plan: Plan, flow: Flow
) -> None:
    """Believed before it signs, signing before the old one goes: 100 requests a second see no refusal."""

    def carrying(token: str) -> Request:
        return replace(request_, headers={**request_.headers, "authorization": f"Bearer {token}"})

    old, new = mint, tokens.Mint("next")
    load = Load(carrying(old.sign(tokens.right(plan, flow))), support.SPACE)
    with load:
        tokens.believe(plan, flow, old, new)
        load.aim(carrying(new.sign(tokens.right(plan, flow))))
        tokens.believe(plan, flow, new)
    assert load.gaps is not None
    assert load.gaps.failures == 0, load.gaps
    assert load.gaps.requests > 100
    assert support.status(support.SPACE, carrying(old.sign(tokens.right(plan, flow)))
    ) == 401, "the old key is gone"  # fmt: skip
    tokens.believe(plan, flow, mint)


def test_the_consumer_carries_its_realms_own_token(plan: Plan, flow: Flow, call: Caller) -> None:
    """Nothing minted: Keycloak signs, every province's gateway holds its keys."""
    assert exchange_tokens.lacking(plan, flow.consumer) == ()
    kubectl = str(tool("kubectl"))
    real = exchange.token(plan, kubectl, flow.consumer, flow.agreement.name)
    assert call(real) == 200
    assert exchange.attempt(plan, kubectl, flow.consumer, flow.dataset).status == 200


def test_another_provinces_real_token_is_refused(plan: Plan, flow: Flow, call: Caller, tmp_path: Path) -> None:
    """Jiangsu's realm gives its client a token without a purpose, and none for Shanghai's agreement."""
    ask = "from services.consumer.tokens import ask, client; import sys; print(ask(client(), sys.argv[1]).text)"

    def from_jiangsu(scope: str, code: int | None = 0) -> str:
        where = ("exec", "-n", names.CONSUMER_NAMESPACE, f"deploy/{names.CONSUMER_ACCOUNT}", "-c", "consumer")
        return support.kubectl("jiangsu", *where, "--", "python3", "-c", ask, scope, code=code).strip()

    assert "invalid_scope" in from_jiangsu(names.policy(flow.agreement.name), code=1)
    assert call(from_jiangsu("openid").splitlines()[-1]) in (401, 403)


@pytest.mark.parametrize("role", [identity.OFFICIAL, identity.SYSTEM])
def test_a_persons_real_token_is_refused(plan: Plan, flow: Flow, call: Caller, role: str) -> None:
    """Not even the province's highest administrator calls for an agreement."""
    token = Visitors(plan).token(Subject(role, flow.consumer, Way.HOME), identity.KUBERNETES)
    assert call(token) in (401, 403)


@pytest.fixture
def keycloak_away() -> Iterator[None]:
    support.inside("hub-1", "systemctl stop keycloak.service")
    try:
        yield
    finally:
        support.inside("hub-1", "systemctl start keycloak.service")


def test_without_keycloak_tokens_go_on_until_they_end(
    plan: Plan, flow: Flow, call: Caller, mint: tokens.Mint, keycloak_away: None
) -> None:
    life, kubectl = 25.0, str(tool("kubectl"))
    began, short = time.time(), mint.sign(tokens.right(plan, flow, life))
    kept = json.dumps({"text": short, "since": began, "until": began + life})
    place = f"/run/exchange-tokens/{flow.agreement.name}"
    where = ("exec", "-i", "-n", names.CONSUMER_NAMESPACE, f"deploy/{names.CONSUMER_ACCOUNT}", "-c", "consumer")
    support.kubectl(flow.consumer, *where, "--", "sh", "-c", f"cat > {place}", stdin=kept)
    assert exchange.attempt(plan, kubectl, flow.consumer, flow.dataset).status == 200
    wait.until("the token's end", lambda: time.time() > began + life, seconds=life + 5, every=0.5)
    ended = exchange.attempt(plan, kubectl, flow.consumer, flow.dataset)
    assert (ended.status, ended.allowed) == (0, False)
    assert "no token" in ended.reason
    wait.until("the gateway to refuse it", lambda: call(short) == 401, seconds=tokens.SKEW + 20, every=1)


def test_when_keycloak_is_back_so_is_the_exchange(plan: Plan, flow: Flow) -> None:
    realm = identity.realm(plan, flow.consumer)
    root = state.root_certificate(support.ENVIRONMENT, realm.site.name)
    assert root.exists()
    wait.until(
        "the agreed call to be answered again",
        lambda: exchange.attempt(plan, str(tool("kubectl")), flow.consumer, flow.dataset).status == 200,
        seconds=120,
        every=2,
    )
