"""The exchange client against a real issuer: what it proves, when it asks again, and what it does when nobody answers."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from clients import wait
from services.consumer.__main__ import main
from services.consumer.tokens import Client, NoTokenError, Tokens, client
from tests.services.issuer import Realm, pem, serving

AGREEMENT, SCOPE = "anhui-shanghai-population", "agreement-anhui-shanghai-population"


@pytest.fixture
def realm(tmp_path: Path) -> Iterator[Realm]:
    with serving(Realm(tmp_path, ec.generate_private_key(ec.SECP256R1()), (SCOPE,))) as running:
        yield running


@pytest.fixture
def settings(realm: Realm, tmp_path: Path) -> Path:
    """As the chart lays them down."""
    (tmp_path / "key.json").write_text(json.dumps({"pem": pem(realm.client), "kid": "one"}))
    (tmp_path / "tokens").mkdir()
    said = {
        "issuer": realm.issuer,
        "client": "exchange",
        "key": str(tmp_path / "key.json"),
        "authority": str(realm.authority),
        "folder": str(tmp_path / "tokens"),
        "purposes": {AGREEMENT: SCOPE},
    }
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(said))
    return path


@pytest.fixture
def who(settings: Path) -> Client:
    return client(settings)


def number(token: str) -> int:
    """Which of the realm's answers it is."""
    return int(jwt.decode(token, options={"verify_signature": False})["n"])


def test_another_key_gets_no_token(who: Client, realm: Realm) -> None:
    who.key.write_text(json.dumps({"pem": pem(ec.generate_private_key(ec.SECP256R1())), "kid": "one"}))
    with pytest.raises(NoTokenError, match="invalid_client"):
        Tokens(who).get(AGREEMENT)


def test_an_agreement_that_is_not_ours_is_not_even_asked_for(who: Client, realm: Realm) -> None:
    with pytest.raises(NoTokenError, match="no agreement other"):
        Tokens(who).get("other")
    assert realm.asked == 0


def test_an_issuer_that_the_root_does_not_vouch_for_learns_nothing(who: Client, realm: Realm, tmp_path: Path) -> None:
    (tmp_path / "foreign").mkdir()
    refused = pytest.raises(NoTokenError, match="CERTIFICATE_VERIFY_FAILED")
    with serving(Realm(tmp_path / "foreign", realm.client, (SCOPE,))) as foreign, refused:
        Tokens(replace(who, authority=foreign.authority)).get(AGREEMENT)
    assert realm.asked == foreign.asked == 0


def test_a_scope_that_the_realm_does_not_give_is_said(who: Client) -> None:
    with pytest.raises(NoTokenError, match="invalid_scope"):
        Tokens(replace(who, purposes={AGREEMENT: "agreement-other"})).get(AGREEMENT)


def test_a_token_is_asked_for_once_and_shared_by_the_pods_processes(who: Client, realm: Realm) -> None:
    first = Tokens(who).get(AGREEMENT)
    assert jwt.decode(first, realm.signing.public_key(), algorithms=["ES256"])["purpose"] == SCOPE
    assert Tokens(who).get(AGREEMENT) == first
    assert realm.asked == 1
    assert (who.folder / AGREEMENT).stat().st_mode & 0o777 == 0o600
    assert [p.name for p in who.folder.iterdir()] == [AGREEMENT]


def test_it_is_renewed_when_half_of_its_life_is_over(who: Client, realm: Realm) -> None:
    realm.life = 8
    assert number(Tokens(who).get(AGREEMENT)) == 1
    wait.until("a second token", lambda: number(Tokens(who).get(AGREEMENT)) == 2, seconds=8, every=0.2)


def test_without_the_realm_the_kept_token_is_used_until_it_ends_and_not_longer(who: Client, realm: Realm) -> None:
    realm.life = 6
    tokens = Tokens(who)
    first = tokens.get(AGREEMENT)
    realm.away = True
    kept = tokens.kept(AGREEMENT)
    wait.until("half of its life", lambda: kept and not kept.fresh(time.time()), seconds=6, every=0.1)
    assert tokens.get(AGREEMENT) == first
    wait.until("its end", lambda: kept and not kept.alive(time.time()), seconds=8, every=0.1)
    with pytest.raises(NoTokenError, match=AGREEMENT):
        tokens.get(AGREEMENT)
    realm.away = False
    assert number(tokens.get(AGREEMENT)) == 2


def test_the_pod_keeps_them_fresh_and_says_once_that_the_realm_is_away(
    who: Client, realm: Realm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.consumer.tokens.EVERY", 0.05)
    realm.away, said, stopped = True, [], threading.Event()
    thread = threading.Thread(target=Tokens(who).keep_fresh, args=(stopped, said.append))
    thread.start()
    try:
        wait.until("the absence to be said", lambda: bool(said), seconds=10, every=0.05)
        realm.away = False
        wait.until("a token", lambda: Tokens(who).kept(AGREEMENT), seconds=10, every=0.05)
        wait.until("the return to be said", lambda: said[-1] == "tokens are renewed again", seconds=10, every=0.05)
        assert len(said) == 2
        assert "eyJ" not in "".join(said), "no token in a log"
    finally:
        stopped.set()
        thread.join(timeout=10)


def test_a_call_without_a_token_is_not_made(
    settings: Path, realm: Realm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("services.consumer.__main__.client", lambda: client(settings))
    realm.away = True
    assert main(["call", "--url", "http://127.0.0.1:9/", "--agreement", AGREEMENT]) == 3
    assert f"no token for {AGREEMENT}" in json.loads(capsys.readouterr().out)["error"]


def test_the_token_of_the_next_call_can_be_shown(
    settings: Path, realm: Realm, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("services.consumer.__main__.client", lambda: client(settings))
    assert main(["token", "--agreement", "other"]) == 3
    assert "no agreement other" in json.loads(capsys.readouterr().out)["error"]
    assert main(["token", "--agreement", AGREEMENT]) == 0
    assert number(json.loads(capsys.readouterr().out)["token"]) == 1
