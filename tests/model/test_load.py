"""Loading: what a case folder cannot hold, because it is about size, place, time or what must not be printed."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from model.checks.text import LARGEST
from model.errors import BadInputError, UnreachableError
from model.faults import HIDDEN, InvalidRegionError
from model.files import VARIABLE, find_root
from model.load import examine, load
from model.types import World

Edit = Callable[[str, str, str], None]
ORGAN = "organs/anhui-public-security.yaml"


def codes(root: Path, now: datetime) -> list[str]:
    return [fault.code for fault in examine(root, now).faults]


def test_the_region_loads_without_a_fault(root: Path, now: datetime) -> None:
    found = examine(root, now)
    assert found.world is not None, "\n".join(f.render() for f in found.faults)
    assert not found.faults


def test_provinces_come_in_the_order_of_members(world: World) -> None:
    assert tuple(p.name for p in world.provinces) == world.region.members


def test_loading_is_fast(root: Path, now: datetime) -> None:
    def seconds() -> float:
        begin = time.perf_counter()
        load(root, now)
        return time.perf_counter() - begin

    # The best of three: what is measured is this code, not its neighbours on the machine.
    assert min(seconds() for _ in range(3)) < 0.3


def test_faults_of_all_files_are_told_at_once(copy: Path, edit: Edit, now: datetime) -> None:
    edit("provinces/anhui.yaml", "code:", "cod:")
    edit("provinces/jiangsu.yaml", "host: 11", "host: 1")
    edit(ORGAN, "province: anhui", "province: anhuy")
    with pytest.raises(InvalidRegionError) as caught:
        load(copy, now)
    assert {f.path.rpartition("/")[2] for f in caught.value.faults} >= {
        "anhui.yaml",
        "jiangsu.yaml",
        "anhui-public-security.yaml",
    }


def test_a_file_above_the_limit_is_not_parsed(copy: Path, now: datetime) -> None:
    path = copy / "region" / ORGAN
    path.write_text(path.read_text("utf-8") + "#" * LARGEST, "utf-8")
    begin = time.perf_counter()
    assert codes(copy, now) == ["E111"]
    assert time.perf_counter() - begin < 2


@pytest.mark.parametrize(
    "parts",
    [
        ("-----BEGIN EC PRIV", "ATE KEY-----"),
        ("hvs.", "CAESIJ3kq0Zt8mW2yV5rT1nB"),
        ("ghp_", "0123456789abcdefghijABCDEFGHIJ456789"),
        ("AKIA", "Z7QW3ERT5YUI9OPA"),
        ("eyJhbGciOiJIUzI1NiJ9", ".eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJl"),
        ("postgres://app:", "letmein99@db/population"),
        ("550e8400-e29b-41d4", "-a716-446655440000"),
        ("9f86d081884c7d659a2feaa0", "c55ad015a3bf4f1b"),
    ],
    ids=["pem", "openbao", "github", "aws", "jwt", "url", "uuid", "hex"],
)
@pytest.mark.parametrize("place", ["known field", "unknown field", "key", "list"])
def test_a_secret_is_found_and_never_printed(
    copy: Path, edit: Edit, now: datetime, parts: tuple[str, str], place: str
) -> None:
    secret = "".join(parts)
    line = {
        "known field": f'level: "{secret}"',
        "unknown field": f'level: province\nremark: "{secret}"',
        "key": f'level: province\n"{secret}": 1',
        "list": f'level: ["{secret}"]',
    }[place]
    edit(ORGAN, "level: province", line)
    found = examine(copy, now)
    assert "E160" in [f.code for f in found.faults]
    told = "\n".join(f.render() + str(f.as_json()) for f in found.faults)
    assert secret not in told
    assert parts[1] not in told
    assert HIDDEN in told


def test_a_secret_is_found_in_a_comment_and_in_broken_yaml(copy: Path, now: datetime) -> None:
    secret = "hvs." + "CAESIJ3kq0Zt8mW2yV5rT1nB"
    (copy / "region" / ORGAN).write_text(f"name: [  # {secret}\n", "utf-8")
    found = examine(copy, now)
    assert {"E100", "E160"} <= {f.code for f in found.faults}
    assert secret not in "\n".join(f.render() for f in found.faults)


@pytest.mark.parametrize(
    "harmless",
    [
        "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "1.3.6.1.4.1.11129.2.4.2 and 2.16.840.1.101.3.4.2.1",
        "anhui-shanghai-population-2026-renewal-of-the-agreement",
        "GB/T-22239-2019/Level-3/General-Requirements",
        "《政务数据共享条例》（国务院令第809号）",
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHVicHViaHVicHViaHVicHViaHVicHViaHVicHVi",
    ],
)
def test_public_material_is_no_secret(copy: Path, edit: Edit, now: datetime, harmless: str) -> None:
    edit(ORGAN, "en: Public Security Department of Anhui", f'en: "{harmless}"')
    assert codes(copy, now) == []


def test_what_has_ended_is_told_and_stops_nothing(copy: Path, edit: Edit, now: datetime) -> None:
    edit("agreements/anhui-shanghai-population.yaml", "2031-12-31T00:00:00+08:00", "2026-11-01T00:00:00+08:00")
    found = examine(copy, now)
    assert [(f.code, f.severity) for f in found.faults] == [("E133", "notice")]
    assert "23 days ago" in found.notices[0].english()
    assert load(copy, now) == found.world


def test_a_time_is_compared_as_a_moment(copy: Path, edit: Edit, now: datetime) -> None:
    edit("agreements/anhui-shanghai-population.yaml", "2031-12-31T00:00:00+08:00", "2026-11-24T20:00:00+08:00")
    assert codes(copy, now) == ["E133"]
    assert codes(copy, now - timedelta(seconds=1)) == []


def test_a_link_out_of_the_region_is_refused(copy: Path, now: datetime) -> None:
    outside = copy / "tax.yaml"
    outside.write_text("name: tax\n", "utf-8")
    (copy / "region" / "organs" / "tax.yaml").symlink_to(outside)
    assert codes(copy, now) == ["E172"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads every file")
def test_an_unreadable_file_is_no_verdict(copy: Path, now: datetime) -> None:
    (copy / "region" / ORGAN).chmod(0)
    with pytest.raises(UnreachableError):
        load(copy, now)


def test_without_region_yaml_there_is_one_fault(copy: Path, now: datetime) -> None:
    (copy / "region" / "region.yaml").unlink()
    assert codes(copy, now) == ["E101"]


def test_the_variable_names_another_folder(
    copy: Path, root: Path, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    (copy / "region" / "organs" / "empty.yaml").touch()
    monkeypatch.setenv(VARIABLE, str(copy / "region"))
    with pytest.raises(InvalidRegionError, match=str(copy)):
        load(root, now)


def test_the_checkout_is_found_from_inside_and_outside(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root / "region" / "provinces")
    assert find_root() == root
    monkeypatch.chdir(tmp_path)
    assert (find_root() / "region" / "region.yaml").is_file()


def test_an_error_of_the_region_is_bad_input() -> None:
    assert issubclass(InvalidRegionError, BadInputError)


@pytest.mark.parametrize(("bits", "expected"), [(1024, ["E163"]), (2048, [])])
def test_a_weak_host_key_is_refused(copy: Path, now: datetime, bits: int, expected: list[str]) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=bits).public_key()
    line = key.public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH).decode()
    path = copy / "region/environments/production.yaml"
    pinned = re.compile(r"(anhui-1: .*host_key: )[^}]+")
    path.write_text(pinned.sub(lambda m: m.group(1) + line, path.read_text("utf-8")), "utf-8")
    assert line in path.read_text("utf-8")
    assert codes(copy, now) == expected
