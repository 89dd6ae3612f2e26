"""One value, in every form in which it may stand somewhere, and nothing that is public."""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from scan.exact import Matcher
from scan.forms import private_lines
from scan.types import OVERLAP, WINDOW, Known, Piece, windows

VALUE = 'pä"ss/w+rd?' + secrets.token_urlsafe(24)
KNOWN = Known("a password", VALUE.encode())


def found(data: bytes, *known: Known) -> set[tuple[str, str]]:
    return {(f.what, f.form) for f in Matcher(known or (KNOWN,)).search(Piece("logs", "here", data))}


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda v: v,
    "hex": lambda v: v.hex().encode(),
    "upper hex": lambda v: v.hex().upper().encode(),
    "quoted": lambda v: quote(v, safe="").encode(),
    "JSON": lambda v: json.dumps(v.decode()).encode(),
    "JSON, not ASCII": lambda v: json.dumps(v.decode(), ensure_ascii=False).encode(),
    "base64": base64.b64encode,
    "base64 for URLs": base64.urlsafe_b64encode,
    "base64 after one byte": lambda v: base64.b64encode(b"x" + v + b"y"),
    "base64 after two bytes": lambda v: base64.b64encode(b"xy" + v),
    "basic authentication": lambda v: b"Basic " + base64.b64encode(b"anhui:" + v),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_value_is_found_in_each_form_at_every_place_of_a_line(form: str) -> None:
    data = b"before " + FORMS[form](KNOWN.value) + b" after"
    assert not found(data[:-20]), "half of it must not be called found"
    assert found(data)


def test_another_value_of_the_same_kind_is_not_found() -> None:
    other = secrets.token_urlsafe(40).encode()
    assert not any(found(make(other) if "JSON" not in name else other) for name, make in FORMS.items())


def test_spaces_of_a_web_form_do_not_hide_a_value() -> None:
    assert found(quote_plus("token=" + VALUE).encode())


def test_a_value_on_the_border_of_two_windows_is_found() -> None:
    data = os.urandom(WINDOW - 10) + KNOWN.value + os.urandom(100)
    assert any(found(window) for window in windows(data))
    assert len(KNOWN.value) < OVERLAP


KEYS: dict[str, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey] = {
    "EC": ec.generate_private_key(ec.SECP256R1()),
    "RSA": rsa.generate_private_key(65537, 2048),
    "Ed25519": ed25519.Ed25519PrivateKey.generate(),
}
FORMATS = {
    "PKCS8": serialization.PrivateFormat.PKCS8,
    "OpenSSH": serialization.PrivateFormat.OpenSSH,
    "traditional": serialization.PrivateFormat.TraditionalOpenSSL,
}


@pytest.mark.parametrize(
    ("kind", "form"), [(k, f) for k in KEYS for f in FORMATS if (k, f) != ("Ed25519", "traditional")]
)
def test_of_a_private_key_a_private_line_is_taken(kind: str, form: str) -> None:
    key = KEYS[kind]
    pem = key.private_bytes(serialization.Encoding.PEM, FORMATS[form], serialization.NoEncryption())
    (line,) = private_lines(b"some text\n" + pem)
    known = Known("a key", line)
    assert found(pem, known)
    assert found(json.dumps({"key": pem.decode()}).encode(), known)
    assert found(base64.b64encode(pem), known)
    public = key.public_key()
    for text in (
        public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        public.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH),
    ):
        assert not found(text, known)


def test_two_keys_of_one_kind_differ_in_their_lines() -> None:
    lines = [
        private_lines(
            ec.generate_private_key(ec.SECP256R1()).private_bytes(
                serialization.Encoding.PEM, form, serialization.NoEncryption()
            )
        )
        for form in FORMATS.values()
        for _ in range(20)
    ]
    assert len(set(lines)) == 60
