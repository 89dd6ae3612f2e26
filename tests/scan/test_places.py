"""Each kind of place is opened to its bottom: what is planted at the end of it comes out in a piece."""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import secrets
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from scan import machines, on_machine
from scan.exact import Matcher
from scan.places import charts, host, images, repository
from scan.types import Known, Piece
from tests.scan.layouts import layout

CANARY = secrets.token_urlsafe(24)


def places_of(pieces: Iterable[Piece]) -> list[str]:
    """Where the canary was found."""
    matcher = Matcher([Known("canary", CANARY.encode())])
    return [f.where for piece in pieces for f in matcher.search(piece)]


def test_a_file_that_was_taken_out_of_the_repository_is_still_found(tmp_path: Path) -> None:
    def git(*words: str) -> None:
        who = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        subprocess.run(["git", *who, *words], cwd=tmp_path, check=True, capture_output=True)

    git("init", "-q")
    (tmp_path / "a file").write_text(f"x = {CANARY}\n")
    git("add", ".")
    git("commit", "-qm", "with")
    assert places_of(repository.pieces(tmp_path))
    (tmp_path / "a file").write_text("x = 1\n")
    git("commit", "-qam", "without")
    (where,) = places_of(repository.pieces(tmp_path))
    assert where.startswith("a file@")
    git("commit", "-q", "--allow-empty", "-m", f"says {CANARY}")
    assert "commit messages" in places_of(repository.pieces(tmp_path))


@pytest.mark.parametrize("kind", ["tar+zstd", "tar+gzip", "tar"])
def test_a_file_deep_in_a_layer_is_found(tmp_path: Path, kind: str) -> None:
    files = {"usr/bin/program": os.urandom(9_000_000), "opt/.cache/x": CANARY.encode()}
    layout(tmp_path / "image", files, kind)
    (where,) = places_of(images.pieces(tmp_path, set()))
    assert where.endswith(":opt/.cache/x")


def test_an_images_own_environment_is_found(tmp_path: Path) -> None:
    configuration = json.dumps({"config": {"Env": [f"TOKEN={CANARY}"]}}).encode()
    layout(tmp_path / "image", {}, configuration=configuration)
    (where,) = places_of(images.pieces(tmp_path, set()))
    assert where.endswith(":configuration")


def test_a_release_is_opened_with_values_manifest_and_templates() -> None:
    def stored(**parts: object) -> str:
        body = {"chart": {"templates": [], "files": []}, "config": {}, "manifest": "", **parts}
        return base64.b64encode(base64.b64encode(gzip.compress(json.dumps(body).encode()))).decode()

    template = {"name": "a.yaml", "data": base64.b64encode(f"x: {CANARY}".encode()).decode()}
    for release in (
        stored(config={"password": CANARY}),
        stored(manifest=f"kind: Pod\n# {CANARY}"),
        stored(chart={"templates": [template], "files": []}),
        stored(chart={"templates": [], "files": [], "dependencies": [{"templates": [template], "files": []}]}),
    ):
        assert places_of([Piece("charts", "release", charts.record(release))])
    assert not places_of([Piece("charts", "release", charts.record(stored()))])


def test_states_and_rotated_logs_of_this_host_are_read(tmp_path: Path) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks/local.anhui.json").write_text(json.dumps({"outputs": {"a": CANARY}}))
    (tmp_path / "up.log.gz").write_bytes(gzip.compress(CANARY.encode()))
    assert len(places_of(host.files("state", [tmp_path]))) == 2


@pytest.mark.parametrize("where", ["argument", "variable"])
def test_a_program_of_ours_is_seen_with_its_environment(tmp_path: Path, where: str) -> None:
    words = [sys.executable, "-c", "input()", *([CANARY] if where == "argument" else [])]
    environment = {**os.environ, **({"TOKEN": CANARY} if where == "variable" else {})}
    with subprocess.Popen(words, cwd=tmp_path, env=environment, stdin=subprocess.PIPE) as process:
        (found,) = places_of(host.processes([tmp_path]))
        assert found.startswith(f"host:{process.pid} ")
        assert not places_of(host.processes([tmp_path / "elsewhere"]))
        process.communicate(b"\n")


def test_the_collector_of_a_machine_reads_processes_and_finds_their_environment() -> None:
    """The very text that is sent, run here: whoever has it reads what its own rights allow."""
    command = machines.command("processes", become=False)
    environment = {**os.environ, "TOKEN": CANARY}
    with subprocess.Popen([sys.executable, "-c", "input()"], env=environment, stdin=subprocess.PIPE) as process:
        out = subprocess.run(["sh", "-c", command], capture_output=True, check=True).stdout
        process.communicate(b"\n")
    with tarfile.open(fileobj=io.BytesIO(out)) as archive:
        holds = [e.name for e in archive if CANARY.encode() in (archive.extractfile(e) or io.BytesIO()).read()]
    assert any(f":{process.pid} " in name for name in holds)


def test_the_collector_cuts_a_long_stream_without_losing_a_word(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_bytes(b"x" * (on_machine.WINDOW - on_machine.OVERLAP - 5) + CANARY.encode() + b"y" * 10)
    windows = [data for _, data in on_machine.file(str(path))]
    assert len(windows) > 1 and any(CANARY.encode() in data for data in windows)


def test_the_collector_knows_credential_files_by_what_is_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "approle.json").write_text('{"role_id": "a", "secret_id": "b"}')
    (tmp_path / "approle.json").chmod(0o600)
    (tmp_path / "verdicts.json").write_text('{"rule": "secrets_encrypted_by_kms", "secret": "a public word"}')
    (tmp_path / "tls.crt").write_text("-----BEGIN CERTIFICATE-----")
    monkeypatch.setattr(on_machine, "CREDENTIALS", (str(tmp_path),))
    assert [name for name, _ in on_machine.known()] == [str(tmp_path / "approle.json")]
