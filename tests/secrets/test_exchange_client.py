"""The exchange client's key in a real OpenBao: made once, readable by nobody but the deployer, public half as realms read it."""

from __future__ import annotations

import json
import time

import jwt
import pytest

from clients.openbao import DeniedError
from model import access, names
from model.derive import Plan, ProvincePlan
from model.secrets import SecretsSpec
from stacks import exchange_tokens
from stacks.secrets_custody import credentials
from tests.secrets.conftest import Server, from_anywhere
from tests.secrets.steps import deployer, load_session


def test_it_is_made_once_and_no_service_reads_it(configured: Server, spec: SecretsSpec) -> None:
    client = deployer(configured)
    assert exchange_tokens.client_key(client) == {}
    made = exchange_tokens.make_client_key(client)
    assert exchange_tokens.make_client_key(client) == exchange_tokens.client_key(client) == made
    kms = load_session(configured, credentials(client, from_anywhere(spec), "kms", "anhui-1"))
    with pytest.raises(DeniedError):
        kms.read(access.kv_data(names.EXCHANGE_CLIENT))


def test_what_is_published_verifies_and_does_not_sign(configured: Server) -> None:
    made = exchange_tokens.make_client_key(deployer(configured))
    text = exchange_tokens.client_jwks(made)
    key = json.loads(text)["keys"][0]
    assert "d" not in key
    assert "PRIVATE" not in text
    said = jwt.encode({"aud": "realm", "exp": time.time() + 9}, made["pem"], algorithm="ES256")
    assert jwt.decode(said, jwt.PyJWK(key).key, algorithms=["ES256"], audience="realm")
    other = jwt.encode(
        {"aud": "realm"}, exchange_tokens.keys.key_pem(exchange_tokens.keys.new_key()), algorithm="ES256"
    )
    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(other, jwt.PyJWK(key).key, algorithms=["ES256"], audience="realm")


def test_of_a_realms_keys_only_those_that_sign_are_believed() -> None:
    sig = {"kid": "b", "kty": "RSA", "use": "sig", "alg": "RS256", "n": "1", "e": "AQAB", "x5c": ["long"]}
    passive, enc = {**sig, "kid": "a"}, {**sig, "kid": "c", "use": "enc"}
    one, two = exchange_tokens.canonical([sig, passive, enc]), exchange_tokens.canonical([enc, passive, sig])
    assert one == two
    assert [k["kid"] for k in json.loads(one)["keys"]] == ["a", "b"]
    assert "x5c" not in one


def test_a_partner_is_believed_for_its_own_issuer_and_this_provider(plan: Plan, anhui: ProvincePlan) -> None:
    item = exchange_tokens.trust(plan, anhui, "shanghai", '{"keys": []}')
    rule = item["spec"]["jwtRules"][0]
    assert rule["issuer"].endswith("/realms/shanghai")
    assert rule["audiences"] == ["anhui.exchange.yrd"]
    assert "jwksUri" not in rule
    assert rule["fromHeaders"] == [{"name": "Authorization", "prefix": "Bearer "}]
    assert "forwardOriginalToken" not in rule
