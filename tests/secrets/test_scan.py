"""What has the form of a secret, though nobody knows it: found by the real program in every kind of place, with its place."""

from __future__ import annotations

import json
import random
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients import keys
from scan import allow, patterns
from scan.places import repository
from scan.types import PLACES, Finding, Piece
from toolchain.install import tool

ROOT = Path(__file__).resolve().parents[2]
LETTERS = string.ascii_letters + string.digits


#: The rule for anything that calls itself a password leaves out what contains a word such as `test`; of random texts some do.
SEEDED = random.Random(8)  # noqa: S311 - the same canaries in each run


def word(length: int, alphabet: str = LETTERS) -> str:
    return "".join(SEEDED.choice(alphabet) for _ in range(length))


CANARIES = {
    "openbao-token": f"VAULT_TOKEN=s.{word(28)}",
    "openbao service token": f"token: hvs.{word(90)}",
    "approle-secret-id": f'{{"secret_id": "{word(8, "abcdef012345")}-1b2c-4d5e-8f90-{word(12, "abcdef678901")}"}}',
    "bootstrap-token": f"--token {word(6, string.ascii_lowercase)}.{word(16, string.ascii_lowercase + string.digits)}",
    "password-in-address": f"postgres://population:{word(24)}@10.0.0.1/population",
    "password-hash": f"root:$y$j9T${word(22)}${word(43)}:19000",
    "private-key": keys.key_pem(keys.new_key()),
    "private key in JSON": json.dumps({"tls.key": keys.key_pem(keys.new_key())}),
    "jwt": f"Authorization: Bearer eyJ{word(24)}.eyJ{word(60)}.{word(43)}",
    "generic-api-key": f"client_secret = '{word(32)}'",
    "aws": f"key: AKIA{word(16, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}",
}


def seen(*pieces: Piece) -> set[Finding]:
    stream = patterns.Stream(tool("gitleaks"))
    for piece in pieces:
        stream.add(piece)
    return set(stream.findings())


def filler(lines: int) -> str:
    words = random.Random(lines)  # noqa: S311 - text, not a key
    return "".join(
        " ".join(words.choices(["unit", "started", "node", "ready", "in"], k=12)) + "\n" for _ in range(lines)
    )


@pytest.mark.parametrize("kind", CANARIES)
def test_a_secret_nobody_knows_is_found_by_its_form(kind: str) -> None:
    text = f"{filler(3000)}{CANARIES[kind]}\n{filler(50)}"
    found = seen(Piece("logs", "before", filler(500).encode()), Piece("logs", "here", text.encode()))
    assert {f.where for f in found} == {"here"}


def test_one_line_of_a_megabyte_hides_nothing() -> None:
    """A state of Pulumi without line ends."""
    row = {"urn": "urn:pulumi:local.anhui::yrd-govcloud", "outputs": {"serial": 1}}
    text = json.dumps([*[row] * 9000, {"password": word(32)}, *[row] * 9000], separators=(",", ":"))
    assert {f.where for f in seen(Piece("state", "local.anhui.json", text.encode()))} == {"local.anhui.json"}


def test_each_finding_names_its_own_piece() -> None:
    pieces = [
        Piece(
            place,
            f"{place} {n}",
            f"\n{filler(n * 37)}token = {word(6, string.ascii_lowercase)}.{word(16, string.ascii_lowercase)}".encode(),
        )
        for n in range(5)
        for place in PLACES
    ]
    assert {(f.place, f.where) for f in seen(*pieces)} == {(p.place, p.where) for p in pieces}


def test_what_is_found_does_not_depend_on_how_the_pipe_cuts_the_text() -> None:
    """Seen on 2026-11-25: in files without an empty line a digest was cut in two in one run of three, and then looked like another thing."""
    lines = [
        filler(1)[:-1] if n % 7 else f"token = {word(6, string.ascii_lowercase)}.{word(16, string.ascii_lowercase)}"
        for n in range(7_000)
    ]
    keys_ = "".join(keys.key_pem(keys.new_key()) for _ in range(200))
    piece = Piece("logs", "here", ("\n".join(lines) + keys_).encode())
    runs = [seen(piece) for _ in range(4)]
    assert len(runs[0]) == 1_200 and all(run == runs[0] for run in runs)


def test_text_without_a_secret_is_clean() -> None:
    assert not seen(Piece("logs", "here", filler(2000).encode()))


@pytest.fixture(scope="module")
def history() -> Iterator[set[Finding]]:
    yield seen(*(p for p in repository.pieces(ROOT) if p.is_text))


def test_no_version_of_this_repository_holds_a_secret(history: set[Finding]) -> None:
    left, _ = allow.sift(allow.load(), history)
    assert not left


def test_every_entry_for_the_repository_is_needed(history: set[Finding]) -> None:
    _, hid = allow.sift(allow.load(), history)
    assert not [e for e, n in hid.items() if e.place == "repository" and not n]
