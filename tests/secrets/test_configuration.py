"""The first configuration, its interruption, and what a server refuses, against a real OpenBao."""

from __future__ import annotations

import json
import pickle
import shutil
import signal
import stat
import subprocess
import sys

import pytest

from clients import openbao
from clients.openbao import OpenBao, OpenBaoError, SealedError, UntrustedError, connect, load
from model.errors import YrdError
from model.secrets import SecretsSpec
from stacks.secrets_custody import CustodyError, Outcome, initialise, reopen, unseal
from tests.secrets.conftest import ROOT, Server, break_glass, from_anywhere
from tests.secrets.steps import again, deployer, first

#: In a process of its own, because it is going to be killed.
RUN = """
import pathlib, pickle, sys
from stacks.secrets_custody import establish, initialise
spec, url, ca, custody, deployer = pickle.loads(pathlib.Path(sys.argv[1]).read_bytes())
initialise(url, ca, custody)
establish(spec, url, ca, custody, deployer)
"""


@pytest.fixture
def spec(spec: SecretsSpec) -> SecretsSpec:
    return from_anywhere(spec)


def killed_at(server: Server, spec: SecretsSpec, place: str) -> None:
    """A run that dies at `place`."""
    arguments = server.folder / "arguments"
    arguments.write_bytes(pickle.dumps((spec, server.url, server.ca, server.custody, server.deployer)))
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(arguments)], cwd=ROOT, env={"YRD_FAILPOINT": place}, check=False
    )
    assert done.returncode == -signal.SIGKILL


def test_it_is_configured_once_and_the_root_token_is_dead(server: Server, spec: SecretsSpec) -> None:
    assert initialise(server.url, server.ca, server.custody) is Outcome.READY
    root = json.loads(server.custody.read_text())["root_token"]
    assert again(server, spec)
    assert not server.session(root).alive()
    held = json.loads(server.custody.read_text())
    assert (len(held["officers"]), held["threshold"], "root_token" in held) == (5, 3, False)
    assert {stat.S_IMODE(f.stat().st_mode) for f in (server.custody, server.deployer)} == {0o600}
    assert initialise(server.url, server.ca, server.custody) is Outcome.CONFIGURED
    assert again(server, spec) == ()


def test_a_kill_before_the_keys_are_stored_asks_for_a_reset(server: Server, spec: SecretsSpec) -> None:
    killed_at(server, spec, "openbao-initialised")
    assert json.loads(server.custody.read_text()) == {"initialising": True}
    assert initialise(server.url, server.ca, server.custody) is Outcome.NEEDS_RESET
    server.wipe()
    first(server, spec)


@pytest.mark.parametrize(
    "place", ["openbao-custody-stored", "openbao-configured", "openbao-deployer-stored", "openbao-root-revoked"]
)
def test_a_kill_later_is_finished_by_the_next_run(server: Server, spec: SecretsSpec, place: str) -> None:
    killed_at(server, spec, place)
    root = json.loads(server.custody.read_text())["root_token"]
    initialise(server.url, server.ca, server.custody)
    again(server, spec)
    assert "root_token" not in json.loads(server.custody.read_text())
    assert not server.session(root).alive()
    client = connect(server.url, server.ca, load(server.deployer))
    assert len(client.list("auth/approle/role/deployer/secret-id")) == 1
    assert again(server, spec) == ()


def test_a_configured_server_without_its_credential_is_an_error(server: Server, spec: SecretsSpec) -> None:
    first(server, spec)
    server.deployer.unlink()
    with pytest.raises(CustodyError, match="officers' shares"):
        initialise(server.url, server.ca, server.custody)
    server.custody.unlink()
    with pytest.raises(CustodyError):
        initialise(server.url, server.ca, server.custody)


def test_the_hub_has_no_cluster(server: Server, hub_spec: SecretsSpec) -> None:
    client = first(server, from_anywhere(hub_spec))
    assert {m for m in (client.read("sys/mounts") or {}) if m.startswith("pki")} == {"pki-root/", "pki-server/"}
    assert again(server, from_anywhere(hub_spec)) == ()


def test_after_a_power_cut_it_stays_shut_until_two_shares_come(server: Server, spec: SecretsSpec) -> None:
    first(server, spec)
    server.stop()
    server.start()
    held = json.loads(server.custody.read_text())["officers"]
    assert openbao.health(server.url, server.ca).sealed
    assert not server.session().unseal(held[0])
    assert not server.session().unseal(held[0]), "the same share again is no second one"
    assert not server.session().unseal(held[1])
    assert server.session().unseal(held[2])
    openbao.ready(server.url, server.ca)
    assert again(server, spec) == ()


def test_officers_who_took_their_shares_away_bring_them(server: Server, spec: SecretsSpec) -> None:
    first(server, spec)
    held = json.loads(server.custody.read_text())
    server.custody.write_text(json.dumps({**held, "officers": []}))
    server.again()
    with pytest.raises(SealedError):
        unseal(server.url, server.ca, server.custody)
    typed = iter([*held["officers"][:2], ""])
    with pytest.raises(SealedError):
        unseal(server.url, server.ca, server.custody, lambda _: next(typed))
    typed = iter(held["officers"][2:])
    unseal(server.url, server.ca, server.custody, lambda _: f" {next(typed)}\n")
    openbao.ready(server.url, server.ca)


def test_a_server_that_opens_itself_keeps_recovery_keys_for_people(server: Server, spec: SecretsSpec) -> None:
    server.stop()
    key = server.folder / "etc/openbao/seal.key"
    key.write_bytes(bytes(range(32)))
    options = {"current_key_id": "1", "current_key": f"file://{key}"}
    server.configure(openbao_seal={"type": "static", "options": options})
    server.start()
    first(server, spec)
    held = json.loads(server.custody.read_text())
    assert (len(held["officers"]), held["threshold"], "keepers" in held) == (5, 3, False)
    server.stop()
    server.start()
    openbao.ready(server.url, server.ca)
    assert again(server, spec) == ()


def test_an_initialised_server_of_others_is_never_wiped(server: Server, spec: SecretsSpec) -> None:
    """Nothing here says that its initialisation was ours: it may hold everything."""
    first(server, spec)
    server.custody.unlink()
    server.deployer.unlink()
    server.restart()
    with pytest.raises(CustodyError):
        initialise(server.url, server.ca, server.custody)


def test_a_sealed_server_stops_the_run(server: Server, spec: SecretsSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    first(server, spec)
    break_glass(server).write("sys/seal", {})
    monkeypatch.setattr(openbao, "PATIENCE", 0.5)
    with pytest.raises(SealedError, match="secrets sealed — unseal then retry: neighbours"):
        openbao.ready(server.url, server.ca, seconds=0.5)
    assert openbao.health(server.url, server.ca).sealed


def test_without_any_audit_device_nothing_is_served(server: Server, spec: SecretsSpec) -> None:
    client = first(server, spec)
    assert {path.rstrip("/") for path in client.read("sys/audit") or {}} == {"one", "two"}
    one, two = (server.folder / f"var/log/openbao/audit-{n}.log" for n in ("one", "two"))
    full(server, one)
    assert client.read("sys/mounts")
    full(server, two)
    with pytest.raises(OpenBaoError):
        client.read("sys/mounts")


def full(server: Server, file: object) -> None:
    """Make an audit file unwritable: after SIGHUP the device opens a folder, which cannot be written."""
    path = server.folder / str(file)
    path.unlink()
    path.mkdir()
    server.reload()


def test_another_server_is_not_trusted(server: Server) -> None:
    shutil.copy(server.ca, server.folder / "other.crt")
    server.rename_certificate(server.folder / "other.crt")
    with pytest.raises(UntrustedError):
        OpenBao(server.url, server.folder / "other.crt").health()


def test_a_lost_credential_is_replaced_by_two_officers(server: Server, spec: SecretsSpec) -> None:
    first(server, spec)
    server.deployer.unlink()
    with pytest.raises(OpenBaoError, match="unsupported operation"):
        reopen(server.url, server.ca, server.custody, server.deployer)
    server.configure(openbao_break_glass=True)
    server.restart()
    openbao.ready(server.url, server.ca)
    reopen(server.url, server.ca, server.custody, server.deployer)
    token = json.loads(server.custody.read_text())["root_token"]
    server.configure()
    server.restart()
    again(server, spec)
    assert not server.session(token).alive()
    assert deployer(server).alive()


def test_one_share_is_not_enough(server: Server, spec: SecretsSpec) -> None:
    first(server, spec)
    held = json.loads(server.custody.read_text())
    server.custody.write_text(json.dumps({**held, "officers": held["officers"][:1]}))
    with pytest.raises(YrdError, match="E316"):
        reopen(server.url, server.ca, server.custody, server.deployer)
