"""Two roots for a while in a real OpenBao: nothing breaks in between, a kill anywhere is finished, the old keys are gone."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clients import keys
from clients.failpoint import VARIABLE
from clients.openbao import DeniedError, OpenBao, OpenBaoError
from model import pki
from model.derive import Plan, ProvincePlan
from model.errors import YrdError
from model.secrets import SecretsSpec, secrets_spec
from stacks import secrets_apply, secrets_issue
from stacks.rotation import issuers
from tests.secrets.conftest import Server, from_anywhere, running
from tests.secrets.steps import deployer, first

Act = Callable[[OpenBao, SecretsSpec, str], None]


@pytest.fixture
def spec(plan: Plan, anhui: ProvincePlan) -> SecretsSpec:
    return from_anywhere(secrets_spec(plan, anhui))


@pytest.fixture
def own(tmp_path: Path, spec: SecretsSpec) -> Iterator[Server]:
    """A configured server that may be broken."""
    with running(tmp_path) as started:
        first(started, spec)
        yield started


def nothing_to_do(client: OpenBao, spec: SecretsSpec) -> bool:
    return secrets_apply.decide(spec, secrets_apply.look(client, spec)) == ()


def leaf_under(client: OpenBao, spec: SecretsSpec, root: str) -> bool:
    pair = secrets_issue.pair(client, spec, pki.SERVER, "exchange-egress")
    above = keys.load_chain(pair.certificate)[-1]
    return keys.issued_by(above, keys.load_certificate(root))


def test_old_and_new_overlap_and_the_old_ends(own: Server, spec: SecretsSpec) -> None:
    client = deployer(own)
    old = client.public(pki.ROOT)
    assert client.anchors(pki.ROOT) == old
    issuers.make(client, spec, old)
    assert client.public(pki.ROOT) == old and leaf_under(client, spec, old), "nothing signs with the new one yet"
    both = client.anchors(pki.ROOT)
    assert old in both and len(keys.load_chain(both)) == 2
    assert nothing_to_do(client, spec), "an `up` in between finds nothing wrong"
    issuers.switch(client, spec, old)
    new = client.public(pki.ROOT)
    # Two roots of one second have no order.
    assert new != old and client.anchors(pki.ROOT) == both in {old + new, new + old}
    assert leaf_under(client, spec, new) and not leaf_under(client, spec, old)
    assert keys.issued_by(keys.load_certificate(client.public(pki.MESH)), keys.load_certificate(new))
    assert nothing_to_do(client, spec)
    issuers.retire(client, spec, old)
    assert client.anchors(pki.ROOT) == new
    assert nothing_to_do(client, spec)
    for mount in (pki.ROOT, pki.SERVER, pki.MESH):
        assert not [i for i in issuers.issuers(client, mount) if i.under(old)]
    with pytest.raises(DeniedError):
        client.write(f"{pki.ROOT}/root/rotate/internal", {"common_name": "x"})
    with issuers.lent(client, spec, {f"{m}/keys": ("list",) for m in (pki.ROOT, pki.SERVER, pki.MESH)}):
        assert [len(client.list(f"{m}/keys")) for m in (pki.ROOT, pki.SERVER, pki.MESH)] == [1, 1, 1]


def test_nothing_is_taken_away_before_the_new_one_signs(own: Server, spec: SecretsSpec) -> None:
    client = deployer(own)
    old = client.public(pki.ROOT)
    with pytest.raises(YrdError, match="E342"):
        issuers.retire(client, spec, old)
    issuers.make(client, spec, old)
    with pytest.raises(YrdError, match="E342"):
        issuers.retire(client, spec, old)
    assert leaf_under(client, spec, old)


def killed(act: Act, own: Server, spec: SecretsSpec, old: str, where: str) -> None:
    def child() -> None:
        os.environ[VARIABLE] = where
        act(deployer(own), spec, old)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL


def test_a_kill_anywhere_is_finished(own: Server, spec: SecretsSpec) -> None:
    """One rotation, killed once in every place, with an `up` after each."""
    old = deployer(own).public(pki.ROOT)
    places: list[tuple[Act, tuple[str, ...]]] = [
        (issuers.make, ("rotate-root-made", "rotate-intermediate-asked")),
        (issuers.switch, ("rotate-switched", "rotate-switched", "rotate-switched")),
        (issuers.retire, ("rotate-issuer-deleted", "rotate-issuer-deleted")),
    ]
    for act, where in places:
        for place in where:
            killed(act, own, spec, old, place)
            client = deployer(own)
            secrets_apply.apply(client, spec)
            assert nothing_to_do(client, spec), f"after a kill at {place}"
            anchors = [keys.pem(root) for root in keys.load_chain(client.anchors(pki.ROOT))]
            assert any(leaf_under(client, spec, root) for root in anchors)
            with pytest.raises((DeniedError, OpenBaoError)):
                client.list(f"{pki.ROOT}/keys")
        act(deployer(own), spec, old)
    client = deployer(own)
    assert len(issuers.issuers(client, pki.ROOT)) == 1, "two kills never make a third root"
    with issuers.lent(client, spec, {f"{m}/keys": ("list",) for m in (pki.SERVER, pki.MESH)}):
        assert [len(client.list(f"{m}/keys")) for m in (pki.SERVER, pki.MESH)] == [1, 1], "no orphan is left"


def test_an_anchor_without_children_rotates_by_itself(own: Server, spec: SecretsSpec) -> None:
    client = deployer(own)
    old, others = client.public(pki.FRONT_PROXY), client.anchors(pki.ROOT)
    issuers.make(client, spec, old, pki.FRONT_PROXY)
    assert old in client.anchors(pki.FRONT_PROXY) and nothing_to_do(client, spec)
    issuers.switch(client, spec, old, pki.FRONT_PROXY)
    issuers.retire(client, spec, old, pki.FRONT_PROXY)
    assert client.anchors(pki.FRONT_PROXY) == client.public(pki.FRONT_PROXY) != old
    assert client.anchors(pki.ROOT) == others and nothing_to_do(client, spec)
