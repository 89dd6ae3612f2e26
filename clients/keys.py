"""Private keys, certificate requests, certificates. A key is made where it is used; only its request leaves."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

#: A certificate is replaced when this part of its life is left (CE-58).
RENEW_AT = 1 / 3


@dataclass(frozen=True)
class Subject:
    """Who a certificate is for."""

    common_name: str
    organizations: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    uris: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """Alternative names, without order."""
        return frozenset((*self.dns, *(str(ip_address(ip)) for ip in self.ips), *self.uris))


def new_key() -> ec.EllipticCurvePrivateKey:
    """ECDSA P-256, which every client of ours understands."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key) -> str:
    form, bare = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, bare).decode()


def load_key(pem: str) -> Key:
    """Raises ValueError for what is not an EC or RSA key."""
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, (ec.EllipticCurvePrivateKey, rsa.RSAPrivateKey)):
        raise ValueError(f"{type(key).__name__} is not an EC or RSA key")
    return key


def load_certificate(pem: str) -> x509.Certificate:
    """The first certificate of a file. Raises ValueError."""
    return x509.load_pem_x509_certificate(pem.encode())


def load_chain(pem: str) -> list[x509.Certificate]:
    """Every certificate of a file, in its order. Raises ValueError."""
    return x509.load_pem_x509_certificates(pem.encode())


def pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def seal(public_key: str, text: str) -> str:
    """`text` as a ciphertext that OpenBao's transit key of this public half opens: RSA-OAEP, SHA-256, first version.

    Raises ValueError for another kind of key.
    """
    key = serialization.load_pem_public_key(public_key.encode())
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError(f"{type(key).__name__} is not an RSA key")
    oaep = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)
    return "vault:v1:" + base64.b64encode(key.encrypt(text.encode(), oaep)).decode()


def recipient(common_name: str, years: int = 10) -> tuple[str, str]:
    """A key and a self-signed certificate to encrypt to (CMS key transport); PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(minutes=5)).not_valid_after(now + timedelta(days=365 * years))
    certificate = builder.sign(key, hashes.SHA256())
    return key_pem(key), certificate.public_bytes(serialization.Encoding.PEM).decode()


def request(key: Key, subject: Subject) -> str:
    """PKCS #10 request in PEM."""
    names = [x509.NameAttribute(NameOID.COMMON_NAME, subject.common_name)]
    names += [x509.NameAttribute(NameOID.ORGANIZATION_NAME, o) for o in subject.organizations]
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    if alternatives := _alternatives(subject):
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _alternatives(subject: Subject) -> Sequence[x509.GeneralName]:
    return [
        *(x509.DNSName(name) for name in subject.dns),
        *(x509.IPAddress(ip_address(ip)) for ip in subject.ips),
        *(x509.UniformResourceIdentifier(uri) for uri in subject.uris),
    ]


def subject_of(certificate: x509.Certificate | x509.CertificateSigningRequest) -> Subject:
    """What a certificate or a request says about its holder."""
    common = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    organizations = certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    return Subject(
        str(common[0].value) if common else "",
        tuple(str(o.value) for o in organizations),
        tuple(names.get_values_for_type(x509.DNSName)),
        tuple(str(ip) for ip in names.get_values_for_type(x509.IPAddress)),
        tuple(names.get_values_for_type(x509.UniformResourceIdentifier)),
    )


def matches(key: Key, certificate: x509.Certificate) -> bool:
    """Whether the two are a pair."""
    return key.public_key() == certificate.public_key()


def issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Whether `issuer` signed `certificate`: name and signature (RFC 5280, 6.1.3)."""
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


@lru_cache(maxsize=64)
def self_signed(pem: str) -> bool:
    """Whether the first certificate of a file is an anchor. Remembered: every leaf of a mount comes with the same ones."""
    certificate = load_certificate(pem)
    return issued_by(certificate, certificate)


def path_length(certificate: x509.Certificate) -> int | None:
    """How many authorities may stand below; None for a leaf, and for an authority without a limit."""
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length
    except x509.ExtensionNotFound:
        return None


def due(certificate: x509.Certificate, now: datetime, part: float = RENEW_AT) -> bool:
    """Whether less than `part` of its life is left, or it is not valid yet."""
    since, until = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now < since - timedelta(minutes=5) or (until - now) < (until - since) * part
