"""What was changed by hand in a real OpenBao: named, written back, cleared away, or refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from clients.openbao import OpenBao
from model.secrets import SecretsSpec
from stacks import secrets_apply
from stacks.secrets_apply import LostError
from stacks.secrets_custody import reopen
from tests.secrets.conftest import Server, break_glass, from_anywhere
from tests.secrets.steps import again, first


@pytest.fixture
def spec(spec: SecretsSpec) -> SecretsSpec:
    return from_anywhere(spec)


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
