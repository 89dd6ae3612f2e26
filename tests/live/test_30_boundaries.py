"""An attacker with a place on Shanghai's wire, and a pod that asks for too much."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import NameOID

from clients import exchange, keys, openbao, state
from model import names, pki
from model.derive import Flow, Plan
from stacks import secrets_custody
from tests.live import support
from toolchain.install import tool

SCRIPT = Path(__file__).with_name("wire.py")


@pytest.fixture(scope="module")
def flow(plan: Plan) -> Flow:
    return plan.province("anhui").provides[0]


@dataclass(frozen=True)
class Call:
    """The agreed call at Anhui's ingress gateway, from the intruder's place."""

    plan: Plan
    flow: Flow
    tls: bool = True
    certificate: Path | None = None
    sni: str = ""
    token: str = ""

    def make(self) -> dict[str, Any]:
        operation, provider = self.flow.operations[0], self.plan.province(self.flow.provider)
        body = json.dumps({k: exchange.NOBODY.get(k, "") for k in operation.request}, ensure_ascii=False)
        asked = {
            "host": str(provider.head.address),
            "port": self.plan.world.region.ports.exchange,
            "tls": self.tls,
            "sni": self.sni or self.flow.sni,
            "name": self.sni or self.flow.sni,
            "method": operation.method,
            "path": operation.path,
            "body": body,
            "token": self.token,
            "cert": str(self.certificate) if self.certificate else "",
            "key": str(self.certificate.with_suffix(".key")) if self.certificate else "",
        }
        done = subprocess.run(
            ["ip", "netns", "exec", support.SPACE, sys.executable, str(SCRIPT)],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=True,
        )
        return dict(json.loads(done.stdout))


def place(folder: Path, name: str, certificate: str, key: str) -> Path:
    path = folder / f"{name}.crt"
    path.write_text(certificate)
    path.with_suffix(".key").write_text(key)
    return path


@pytest.fixture(scope="module")
def call(plan: Plan, flow: Flow, wire: None) -> Call:
    """With the consumer's own token throughout: a stolen one opens nothing without the gateway's key."""
    return Call(plan, flow, token=exchange.token(plan, str(tool("kubectl")), flow.consumer, flow.agreement.name))


def refused(said: dict[str, Any]) -> bool:
    """Reached the gateway, and got nothing from it."""
    return said["connected"] and " 200 " not in f"{said['answer']} "


def test_shanghais_own_certificate_opens_the_flow_from_here(call: Call, flow: Flow, tmp_path: Path) -> None:
    """The control of all that follows: the way is there, and only the credential decides."""
    name = names.exchange_client_secret(flow.provider)
    data = json.loads(support.kubectl("shanghai", "get", "secret", "-n", names.EXCHANGE_NAMESPACE, name, "-o", "json"))[
        "data"
    ]
    values = {k: base64.b64decode(v).decode() for k, v in data.items()}
    mine = place(tmp_path, "shanghai", values["tls.crt"], values["tls.key"])
    assert replace(call, certificate=mine).make()["answer"].startswith("HTTP/1.1 200"), "the control must succeed"
    wrong = replace(
        call, certificate=mine, sni=names.exchange_sni("jiangsu", "anhui", call.plan.world.region.domain)
    ).make()
    assert refused(wrong) and wrong["error"], "Shanghai's root is trusted under Shanghai's name alone"


def test_plain_text_is_refused(call: Call) -> None:
    said = replace(call, tls=False).make()
    assert refused(said) and not said["answer"].startswith("HTTP/1.1 2"), said


def test_no_certificate_is_refused(call: Call) -> None:
    said = call.make()
    assert refused(said) and said["error"], said


def test_a_foreign_trust_domain_is_refused(call: Call, tmp_path: Path) -> None:
    key = keys.new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "foreign")])
    now = datetime.now(UTC)
    uri = x509.SubjectAlternativeName(
        [x509.UniformResourceIdentifier("spiffe://foreign.example/ns/exchange/sa/egress")]
    )
    own = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(uri, critical=False)
        .sign(key, hashes.SHA256())
    )
    mine = place(tmp_path, "foreign", keys_pem(own), keys.key_pem(key))
    said = replace(call, certificate=mine).make()
    assert refused(said) and said["error"], said


def test_shanghais_identity_signed_by_jiangsus_root_is_refused(call: Call, plan: Plan, tmp_path: Path) -> None:
    """Even if those who hold three of Jiangsu's recovery keys sign Shanghai's very name."""
    jiangsu, folder = plan.province("jiangsu"), state.site(support.ENVIRONMENT, "jiangsu")
    ca, custody, deployer = (
        state.root_certificate(support.ENVIRONMENT, "jiangsu"),
        folder / "custody.json",
        folder / "deployer.json",
    )
    secrets_custody.reopen(jiangsu.openbao_url, ca, custody, deployer)
    held = json.loads(custody.read_text())
    client = openbao.connect(jiangsu.openbao_url, ca, openbao.Token(held.pop("root_token")))
    spiffe = f"spiffe://{names.spiffe(plan.province('shanghai').trust_domain, names.EXCHANGE_NAMESPACE, names.EGRESS_ACCOUNT)}"
    key = keys.new_key()
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "egress.exchange.shanghai.yrd")]))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(spiffe)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    body = {"csr": keys_pem(request), "ext_key_usage": "ClientAuth", "ttl": "1h"}
    try:
        signed = client.sign(f"{pki.SERVER}/sign-verbatim", body)
    finally:
        client.revoke_self()
        state.write_atomic(custody, json.dumps(held) + "\n")
    leaf = x509.load_pem_x509_certificate(signed.certificate.encode())
    names_in = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert spiffe in names_in.get_values_for_type(x509.UniformResourceIdentifier), "the forgery is well made"
    said = replace(call, certificate=place(tmp_path, "forged", signed.bundle, keys.key_pem(key))).make()
    assert refused(said) and said["error"], said


def keys_pem(item: x509.Certificate | x509.CertificateSigningRequest) -> str:
    from cryptography.hazmat.primitives.serialization import Encoding

    return item.public_bytes(Encoding.PEM).decode()


POD = """
apiVersion: v1
kind: Pod
metadata: {name: greedy, namespace: %s}
spec:
  containers:
    - {name: greedy, image: registry.yrd/greedy@sha256:%s, %s}
"""


@pytest.mark.parametrize("namespace", ["apps", "data", "exchange"])
def test_a_pod_that_asks_for_the_machine_is_refused(namespace: str) -> None:
    pod = POD % (namespace, "0" * 64, "securityContext: {privileged: true}")
    said = support.kubectl("anhui", "apply", "--dry-run=server", "-f", "-", code=1, stdin=pod)
    assert "violates PodSecurity" in said or "denied" in said, said


def test_network_policy_separates_a_consumer_from_the_database() -> None:
    """TLS's first byte from PostgreSQL: the population service gets it, a consumer in the same cluster does not."""
    probe = (
        "import socket;s=socket.create_connection(('population-database.data',5432),5);s.settimeout(5);"
        "s.sendall(bytes.fromhex('0000000804d2162f'));print(s.recv(1))"
    )

    def ask(namespace: str, workload: str, container: str) -> str:
        return support.kubectl(
            "anhui",
            "exec",
            "-n",
            namespace,
            f"deploy/{workload}",
            "-c",
            container,
            "--",
            "python3",
            "-c",
            probe,
            code=None,
        )

    assert "b'S'" not in ask("apps", "consumer", "consumer")
    assert "b'S'" in ask("data", "population", "population")
