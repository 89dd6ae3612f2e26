"""The specification of a site's OpenBao and the decisions that follow from it. Nothing runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from clients import keys
from model import access, pki
from model.derive import Plan, ProvincePlan
from model.errors import BadInputError
from model.secrets import SecretsSpec, faults, secrets_spec
from stacks.differences import differences
from stacks.roles import certs
from stacks.secrets_apply import Action, LostError, Observed, decide, foreign, wanted
from tests.secrets.conftest import NOW


def everything(spec: SecretsSpec, anchors: dict[str, str]) -> Observed:
    """A server that holds exactly what the specification says."""
    live: dict[str, Any] = {path: dict(fields) for path, fields in wanted(spec).items()}
    live |= {key.path: {**key.guarded(), "type": key.type} for key in spec.keys}
    return Observed(
        first=False,
        mounts={m.path: {"type": m.type, "config": m.tuning()} for m in spec.mounts},
        methods={"approle": {}, "jwt": {"config": spec.login.tuning() if spec.login else {}}, "token": {}},
        certificates=anchors,
        anchors={a.mount: anchors[a.mount] for a in spec.authorities if not a.parent},
        live=live,
        undeclared=(),
        policies=(*(p.name for p in spec.policies), "default", "root"),
    )


def made(spec: SecretsSpec) -> dict[str, str]:
    """Authorities as OpenBao would have made them, without one."""
    held: dict[str, tuple[x509.Certificate, ec.EllipticCurvePrivateKey]] = {}
    for authority in spec.authorities:
        key = keys.new_key()
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, authority.common_name)])
        parent = held.get(authority.parent)
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(parent[0].subject if parent else name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW)
            .not_valid_after(NOW + timedelta(hours=authority.hours))
            .add_extension(x509.BasicConstraints(ca=True, path_length=authority.path_length), critical=True)
        )
        held[authority.mount] = builder.sign(parent[1] if parent else key, hashes.SHA256()), key
    return {mount: pair[0].public_bytes(Encoding.PEM).decode() for mount, pair in held.items()}


@pytest.fixture
def whole(spec: SecretsSpec) -> Observed:
    return everything(spec, made(spec))


@pytest.mark.parametrize("mount", [pki.ROOT, pki.MESH, pki.ETCD])
def test_another_authority_is_a_loss(spec: SecretsSpec, whole: Observed, mount: str) -> None:
    other = {**whole.certificates, mount: made(replace(spec, authorities=renamed(spec)))[mount]}
    with pytest.raises(LostError, match=mount):
        decide(spec, replace(whole, certificates=other))
    with pytest.raises(LostError, match=mount):
        decide(spec, replace(whole, certificates={**whole.certificates, mount: ""}))


def renamed(spec: SecretsSpec) -> tuple[pki.Authority, ...]:
    return tuple(replace(a, common_name="Somebody CA") for a in spec.authorities)


def test_the_right_name_with_another_signature_is_a_loss(spec: SecretsSpec, whole: Observed) -> None:
    other = {**whole.certificates, pki.SERVER: made(spec)[pki.SERVER]}
    with pytest.raises(LostError, match=pki.SERVER):
        decide(spec, replace(whole, certificates=other))


def test_an_intermediate_may_stand_under_the_older_of_two_roots(spec: SecretsSpec, whole: Observed) -> None:
    newer = made(spec)[pki.ROOT]
    rotated = replace(whole, certificates={**whole.certificates, pki.ROOT: newer})
    both = whole.anchors[pki.ROOT] + newer
    assert decide(spec, replace(rotated, anchors={**whole.anchors, pki.ROOT: both})) == ()
    with pytest.raises(LostError, match=pki.SERVER):
        decide(spec, replace(rotated, anchors={**whole.anchors, pki.ROOT: newer}))


def test_what_is_as_declared_needs_nothing(spec: SecretsSpec, whole: Observed) -> None:
    assert decide(spec, whole) == ()
    assert foreign(spec, whole) == ()


def test_a_field_that_differs_is_named(spec: SecretsSpec, whole: Observed) -> None:
    path = spec.role(pki.KUBERNETES, "scheduler.conf").path
    live = {**whole.live, path: {**whole.live[path], "allow_any_name": True, "organization": ["system:masters"]}}
    (action,) = decide(spec, replace(whole, live=live))
    assert (action.verb, action.path, action.differs) == ("write", path, ("allow_any_name", "organization"))


def test_a_stranger_is_deleted_with_a_right_that_is_lent(spec: SecretsSpec, whole: Observed) -> None:
    stranger = "pki-etcd/roles/any"
    lend, delete, back = decide(spec, replace(whole, undeclared=(stranger,)))
    assert delete == Action("delete", stranger)
    assert stranger in str(lend.data["policy"])
    assert stranger not in str(back.data["policy"])
    assert decide(spec, replace(whole, undeclared=(stranger,), first=True)) == (delete,)


def test_a_key_that_may_leave_is_a_loss(spec: SecretsSpec, whole: Observed) -> None:
    live = {**whole.live, "transit/keys/etcd": {**whole.live["transit/keys/etcd"], "exportable": True}}
    with pytest.raises(LostError, match="transit/keys/etcd"):
        decide(spec, replace(whole, live=live))


def test_the_first_configuration_begins_with_what_others_stand_on(spec: SecretsSpec) -> None:
    empty = Observed(True, {}, {"token": {}}, {}, {}, {}, (), ("default", "root"))
    actions = [action.path for action in decide(spec, empty)]
    assert actions[0] == "sys/auth/approle"
    assert actions.index("pki-root/root/generate/internal") < actions.index("pki-server")
    assert actions.index("sys/mounts/transit") < actions.index("transit/keys/etcd")
    assert len(actions) == len(set(actions))


@pytest.mark.parametrize(
    ("want", "live", "found"),
    [
        ({"a": []}, {"a": None}, ()),
        ({"a": ["x", "y"]}, {"a": ["y", "x"]}, ()),
        ({"a": ["127.0.0.1/32"]}, {"a": ["127.0.0.1"]}, ()),
        ({"a": "text\n"}, {"a": "text"}, ()),
        ({"a": False}, {"a": True}, ("a",)),
        ({"a": ["x"]}, {"a": ["x", "y"]}, ("a",)),
        ({"a": 1, "b": 2}, {"a": 1}, ("b",)),
    ],
)
def test_equal_is_what_openbao_means_by_it(want: dict[str, object], live: dict[str, object], found: object) -> None:
    assert differences(want, live) == found


def test_no_policy_has_a_wildcard_and_none_may_sign_beyond_its_own(plan: Plan) -> None:
    for site in plan.sites:
        spec = secrets_spec(plan, site)
        assert faults(spec) == ()
        people = {r.policy for r in spec.login.roles} if spec.login else set()
        assert {p.name for p in spec.policies} == {a.policy for a in spec.approles} | people
        assert all(access.ours(p.name) for p in spec.policies)
        for policy in spec.policies:
            assert "*" not in policy.text
            assert "+" not in policy.text


def test_no_province_knows_anothers_machines(plan: Plan) -> None:
    for site in plan.provinces:
        # Where people log in may be the hub; it is asked for public keys and for nothing else.
        text = repr(replace(secrets_spec(plan, site), login=None))
        for other in plan.sites:
            if other != site:
                assert other.head.name not in text
                assert str(other.head.address) not in text


def test_the_hub_has_no_cluster_and_no_province_role(plan: Plan) -> None:
    spec = secrets_spec(plan, plan.hub)
    assert [m.path for m in spec.mounts] == [pki.ROOT, pki.SERVER]
    assert {r.name for r in spec.roles} == {"openbao", "registry", "prometheus-client", "portal", "identity"}
    assert {p.name for p in spec.policies} == {"deployer", f"certs-{plan.hub.head.name}"}
    assert spec.mesh is None


def test_gateways_names_come_from_the_agreements_names(plan: Plan, anhui: ProvincePlan) -> None:
    role = secrets_spec(plan, anhui).role(pki.SERVER, "exchange-ingress")
    assert set(role.dns) == {"anhui.exchange.yrd", *(f"{p}.exchange.anhui.yrd" for p in anhui.partners)}
    assert role.uris == ("spiffe://anhui.yrd/ns/exchange/sa/ingress",)


def test_a_tighter_province_gets_shorter_certificates(plan: Plan, anhui: ProvincePlan) -> None:
    tighter = replace(anhui, settings={**anhui.settings, "gateway-certificate-days": 30})
    assert secrets_spec(plan, tighter).role(pki.SERVER, "exchange-egress").fields()["max_ttl"] == 30 * 86400


def test_a_long_life_and_a_wildcard_are_refused(plan: Plan, anhui: ProvincePlan, spec: SecretsSpec) -> None:
    loose = replace(anhui, settings={**anhui.settings, "gateway-certificate-days": 91})
    with pytest.raises(BadInputError, match="E163") as found:
        secrets_spec(plan, loose)
    assert "2184h" in found.value.en
    wide = replace(spec.policies[0], grants=(("secret/*", ("read",)),))
    assert "wildcard" in faults(replace(spec, policies=(wide,)))[0][1]
    anyone = replace(spec.roles[0], dns=("*.yrd",))
    assert "wildcard" in faults(replace(spec, roles=(anyone,)))[0][1]


def test_everything_of_a_machine_can_be_signed_by_that_machine(plan: Plan) -> None:
    """No entry without its right, and no right without an entry."""
    for site in plan.sites:
        spec = secrets_spec(plan, site)
        policy = {p.name: p for p in spec.policies}[access.certs(site.head.name)]
        granted = {path for path, _ in policy.grants if "/sign/" in path}
        content: Any = certs.variables(plan, site, site.head)["certs_spec"]
        rows = list(content["entries"])
        if isinstance(site, ProvincePlan):
            cluster: Any = certs.kubernetes_spec(site, site.head)
            rows += cluster["entries"]
        assert {f"{row['mount']}/sign/{row['role']}" for row in rows} == granted


def test_a_request_says_who_it_is_for() -> None:
    subject = keys.Subject("system:node:a", ("system:nodes",), ("a",), ("::1", "10.0.0.1"), ("spiffe://a/ns/b/sa/c",))
    csr = x509.load_pem_x509_csr(keys.request(keys.new_key(), subject).encode())
    assert keys.subject_of(csr) == subject
