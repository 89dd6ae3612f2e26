"""Neighbours open a sealed store and give it back when its machine is gone: three real servers, the agent's own code."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from clients import keys, openbao
from model import access, custody, pki
from model.derive import Plan
from model.secrets import secrets_spec
from services.bao import BaoError, Session
from services.custody import envelope, snapshots
from services.custody.shares import Helper, Seal, Ward, needs
from stacks import secrets_issue, secrets_restore
from stacks.secrets_custody import credentials, establish, initialise, keeper_share
from tests.secrets.conftest import Server, from_anywhere, running
from tests.secrets.steps import deployer, load_session

NOW = datetime(2026, 12, 1, tzinfo=UTC)
#: By this name Anhui's agent is known.
NAME = "custody.anhui.yrd"


@pytest.fixture(scope="module")
def keepers(tmp_path_factory: pytest.TempPathFactory, plan: Plan) -> Iterator[dict[str, Server]]:
    """Shanghai and Jiangsu, configured."""
    with running(tmp_path_factory.mktemp("shanghai")) as one, running(tmp_path_factory.mktemp("jiangsu")) as two:
        found = {"shanghai": one, "jiangsu": two}
        for name, server in found.items():
            spec = from_anywhere(secrets_spec(plan, plan.province(name)))
            initialise(server.url, server.ca, server.custody)
            establish(spec, server.url, server.ca, server.custody, server.deployer)
        yield found


@pytest.fixture
def anhui(server: Server, plan: Plan) -> Server:
    """The ward: a share for each keeper."""
    spec = from_anywhere(secrets_spec(plan, plan.province("anhui")))
    initialise(server.url, server.ca, server.custody, keepers=("shanghai", "jiangsu"))
    establish(spec, server.url, server.ca, server.custody, server.deployer)
    return server


def session(server: Server, plan: Plan, province: str) -> Session:
    """What the agent of `province` logs in with."""
    spec = from_anywhere(secrets_spec(plan, plan.province(province)))
    path = server.folder / "custody-agent.json"
    path.write_text(json.dumps(credentials(deployer(server), spec, access.CUSTODY, "agent")))
    return Session(server.url, str(server.ca), path)


def ward(anhui: Server, keeper: Server, name: str) -> Ward:
    """What `keeper` holds of Anhui, encrypted to its own key."""
    found = deployer(keeper).read(f"transit/keys/{access.CUSTODY_KEY}") or {}
    share = keys.seal(found["keys"]["1"]["public_key"], keeper_share(anhui.custody, name))
    return Ward("anhui", anhui.url, str(anhui.ca), share)


def root_of(server: Server) -> Path:
    path = server.folder / "root.pem"
    path.write_text(deployer(server).public(pki.ROOT))
    return path


def operator(server: Server) -> envelope.Signer:
    """To whom snapshots are encrypted; a certificate and its key."""
    key, certificate = keys.recipient("snapshots")
    found = envelope.Signer(server.folder / "recipient.pem", server.folder / "recipient.key")
    found.certificate.write_text(certificate)
    found.key.write_text(key)
    return found


def signer(server: Server, plan: Plan, province: str = "anhui", role: str = "custody") -> envelope.Signer:
    """A pair that the machine's own credential may get."""
    spec = from_anywhere(secrets_spec(plan, plan.province(province)))
    held = credentials(deployer(server), spec, access.certs(f"{province}-1"), "agent")
    pair = secrets_issue.pair(load_session(server, held), spec, pki.SERVER, role)
    found = envelope.Signer(server.folder / f"{role}.crt", server.folder / f"{role}.key")
    found.certificate.write_text(pair.certificate)
    found.key.write_text(pair.key)
    return found


def test_two_neighbours_open_what_one_cannot(anhui: Server, keepers: dict[str, Server], plan: Plan) -> None:
    helpers = {n: Helper(session(s, plan, n), access.CUSTODY_KEY) for n, s in keepers.items()}
    wards = {n: ward(anhui, s, n) for n, s in keepers.items()}
    assert helpers["shanghai"].tend(wards["shanghai"]) == "", "nothing to do while it is open"
    anhui.stop()
    anhui.start()
    assert helpers["shanghai"].tend(wards["shanghai"]) == "given"
    assert helpers["shanghai"].tend(wards["shanghai"]) == "", "once per attempt"
    assert openbao.health(anhui.url, anhui.ca).sealed
    assert helpers["jiangsu"].tend(wards["jiangsu"]) == "opened"
    openbao.ready(anhui.url, anhui.ca)


def test_a_share_is_worthless_to_another_keeper(anhui: Server, keepers: dict[str, Server], plan: Plan) -> None:
    stolen = ward(anhui, keepers["jiangsu"], "jiangsu")
    anhui.stop()
    anhui.start()
    with pytest.raises(BaoError):
        Helper(session(keepers["shanghai"], plan, "shanghai"), access.CUSTODY_KEY).tend(stolen)
    assert openbao.health(anhui.url, anhui.ca).sealed


def test_a_keeper_gives_its_share_to_nobody_else(anhui: Server, keepers: dict[str, Server], plan: Plan) -> None:
    """An impostor at Anhui's address cannot show a certificate of Anhui's root."""
    wards = ward(anhui, keepers["shanghai"], "shanghai")
    other = Ward(wards.site, wards.url, str(keepers["jiangsu"].ca), wards.share)
    anhui.stop()
    anhui.start()
    with pytest.raises(OSError, match="certificate verify failed"):
        Helper(session(keepers["shanghai"], plan, "shanghai"), access.CUSTODY_KEY).tend(other)


def test_a_destroyed_store_comes_back_with_every_version(anhui: Server, keepers: dict[str, Server], plan: Plan) -> None:
    client = deployer(anhui)
    path = access.kv_data("population-database")
    for number in range(3):
        client.write(path, {"data": {"number": str(number)}})
    root, people = root_of(anhui), operator(anhui)
    anchor = root.read_text()
    taken = snapshots.take(
        session(anhui, plan, "anhui"), "anhui", people.certificate, signer(anhui, plan), anhui.folder / "kept", NOW
    )
    assert b"BOLT" not in taken.read_bytes() and b"\x1f\x8b" not in taken.read_bytes()[:64]
    _, hidden = envelope.opened(taken.read_bytes(), "anhui", NAME, root)
    content = envelope.revealed(hidden, people.key)
    wards = {n: ward(anhui, s, n) for n, s in keepers.items()}
    anhui.wipe()
    token = secrets_restore.fill(anhui.url, anhui.ca, content, anhui.again)
    for name, keeper in keepers.items():
        Helper(session(keeper, plan, name), access.CUSTODY_KEY).tend(wards[name])
    openbao.ready(anhui.url, anhui.ca)
    again = deployer(anhui)
    assert again.public("pki-root") == anchor
    assert (again.read(path) or {})["data"] == {"number": "2"}
    assert (again.read(path) or {})["metadata"]["version"] == 3
    assert not anhui.session(token).alive(), "the token of the empty server is gone"


def test_a_store_behind_a_device_comes_back_and_opens_itself(server: Server, plan: Plan) -> None:
    """A key in a file stands for the HSM; to OpenBao it is a seal like the others."""
    device = server.folder / "etc/openbao/seal.key"
    device.write_bytes(bytes(range(32)))
    server.configure(
        openbao_seal={"type": "static", "options": {"current_key_id": "1", "current_key": f"file://{device}"}}
    )
    server.again()
    spec = from_anywhere(secrets_spec(plan, plan.province("anhui")))
    initialise(server.url, server.ca, server.custody, keepers=("shanghai",))
    establish(spec, server.url, server.ca, server.custody, server.deployer)
    root, content = (
        deployer(server).public("pki-root"),
        session(server, plan, "anhui").fetch("sys/storage/raft/snapshot"),
    )
    server.wipe()
    token = secrets_restore.fill(server.url, server.ca, content, server.again)
    openbao.ready(server.url, server.ca)
    assert deployer(server).public("pki-root") == root
    assert not server.session(token).alive()


def test_a_keeper_takes_only_what_the_owner_signed_and_only_what_is_newer(
    anhui: Server, keepers: dict[str, Server], plan: Plan, tmp_path: Path
) -> None:
    own, kept, people = tmp_path / "served/anhui", tmp_path / "kept", operator(anhui)
    own.mkdir(parents=True)
    etc = anhui.folder / "etc/openbao/tls"
    server = snapshots.Server(("127.0.0.1", 0), own.parent, str(etc / "bootstrap.crt"), str(etc / "bootstrap.key"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"https://127.0.0.1:{server.server_address[1]}/snapshots/anhui"
    root = tmp_path / "anhui.pem"
    root.write_text(anhui.ca.read_text() + root_of(anhui).read_text())
    source = snapshots.Source("anhui", url, NAME, root)
    stamps = [(NOW + timedelta(minutes=n)).strftime(envelope.STAMP) for n in range(4)]

    def serve(number: int, site: str, who: envelope.Signer) -> None:
        for old in own.glob("*.cms"):
            old.unlink()
        sealed = envelope.seal(b"content", site, stamps[number], people.certificate, who)
        (own / f"{stamps[3]}.cms").write_bytes(sealed)

    true = signer(anhui, plan)
    for site, who, said in (
        ("anhui", signer(keepers["shanghai"], plan, "shanghai"), "not signed"),
        ("anhui", signer(anhui, plan, role="exporter"), "not signed"),
        ("shanghai", true, "snapshot of 'shanghai'"),
    ):
        serve(1, site, who)
        with pytest.raises(envelope.ForgedError, match=said):
            snapshots.fetch(source, kept)
    serve(1, "anhui", true)
    assert (found := snapshots.fetch(source, kept)) and found.stem == stamps[1]
    serve(0, "anhui", true)
    with pytest.raises(ValueError, match="not newer"):
        snapshots.fetch(source, kept)
    serve(2, "anhui", true)
    found = snapshots.fetch(source, kept)
    assert found and [found] == list(kept.glob("*.cms"))
    assert envelope.revealed(envelope.opened(found.read_bytes(), "anhui", NAME, root)[1], people.key) == b"content"
    (own / f"{stamps[3]}.cms").rename(own / found.name)
    assert snapshots.fetch(source, kept) is None, "what is kept is not sent again"
    with pytest.raises(OSError, match="404"):
        snapshots.fetch(replace(source, url=url.replace("anhui", "../../etc")), kept)
    server.shutdown()


@pytest.mark.parametrize(
    ("seal", "given", "wanted"),
    [
        (Seal(True, False, ""), None, False),
        (Seal(False, True, ""), None, False),
        (Seal(True, True, ""), None, True),
        (Seal(True, True, "n"), None, True),
        (Seal(True, True, "n"), "n", False),
        (Seal(True, True, ""), "n", True),
        (Seal(True, True, "m"), "n", True),
    ],
)
def test_when_a_share_is_brought(seal: Seal, given: str | None, wanted: bool) -> None:
    assert needs(seal, given) is wanted


def test_everybody_keeps_for_everybody_else_and_the_hub_for_nobody(plan: Plan) -> None:
    names = {p.name for p in plan.provinces}
    spec = secrets_spec(plan, plan.province("anhui"))
    for site in plan.sites:
        assert {k.name for k in custody.keepers(plan, site)} == names - {site.name}
        assert len(custody.keepers(plan, site)) >= custody.HELPERS + 1, "one neighbour may be away"
    assert not [g for p in spec.policies if p.name == access.CUSTODY for g in p.grants if "kv" in g[0]]
