"""New shares against a real OpenBao: the old ones open nothing, and a kill at any step leaves a store that can be opened."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients.failpoint import VARIABLE
from clients.openbao import OpenBaoError, SealedError
from model.custody import THRESHOLD
from model.derive import Plan, ProvincePlan
from model.errors import YrdError
from model.secrets import SecretsSpec, secrets_spec
from stacks import rekey
from stacks.secrets_custody import can_unseal, unseal
from tests.secrets.conftest import Server, from_anywhere, running
from tests.secrets.steps import deployer, first

KEEPERS = ("shanghai", "jiangsu", "zhejiang")


@pytest.fixture
def spec(plan: Plan, anhui: ProvincePlan) -> SecretsSpec:
    return from_anywhere(secrets_spec(plan, anhui))


@pytest.fixture
def own(tmp_path: Path, spec: SecretsSpec) -> Iterator[Server]:
    with running(tmp_path) as started:
        first(started, spec)
        yield started


def renew(own: Server, spec: SecretsSpec, old: list[str]) -> None:
    rekey.renew(deployer(own), spec, own.custody, KEEPERS, old)


def test_new_shares_open_and_old_ones_do_not(own: Server, spec: SecretsSpec) -> None:
    old = rekey.shares_of(own.custody)
    assert rekey.accepted(deployer(own), spec, old)
    renew(own, spec, old)
    held = json.loads(own.custody.read_text())
    new = held["officers"]
    assert not set(new) & set(old) and set(held["keepers"]) == set(KEEPERS) and "next" not in held
    assert own.custody.stat().st_mode & 0o777 == 0o600
    client = deployer(own)
    assert not rekey.accepted(client, spec, old), "a real attempt with the old ones is refused"
    assert rekey.accepted(client, spec, new)
    renew(own, spec, old)
    assert json.loads(own.custody.read_text()) == held, "a second run does nothing"
    own.stop()
    own.start()
    server = own.session()
    with pytest.raises((OpenBaoError, YrdError)):
        for share in old[:THRESHOLD]:
            server.unseal(share)
    assert server.glance().sealed
    unseal(own.url, own.ca, own.custody)
    assert not server.glance().sealed


@pytest.mark.parametrize("place", ["rekey-written-down", "rekey-counts"])
def test_a_kill_leaves_shares_that_open(own: Server, spec: SecretsSpec, place: str) -> None:
    old = rekey.shares_of(own.custody)

    def child() -> None:
        os.environ[VARIABLE] = place
        renew(own, spec, old)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert rekey.accepted(deployer(own), spec, old) == (place == "rekey-written-down")
    renew(own, spec, old)
    assert not rekey.accepted(deployer(own), spec, old)
    assert "next" not in json.loads(own.custody.read_text())
    own.restart()
    assert not own.session().glance().sealed


def test_too_few_officers_change_nothing(own: Server, spec: SecretsSpec) -> None:
    held = json.loads(own.custody.read_text())
    own.custody.write_text(json.dumps({**held, "officers": held["officers"][: THRESHOLD - 1]}))
    with pytest.raises(YrdError, match="E316"):
        rekey.shares_of(own.custody)
    assert not can_unseal(own.custody)
    with pytest.raises(SealedError):
        own.stop()
        own.start()
        unseal(own.url, own.ca, own.custody)
