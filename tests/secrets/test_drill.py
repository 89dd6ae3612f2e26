"""A snapshot is restored beside the live store and compared version by version: real servers, the drill's own code."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clients import openbao
from clients.openbao import DeniedError
from model import access
from model.derive import Plan
from model.secrets import SecretsSpec, secrets_spec
from stacks import secrets_custody, secrets_restore
from stacks.drills import contents, restore, scratch
from stacks.drills.contents import Difference, Fact
from tests.secrets.conftest import Server, from_anywhere, running
from tests.secrets.steps import deployer, first
from tests.secrets.test_custody import session

NOW = datetime(2026, 12, 1, tzinfo=UTC)
PATH = access.kv_data("population-database")


@pytest.fixture(scope="module")
def spec_of_anhui(plan: Plan) -> SecretsSpec:
    return from_anywhere(secrets_spec(plan, plan.province("anhui")))


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory, spec_of_anhui: SecretsSpec) -> Iterator[Server]:
    """Its audit files are where a machine has them, in a `/var/log` of its own: a snapshot brings their paths along."""
    with running(tmp_path_factory.mktemp("anhui")) as server:
        client = first(server, spec_of_anhui)
        for number in range(3):
            client.write(PATH, {"data": {"number": str(number)}})
        client.write(f"{access.TRANSIT}/keys/{access.ETCD_KEY}/rotate", {})
        yield server


def look(server: Server, spec: SecretsSpec) -> contents.Contents:
    return restore.seen(server.url, server.ca, server.deployer, spec)


def test_everything_is_compared_and_nothing_of_a_value_is_seen(live: Server, spec_of_anhui: SecretsSpec) -> None:
    found = look(live, spec_of_anhui)
    assert {f"kv/population-database@{n}" for n in (1, 2, 3)} <= found.keys()
    assert {"transit/etcd@1", "transit/etcd@2", "transit/custody@1"} <= found.keys()
    issuers = [n for n in found if "/issuer/" in n]
    assert {n.split("/")[0] for n in issuers} == {a.mount for a in spec_of_anhui.authorities}
    assert contents.counts(found) == {"secret_versions": 3, "key_versions": 3, "issuers": len(issuers)}
    assert found["transit/etcd@1"] != found["transit/etcd@2"]


def test_the_drills_credential_reads_and_ends_with_it(live: Server, spec_of_anhui: SecretsSpec) -> None:
    made = secrets_custody.credentials(deployer(live), spec_of_anhui, access.DRILL)
    client = openbao.connect(live.url, live.ca, openbao.AppRole(**made))
    for refused in (PATH, f"{access.TRANSIT}/keys/{access.ETCD_KEY}/rotate", f"{access.TRANSIT}/decrypt/etcd"):
        with pytest.raises(DeniedError):
            client.write(refused, {"data": {}})
    look(live, spec_of_anhui)
    with pytest.raises(DeniedError):
        openbao.connect(live.url, live.ca, openbao.AppRole(**made))


def test_a_snapshot_is_restored_beside_the_live_store(
    live: Server, spec_of_anhui: SecretsSpec, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "LOGS", str(live.folder / "var/log"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    content = session(live, plan, "anhui").fetch("sys/storage/raft/snapshot")
    logs = sorted((live.folder / "var/log/openbao").iterdir())
    text = (live.folder / "etc/openbao/openbao.hcl").read_text()
    paths = [line.strip() for line in text.splitlines() if "file_path" in line]
    real, here = scratch.render, f"{live.folder}/var/log/openbao"
    monkeypatch.setattr(
        scratch, "render", lambda role, path, **v: real(role, path, **v).replace("/var/log/openbao", here)
    )
    assert len(paths) == 2
    before = look(live, spec_of_anhui)
    with scratch.running() as server:
        secrets_restore.fill(server.url, server.ca, content, server.again)
        secrets_custody.unseal(server.url, server.ca, live.custody)
        openbao.ready(server.url, server.ca)
        kept = restore.seen(server.url, server.ca, live.deployer, spec_of_anhui)
        assert contents.compare(before, kept, NOW) == ()
        deployer(live).write(PATH, {"data": {"number": "after"}})
        assert process_of(server.folder)
    now = datetime.now(UTC)
    found = contents.compare(look(live, spec_of_anhui), kept, now - timedelta(hours=1))
    assert {(d.name, d.newer) for d in found} == {("kv/population-database", True), ("kv/population-database@4", True)}
    assert [d.newer for d in contents.compare(look(live, spec_of_anhui), kept, now + timedelta(hours=1))] == [False] * 2
    assert not process_of(server.folder) and list(tmp_path.glob("yrd-drill-*")) == []
    assert sorted((live.folder / "var/log/openbao").iterdir()) == logs


def process_of(folder: Path) -> str:
    return subprocess.run(["pgrep", "-f", str(folder)], capture_output=True, text=True, check=False).stdout


@pytest.mark.parametrize(
    ("kept", "wanted"),
    [
        ({"a": Fact("1", NOW)}, ()),
        ({"a": Fact("2", NOW)}, (Difference("a", "another"),)),
        ({}, (Difference("a", "not in the snapshot"),)),
        ({"a": Fact("1", NOW), "b": Fact("1")}, (Difference("b", "not in the live store"),)),
    ],
)
def test_a_difference_has_a_name(kept: contents.Contents, wanted: tuple[Difference, ...]) -> None:
    live = {"a": Fact("1", NOW)}
    assert contents.compare(live, kept, NOW) == wanted
    later = tuple(replace(d, newer=d.what != "not in the live store") for d in wanted)
    assert contents.compare(live, kept, NOW - timedelta(seconds=1)) == later
