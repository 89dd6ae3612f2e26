"""The collector runs as it is sent: one program, standard library only, one JSON, no secret in it."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
from pathlib import Path

import pytest

from clients import facts, host_audit, host_facts
from clients.facts import FactsError
from stacks.roles import Managed


def here(command: str) -> str:
    """Run the sent command with this machine's own Python."""
    return subprocess.run(shlex.split(command), capture_output=True, text=True, check=True).stdout


def test_digests_change_with_content_mode_and_company(tmp_path: Path) -> None:
    path = tmp_path / "a.conf"
    path.write_text("one")
    watched = Managed(
        files=(f"{tmp_path}/*", f"{path}@mode", f"{tmp_path}/missing"), sysctls=("kernel.ostype", "no.such")
    )
    first = facts.look(here, watched).digests(watched)
    assert first[f"file:{tmp_path}/missing"] == first["sysctl:no.such"] == "absent"
    assert first["sysctl:kernel.ostype"] == "Linux"
    assert facts.look(here, watched).digests(watched) == first
    path.write_text("two")
    second = facts.look(here, watched).digests(watched)
    assert {key for key in first if first[key] != second[key]} == {f"file:{path}"}
    path.chmod(0o600)
    (tmp_path / "b.conf").write_text("added")
    third = facts.look(here, watched).digests(watched)
    assert {key for key in third if third[key] != second.get(key)} == {
        f"file:{path}",
        f"file:{path}@mode",
        f"file:{tmp_path}/b.conf",
    }


def test_a_sign_in_a_units_name_is_no_aspect(tmp_path: Path) -> None:
    drop_in = tmp_path / "postgresql@15-main.service.d"
    drop_in.mkdir()
    (drop_in / "yrd.conf").write_text("[Service]\n")
    found = host_facts.files([f"{drop_in}/yrd.conf", f"{drop_in}@mode", f"{drop_in}/*"])
    assert found[f"{drop_in}/yrd.conf"]["kind"] == "file"
    assert set(found) == {f"{drop_in}/yrd.conf", f"{drop_in}@mode"}


def test_an_audit_asks_everything_and_one_failure_hides_nothing() -> None:
    seen = facts.look(here, Managed(), audit=True)
    assert {section.__name__ for section in host_audit.SECTIONS} <= set(seen.sections)
    assert seen.machine_id
    # /etc/shadow cannot be read without root, or can: either way the next section is there.
    assert isinstance(seen.sections["mounts"], list)


def test_a_look_is_small_and_leaves_the_audit_out() -> None:
    assert len(facts.script(audit=True)) < 90_000
    assert "host_audit" in facts.script(audit=True)
    assert "def accounts" not in facts.script(audit=False)


def test_several_questions_become_one() -> None:
    question = facts.request([Managed(files=("/a",)), Managed(files=("/b", "/a"), units=("x.service",))])
    assert json.loads(base64.b64decode(question)) == {
        "audit": False, "files": ["/a", "/b"], "units": ["x.service"], "sysctls": [], "tables": [],
    }  # fmt: skip


@pytest.mark.parametrize("answer", ["", "bash: python3: not found", "[]", '{"files": {}}'])
def test_any_other_answer_is_an_error(answer: str) -> None:
    with pytest.raises(FactsError):
        facts.parse(answer)


def test_a_section_that_failed_is_named() -> None:
    seen = facts.parse('{"identity": {}, "units": {"error": "RuntimeError: no systemd"}}')
    with pytest.raises(FactsError, match="no systemd"):
        seen.digests(Managed(units=("x.service",)))


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("", "empty"),
        ("*", "locked"),
        ("!$y$j9T$salt$hash", "locked"),
        ("$y$j9T$salt$hash", "yescrypt"),
        ("$6$salt$hash", "sha512"),
        ("abcdefghijklm", "des"),
    ],
)
def test_only_the_kind_of_a_password_is_told(field: str, kind: str) -> None:
    assert host_audit.password_kind(field) == kind


def test_counters_and_handles_do_not_change_a_table() -> None:
    rule = {
        "rule": {"handle": 7, "chain": "input", "expr": [{"counter": {"packets": 3, "bytes": 9}}, {"accept": None}]}
    }
    assert host_facts.settle(rule) == {"rule": {"chain": "input", "expr": [{"counter": {}}, {"accept": None}]}}


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("0100007F", "127.0.0.1"),
        ("00000000", "0.0.0.0"),  # noqa: S104 - what listens on every address
        ("00000000000000000000000000000000", "::"),
        ("00000000000000000000000001000000", "::1"),
        ("0000000000000000FFFF00000B1F4E0A", "10.78.31.11"),
    ],
)
def test_addresses_are_read_as_the_kernel_prints_them(text: str, address: str) -> None:
    assert host_audit.address(text) == address
