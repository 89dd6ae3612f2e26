"""In which forms one value may stand in a file: plain, base64 at each alignment, hexadecimal, URL-quoted, JSON-escaped. Pure."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from urllib.parse import quote_from_bytes

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

#: Shorter forms would be found by chance.
SHORTEST = 8

_BLOCK = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----(.+?)-----END \1-----", re.DOTALL)


def forms(value: bytes) -> dict[bytes, str]:
    """Every form of `value` with its name."""
    found = {value: "plain"}
    for form, name in _encoded(value):
        if len(form) >= SHORTEST:
            found.setdefault(form, name)
    return found


def _encoded(value: bytes) -> Iterator[tuple[bytes, str]]:
    yield value.hex().encode(), "hex"
    yield value.hex().upper().encode(), "hex"
    quoted = quote_from_bytes(value, safe="")
    yield quoted.encode(), "URL"
    # `application/x-www-form-urlencoded` in lower case, as some programs write it.
    yield re.sub(r"%..", lambda m: m.group().lower(), quoted).encode(), "URL"
    for ascii_only in (True, False):
        yield json.dumps(value.decode("utf-8", "replace"), ensure_ascii=ascii_only)[1:-1].encode(), "JSON"
    for offset in range(3):
        for alternatives in (None, b"-_"):
            yield aligned(value, offset, alternatives), "base64"


def aligned(value: bytes, offset: int, alternatives: bytes | None = None) -> bytes:
    """The characters of base64 that depend on `value` alone when `offset` other bytes stand before it."""
    text = base64.b64encode(b"\0" * offset + value, alternatives)
    return text[-(-offset * 8 // 6) : (offset + len(value)) * 8 // 6]


def private_lines(text: bytes) -> tuple[bytes, ...]:
    """For each private key in PEM the line that holds the middle of its secret number, and so nothing that is public.

    A single line is found whether the file's line ends were kept, escaped or encoded.
    """
    return tuple(_line(m.group(), m.group(2)) for m in _BLOCK.finditer(text.replace(b"\\n", b"\n")))


def _line(pem: bytes, body: bytes) -> bytes:
    lines = [line.strip() for line in body.split(b"\n") if line.strip() and b":" not in line]
    encoded = b"".join(lines)
    number = _number(pem + b"\n")
    start = base64.b64decode(encoded + b"=" * (-len(encoded) % 4)).find(number) if number else -1
    if start < 0:
        # Encrypted, or of a kind that we do not read: any line behind the first belongs to this key alone.
        return lines[len(lines) * 6 // 10]
    return lines[(start + len(number) // 2) * 8 // 6 // len(lines[0])]


def _number(pem: bytes) -> bytes:
    """The secret number inside a key as its file writes it; empty for a key that cannot be read."""
    load = serialization.load_ssh_private_key if b"OPENSSH" in pem else serialization.load_pem_private_key
    try:
        key = load(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return b""
    match key:
        case rsa.RSAPrivateKey():
            d = key.private_numbers().d
            return d.to_bytes((d.bit_length() + 7) // 8, "big")
        case ec.EllipticCurvePrivateKey():
            return key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8, "big").lstrip(b"\0")
        case ed25519.Ed25519PrivateKey():
            return key.private_bytes_raw()
        case _:
            return b""
