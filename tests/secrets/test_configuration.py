"""The first configuration, its interruption and drift, against a real OpenBao."""

from __future__ import annotations

import json
import pickle
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest

from clients import keys, openbao
from clients.openbao import DeniedError, OpenBao, OpenBaoError, SealedError, UntrustedError, connect, load
from model import access, pki
from model.derive import ProvincePlan
from model.secrets import SecretsSpec
from stacks import secrets_apply, secrets_issue
from stacks.secrets_apply import LostError
from stacks.secrets_custody import CustodyError, Outcome, credentials, establish, initialise, reopen
from tests.secrets.conftest import NOW, ROOT, Server, break_glass, from_anywhere

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


def first(server: Server, spec: SecretsSpec) -> OpenBao:
    """The finished first configuration, and the deployer's session."""
    assert initialise(server.url, server.ca, server.custody) is Outcome.READY
    assert establish(spec, server.url, server.ca, server.custody, server.deployer)
    return connect(server.url, server.ca, load(server.deployer))


def killed_at(server: Server, spec: SecretsSpec, place: str) -> None:
    """A run that dies at `place`."""
    arguments = server.folder / "arguments"
    arguments.write_bytes(pickle.dumps((spec, server.url, server.ca, server.custody, server.deployer)))
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(arguments)], cwd=ROOT, env={"YRD_FAILPOINT": place}, check=False
    )
    assert done.returncode == -signal.SIGKILL


def again(server: Server, spec: SecretsSpec) -> tuple[secrets_apply.Action, ...]:
    return establish(spec, server.url, server.ca, server.custody, server.deployer)


def test_it_is_configured_once_and_the_root_token_is_dead(server: Server, spec: SecretsSpec) -> None:
    assert initialise(server.url, server.ca, server.custody) is Outcome.READY
    root = json.loads(server.custody.read_text())["root_token"]
    assert again(server, spec)
    assert not server.session(root).alive()
    held = json.loads(server.custody.read_text())
    assert (len(held["recovery_keys"]), held["threshold"], "root_token" in held) == (5, 3, False)
    assert {stat.S_IMODE(f.stat().st_mode) for f in (server.custody, server.deployer)} == {0o600}
    assert initialise(server.url, server.ca, server.custody) is Outcome.CONFIGURED
    assert again(server, spec) == ()


def test_a_kill_before_the_keys_are_stored_asks_for_a_reset(server: Server, spec: SecretsSpec) -> None:
    killed_at(server, spec, "openbao-initialised")
    assert not server.custody.exists()
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
    with pytest.raises(CustodyError, match="three recovery keys"):
        initialise(server.url, server.ca, server.custody)
    server.custody.unlink()
    with pytest.raises(CustodyError):
        initialise(server.url, server.ca, server.custody)


Change = Callable[[OpenBao], object]
DRIFTS: dict[str, tuple[Change, str, str]] = {
    "role": (
        lambda root: root.write("pki-kubernetes/roles/admin.conf", {"allow_any_name": True, "max_ttl": "8760h"}),
        "pki-kubernetes/roles/admin.conf",
        "allow_any_name",
    ),
    "policy": (
        lambda root: root.write("sys/policies/acl/kms", {"policy": 'path "*" {\n capabilities = ["sudo"]\n}'}),
        "sys/policies/acl/kms",
        "policy",
    ),
    "approle": (
        lambda root: root.write("auth/approle/role/exporter", {"token_policies": ["deployer"]}),
        "auth/approle/role/exporter",
        "token_policies",
    ),
    "gone": (lambda root: root.delete("pki-server/roles/openbao"), "pki-server/roles/openbao", ""),
    "limit": (
        lambda root: root.write("sys/mounts/pki-mesh/tune", {"max_lease_ttl": "1h"}),
        "sys/mounts/pki-mesh/tune",
        "max_lease_ttl",
    ),
    "deletable": (
        lambda root: root.write("transit/keys/etcd/config", {"deletion_allowed": True}),
        "transit/keys/etcd/config",
        "deletion_allowed",
    ),
}


def test_what_was_changed_by_hand_is_named_and_written_back(server: Server, spec: SecretsSpec) -> None:
    first(server, spec)
    root = break_glass(server)
    for change, path, field in DRIFTS.values():
        change(root)
        actions = again(server, spec)
        assert [action.path for action in actions] == [path]
        assert (field in actions[0].differs) if field else actions[0].differs == ()
        assert again(server, spec) == ()


def test_what_nobody_declared_is_deleted_and_strangers_are_left_alone(server: Server, spec: SecretsSpec) -> None:
    client = first(server, spec)
    root = break_glass(server)
    ours = ("sys/policies/acl/deployer-2", "auth/approle/role/backdoor", "pki-mesh/roles/any")
    root.write(ours[0], {"policy": 'path "a" {\n capabilities = ["read"]\n}'})
    root.write(ours[1], {"token_policies": ["deployer"]})
    root.write(ours[2], {"allow_any_name": True})
    root.write("sys/policies/acl/visitor", {"policy": 'path "a" {\n capabilities = ["read"]\n}'})
    root.write("sys/auth/userpass", {"type": "userpass"})
    deleted = {a.path for a in again(server, spec) if a.verb == "delete"}
    assert deleted == set(ours)
    assert again(server, spec) == ()
    assert client.read("sys/policies/acl/deployer")["policy"].strip() == spec.policies[0].text.strip()  # type: ignore[index]
    observed = secrets_apply.look(client, spec)
    assert secrets_apply.foreign(spec, observed) == ("auth/userpass", "sys/policies/acl/visitor")


def test_a_newer_plan_widens_the_deployer_first(server: Server, spec: SecretsSpec) -> None:
    role = spec.role("pki-server", "openbao")
    older = replace(
        spec,
        roles=tuple(r for r in spec.roles if r != role),
        policies=(
            replace(spec.policies[0], grants=tuple(g for g in spec.policies[0].grants if g[0] != role.path)),
            *spec.policies[1:],
        ),
    )
    first(server, older)
    assert [a.path for a in again(server, spec)] == ["sys/policies/acl/deployer", role.path]
    assert again(server, spec) == ()


def test_what_holds_data_is_never_made_anew(server: Server, spec: SecretsSpec) -> None:
    first(server, spec)
    root = break_glass(server)
    root.delete("sys/mounts/pki-etcd")
    with pytest.raises(LostError, match="pki-etcd"):
        again(server, spec)
    reopen(server.url, server.ca, server.custody, server.deployer)
    assert "sys/mounts/pki-etcd" in [action.path for action in again(server, spec)]
    assert again(server, spec) == ()


def test_a_replaced_authority_is_refused(server: Server, spec: SecretsSpec) -> None:
    first(server, spec)
    root = break_glass(server)
    made = root.write("pki-front-proxy/root/rotate/internal", {"common_name": "Somebody CA", "ttl": "100h"})
    root.write("pki-front-proxy/config/issuers", {"default": made["issuer_id"]})
    with pytest.raises(LostError, match="pki-front-proxy"):
        again(server, spec)


def test_each_service_may_do_its_own_and_nothing_else(server: Server, spec: SecretsSpec) -> None:
    client = first(server, spec)
    kms = load_session(server, credentials(client, spec, "kms", "anhui-1"))
    assert kms.write("transit/encrypt/etcd", {"plaintext": "YQ=="})["ciphertext"]
    for path in ("pki-kubernetes/sign/admin.conf", "sys/policies/acl/kms", "transit/keys/etcd"):
        with pytest.raises(DeniedError):
            kms.write(path, {})
    with pytest.raises(DeniedError):
        kms.read("kv/data/population-database")
    signer = load_session(server, credentials(client, spec, "signer"))
    csr = keys.request(keys.new_key(), keys.Subject("system:node:anhui-1", ("system:nodes",)))
    assert signer.sign("pki-kubernetes/sign/kubelet.conf", {"csr": csr}).chain == ()
    with pytest.raises(OpenBaoError, match="not allowed"):
        foreign = keys.request(keys.new_key(), keys.Subject("system:node:shanghai-1", ("system:nodes",)))
        signer.sign("pki-kubernetes/sign/kubelet.conf", {"csr": foreign})
    with pytest.raises(DeniedError):
        signer.sign("pki-kubernetes/sign/admin.conf", {"csr": csr})


def load_session(server: Server, credential: dict[str, str]) -> OpenBao:
    return connect(server.url, server.ca, openbao.AppRole(**credential))


def test_a_new_credential_ends_the_holders_earlier_one(server: Server, spec: SecretsSpec) -> None:
    client = first(server, spec)
    one, two = credentials(client, spec, "kms", "anhui-1"), credentials(client, spec, "kms", "anhui-2")
    three = credentials(client, spec, "kms", "anhui-1")
    with pytest.raises(DeniedError):
        load_session(server, one)
    load_session(server, two)
    load_session(server, three)


def test_gateways_get_exactly_their_names(server: Server, spec: SecretsSpec, anhui: ProvincePlan) -> None:
    client = first(server, spec)
    ingress = secrets_issue.pair(client, spec, pki.SERVER, "exchange-ingress")
    leaf = keys.load_certificate(ingress.certificate)
    assert keys.subject_of(leaf).dns[0] == "anhui.exchange.yrd"
    assert "shanghai.exchange.anhui.yrd" in keys.subject_of(leaf).dns
    assert keys.subject_of(leaf).uris == ("spiffe://anhui.yrd/ns/exchange/sa/ingress",)
    assert ingress.certificate.count("BEGIN CERTIFICATE") == 2
    assert ingress.anchor == client.public(pki.ROOT)
    key, role = keys.new_key(), spec.role(pki.SERVER, "exchange-egress")
    for uri in ("spiffe://shanghai.yrd/ns/exchange/sa/egress", "spiffe://anhui.yrd/ns/apps/sa/consumer"):
        with pytest.raises(OpenBaoError, match=r"not allowed|disallowed|URI"):
            csr = keys.request(key, keys.Subject(role.common_names[0], uris=(uri,)))
            client.sign(role.sign_path, {"csr": csr})
    held = (ingress.certificate, ingress.anchor)
    assert not secrets_issue.stale(*held, client, leaf.not_valid_before_utc, spec.role(pki.SERVER, "exchange-ingress"))
    assert secrets_issue.stale(*held, client, leaf.not_valid_after_utc)
    assert secrets_issue.stale("", "", client, NOW)


def test_istiods_issuer_signs_leaves_only(server: Server, spec: SecretsSpec) -> None:
    files = secrets_issue.mesh_issuer(first(server, spec), spec)
    issuer, above = (keys.load_certificate(p) for p in certificates(files["cert-chain.pem"]))
    assert keys.path_length(issuer) == 0
    assert keys.issued_by(issuer, above)
    assert keys.issued_by(above, keys.load_certificate(files["root-cert.pem"]))
    assert keys.matches(keys.load_key(files["ca-key.pem"]), issuer)


def certificates(text: str) -> list[str]:
    end = "-----END CERTIFICATE-----\n"
    return [part + end for part in text.split(end) if part.strip()]


def test_every_role_signs_all_of_its_names(server: Server, spec: SecretsSpec) -> None:
    initialise(server.url, server.ca, server.custody)
    root = server.session(json.loads(server.custody.read_text())["root_token"])
    secrets_apply.apply(root, spec)
    for role in spec.roles:
        subject = secrets_issue.subject(role)
        signed = root.sign(role.sign_path, {"csr": keys.request(keys.new_key(), subject), "exclude_cn_from_sans": True})
        leaf = keys.load_certificate(signed.certificate)
        assert keys.subject_of(leaf).names == subject.names, role.path
        assert keys.subject_of(leaf).organizations == role.organizations
        asked = {"csr": keys.request(keys.new_key(), subject), "ttl": "9000h"}
        longer = keys.load_certificate(root.sign(role.sign_path, asked).certificate)
        assert (longer.not_valid_after_utc - longer.not_valid_before_utc).total_seconds() <= role.hours * 3600 + 60
        for stranger in (
            replace(subject, ips=(*subject.ips, "10.99.99.99")),
            replace(subject, dns=(*subject.dns, "stranger.example")),
            replace(subject, common_name="kubernetes-super-admin2"),
        ):
            with pytest.raises(OpenBaoError):
                root.sign(role.sign_path, {"csr": keys.request(keys.new_key(), stranger)})


def test_the_hub_has_no_cluster(server: Server, hub_spec: SecretsSpec) -> None:
    client = first(server, from_anywhere(hub_spec))
    assert {m for m in (client.read("sys/mounts") or {}) if m.startswith("pki")} == {"pki-root/", "pki-server/"}
    assert again(server, from_anywhere(hub_spec)) == ()


def test_it_opens_by_itself_after_a_power_cut(server: Server, spec: SecretsSpec) -> None:
    first(server, spec)
    server.restart()
    assert again(server, spec) == ()


def test_a_sealed_server_stops_the_run(server: Server, spec: SecretsSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    first(server, spec)
    break_glass(server).write("sys/seal", {})
    monkeypatch.setattr(openbao, "PATIENCE", 0.5)
    with pytest.raises(SealedError, match="secrets sealed — unseal then retry"):
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


def test_the_deployer_cannot_reach_beyond_its_list(server: Server, spec: SecretsSpec) -> None:
    client = first(server, spec)
    for path in ("sys/mounts/other", "pki-root/root/sign-intermediate", "pki-kubernetes/sign/admin.conf", "sys/seal"):
        with pytest.raises(DeniedError):
            client.write(path, {})
    assert client.list("auth/token/accessors")
    client.write(access.kv_data("population-database"), {"data": {"username": "a"}})
    assert (client.read(access.kv_data("population-database")) or {})["data"] == {"username": "a"}
