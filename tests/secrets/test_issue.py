"""What each credential may do and what each role certifies, against a real OpenBao."""

from __future__ import annotations

from dataclasses import replace

import pytest

from clients import keys
from clients.openbao import DeniedError, OpenBaoError
from model import access, pki
from model.derive import ProvincePlan
from model.secrets import SecretsSpec
from stacks import secrets_issue
from stacks.secrets_custody import credentials
from tests.secrets.conftest import NOW, Server, break_glass, from_anywhere
from tests.secrets.steps import deployer, load_session


@pytest.fixture
def spec(spec: SecretsSpec) -> SecretsSpec:
    return from_anywhere(spec)


def test_each_service_may_do_its_own_and_nothing_else(configured: Server, spec: SecretsSpec) -> None:
    client = deployer(configured)
    kms = load_session(configured, credentials(client, spec, "kms", "anhui-1"))
    assert kms.write("transit/encrypt/etcd", {"plaintext": "YQ=="})["ciphertext"]
    for path in ("pki-kubernetes/sign/admin.conf", "sys/policies/acl/kms", "transit/keys/etcd"):
        with pytest.raises(DeniedError):
            kms.write(path, {})
    with pytest.raises(DeniedError):
        kms.read("kv/data/population-database")
    signer = load_session(configured, credentials(client, spec, "signer"))
    csr = keys.request(keys.new_key(), keys.Subject("system:node:anhui-1", ("system:nodes",)))
    assert signer.sign("pki-kubernetes/sign/kubelet.conf", {"csr": csr}).chain == ()
    with pytest.raises(OpenBaoError, match="not allowed"):
        foreign = keys.request(keys.new_key(), keys.Subject("system:node:shanghai-1", ("system:nodes",)))
        signer.sign("pki-kubernetes/sign/kubelet.conf", {"csr": foreign})
    with pytest.raises(DeniedError):
        signer.sign("pki-kubernetes/sign/admin.conf", {"csr": csr})


def test_a_new_credential_ends_the_holders_earlier_one(configured: Server, spec: SecretsSpec) -> None:
    client = deployer(configured)
    one, two = credentials(client, spec, "kms", "anhui-1"), credentials(client, spec, "kms", "anhui-2")
    three = credentials(client, spec, "kms", "anhui-1")
    with pytest.raises(DeniedError):
        load_session(configured, one)
    load_session(configured, two)
    load_session(configured, three)


def test_gateways_get_exactly_their_names(configured: Server, spec: SecretsSpec, anhui: ProvincePlan) -> None:
    client = deployer(configured)
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
    held, since = (ingress.certificate, client), leaf.not_valid_before_utc
    assert not secrets_issue.stale(*held, pki.SERVER, since, spec.role(pki.SERVER, "exchange-ingress"))
    assert secrets_issue.stale(*held, pki.SERVER, leaf.not_valid_after_utc)
    assert secrets_issue.stale(*held, pki.MESH, since), "another authority signs there"
    assert secrets_issue.stale("", client, pki.SERVER, NOW)


def test_istiods_issuer_signs_leaves_only(configured: Server, spec: SecretsSpec) -> None:
    files = secrets_issue.mesh_issuer(deployer(configured), spec)
    issuer, above = (keys.load_certificate(p) for p in certificates(files["cert-chain.pem"]))
    assert keys.path_length(issuer) == 0
    assert keys.issued_by(issuer, above)
    assert keys.issued_by(above, keys.load_certificate(files["root-cert.pem"]))
    assert keys.matches(keys.load_key(files["ca-key.pem"]), issuer)


def certificates(text: str) -> list[str]:
    end = "-----END CERTIFICATE-----\n"
    return [part + end for part in text.split(end) if part.strip()]


def test_every_role_signs_its_names_and_no_other(configured: Server, spec: SecretsSpec) -> None:
    root = break_glass(configured)
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


def test_the_deployer_cannot_reach_beyond_its_list(configured: Server, spec: SecretsSpec) -> None:
    client = deployer(configured)
    for path in ("sys/mounts/other", "pki-root/root/sign-intermediate", "pki-kubernetes/sign/admin.conf", "sys/seal"):
        with pytest.raises(DeniedError):
            client.write(path, {})
    assert client.list("auth/token/accessors")
    client.write(access.kv_data("population-database"), {"data": {"username": "a"}})
    assert (client.read(access.kv_data("population-database")) or {})["data"] == {"username": "a"}
