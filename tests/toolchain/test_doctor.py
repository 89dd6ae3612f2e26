"""What `doctor` says of a host: pure, over facts written by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from ipaddress import IPv4Network
from typing import Any

import pytest

from toolchain import doctor
from toolchain.doctor import GIB, Check, Verdict
from toolchain.facts import Facts

GOOD = Facts(
    root=True,
    packages={"up": {"podman": True, "runc": True}, "test": {"chromium": True}},
    podman=(4, 3, 1),
    cgroup=2,
    kernel={"overlay": True, "veth": True},
    inotify=1024,
    pids=4194304,
    cpus=4,
    memory=16 * GIB,
    disk_free=30 * GIB,
    cached=0,
    routes=(("default", "eth0"), ("192.0.2.0/24", "eth0"), ("10.10.0.0/16", "yrd-local")),
    go=(1, 26, 8),
    go_wanted=(1, 26, 0),
    registries={"Debian": True, "PyPI": True, "Go": True},
)
LOCAL = {"local": IPv4Network("10.10.0.0/16")}


def found(facts: Facts, name: str) -> Check:
    return {c.name: c for c in doctor.judge(facts, LOCAL)}[name]


def test_a_good_host_is_clean() -> None:
    checks = doctor.judge(GOOD, LOCAL)
    assert {c.verdict for c in checks} == {Verdict.OK}
    assert doctor.exit_code(checks) == 0


@pytest.mark.parametrize(
    ("change", "name", "verdict", "fix"),
    [
        ({"root": False}, "root", "fail", "run as root"),
        ({"packages": {"up": {"runc": False, "podman": True}}}, "packages for up", "fail", "apt-get install runc"),
        ({"packages": {"test": {"chromium": False}}}, "packages for test", "warn", "apt-get install chromium"),
        ({"podman": None}, "podman", "fail", "install podman"),
        ({"podman": (3, 4, 2)}, "podman", "fail", "4.0"),
        ({"cgroup": 1}, "cgroup", "warn", "unified_cgroup_hierarchy"),
        ({"kernel": {"veth": False}}, "kernel veth", "fail", "modprobe veth"),
        ({"inotify": 128}, "inotify", "fail", "max_user_instances=1024"),
        ({"pids": 4096}, "pids", "fail", "pid_max"),
        ({"cpus": 1}, "cpus", "warn", "at least 2"),
        ({"memory": 10 * GIB}, "memory", "warn", "--province"),
        ({"memory": 4 * GIB}, "memory", "fail", "--province"),
        ({"disk_free": 10 * GIB}, "disk", "warn", "XDG_CACHE_HOME"),
        ({"disk_free": 1 * GIB}, "disk", "fail", "XDG_CACHE_HOME"),
        ({"registries": {"PyPI": False}, "unmade": ("kube",)}, "registry PyPI", "fail", "proxy"),
        ({"registries": {"PyPI": False}, "unmade": ()}, "registry PyPI", "warn", "proxy"),
        ({"routes": (("10.10.3.0/24", "docker0"),)}, "network local", "fail", "region/environments/local.yaml"),
    ],
)
def test_each_fault_is_found_with_its_fix(change: dict[str, Any], name: str, verdict: str, fix: str) -> None:
    check = found(replace(GOOD, **change), name)
    assert check.verdict == verdict
    assert fix in check.fix_en
    assert check.fix_zh
    assert check.zh != ""


def test_what_is_in_the_cache_already_counts_as_room() -> None:
    assert found(replace(GOOD, disk_free=21 * GIB, cached=5 * GIB), "disk").verdict is Verdict.OK


def test_sixteen_gib_of_a_virtual_machine_are_enough() -> None:
    assert found(replace(GOOD, memory=int(15.4 * GIB)), "memory").verdict is Verdict.OK


def test_our_own_link_and_the_default_route_take_nothing() -> None:
    assert found(GOOD, "network local").verdict is Verdict.OK


def test_without_go_on_the_host_the_locked_wheel_serves() -> None:
    assert found(replace(GOOD, go=None), "go").verdict is Verdict.OK
    assert "wheel" in found(replace(GOOD, go=(1, 19)), "go").en
    assert "host" in found(GOOD, "go").en


def test_a_registry_that_could_not_be_asked_is_no_fault() -> None:
    assert found(replace(GOOD, registries={"Go": None}, unmade=("kube",)), "registry Go").verdict is Verdict.OK


def test_exit_code_tells_a_failure_before_an_unknown() -> None:
    fail, unknown = Check("a", Verdict.FAIL, "", ""), Check("b", Verdict.UNKNOWN, "", "")
    assert doctor.exit_code([fail, unknown]) == 1
    assert doctor.exit_code([unknown]) == 3
    assert doctor.exit_code([Check("c", Verdict.WARN, "", "")]) == 0


def test_the_machine_form_has_both_languages() -> None:
    rows = json.loads(doctor.as_json(doctor.judge(replace(GOOD, root=False), LOCAL)))
    assert rows[0] == {
        "name": "root",
        "verdict": "fail",
        "zh": "不是 root",
        "en": "not root",
        "fix_zh": "以 root 运行；仅预览不需要",
        "fix_en": "run as root; a preview alone does not need it",
    }


def test_the_table_shows_both_languages_once() -> None:
    rows = {name: (said, fix) for name, _, said, fix in doctor.rows(doctor.judge(replace(GOOD, inotify=1), LOCAL))}
    assert rows["root"] == ("running as root\n以 root 运行", "")
    assert rows["inotify"][1] == "sysctl -w fs.inotify.max_user_instances=1024"
