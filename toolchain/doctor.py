"""`doctor`: whether this host can carry the cloud, and what to do where it cannot. Pure judging over `facts.Facts`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from ipaddress import IPv4Network

from toolchain.facts import Facts

GIB = 1 << 30
#: What one environment with four provinces takes (docs/adr/0001-toolchain.md).
DISK, MEMORY, CPUS = 25 * GIB, 16 * GIB, 2
#: Below these nothing can be made at all.
DISK_LEAST, MEMORY_LEAST = 5 * GIB, 8 * GIB
#: Kubelets, containerd and systemd of five machines watch files; the kernel's default of 128 serves one.
INOTIFY = 1024
PIDS = 32768
PODMAN = (4, 0)


class Verdict(StrEnum):
    """`warn`: works, with a limit that is told. `unknown`: could not be looked at."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: what was found, and the fix where it is not right."""

    name: str
    verdict: Verdict
    zh: str
    en: str
    fix_zh: str = ""
    fix_en: str = ""


def judge(facts: Facts, networks: Mapping[str, IPv4Network] | None = None) -> tuple[Check, ...]:
    """Every check, in the order in which one would mend them; `networks` are the environments' address ranges."""
    return (
        _root(facts),
        *(_packages(verb, found) for verb, found in facts.packages.items()),
        _podman(facts),
        _cgroup(facts),
        *(_kernel(name, works) for name, works in facts.kernel.items()),
        _number("inotify", facts.inotify, INOTIFY, "sysctl -w fs.inotify.max_user_instances=1024"),
        _number("pids", facts.pids, PIDS, "sysctl -w kernel.pid_max=32768"),
        _number("cpus", facts.cpus, CPUS, ""),
        _memory(facts),
        _disk(facts),
        *(_network(name, network, facts.routes) for name, network in (networks or {}).items()),
        _go(facts),
        *(_registry(name, works, facts.unmade) for name, works in facts.registries.items()),
    )


def exit_code(checks: Sequence[Check]) -> int:
    """0 clean, 1 a check failed, 3 something could not be looked at."""
    found = {c.verdict for c in checks}
    return 1 if Verdict.FAIL in found else 3 if Verdict.UNKNOWN in found else 0


def as_json(checks: Sequence[Check]) -> str:
    """The checks for other programs."""
    return json.dumps([asdict(c) for c in checks], ensure_ascii=False, indent=2)


def _root(facts: Facts) -> Check:
    if facts.root:
        return Check("root", Verdict.OK, "以 root 运行", "running as root")
    fix = ("以 root 运行；仅预览不需要", "run as root; a preview alone does not need it")
    return Check("root", Verdict.FAIL, "不是 root", "not root", *fix)


def _packages(verb: str, found: Mapping[str, bool]) -> Check:
    missing = [name for name, there in found.items() if not there]
    name = f"packages for {verb}"
    if not missing:
        return Check(name, Verdict.OK, "齐全", "all there")
    command = f"apt-get install {' '.join(missing)}"
    # Tests need what a person who only runs the cloud does not.
    verdict = Verdict.WARN if verb == "test" else Verdict.FAIL
    return Check(name, verdict, f"缺少 {'、'.join(missing)}", f"missing: {', '.join(missing)}", command, command)


def _podman(facts: Facts) -> Check:
    wanted = ".".join(map(str, PODMAN))
    if facts.podman is None:
        fix = ("安装 podman", "install podman")
        return Check("podman", Verdict.FAIL, "没有可用的 podman", "no working podman", *fix)
    shown = ".".join(map(str, facts.podman))
    if facts.podman < PODMAN:
        fix = (f"升级到 {wanted} 或更新", f"upgrade to {wanted} or newer")
        return Check("podman", Verdict.FAIL, f"podman {shown} 太旧", f"podman {shown} is too old", *fix)
    return Check("podman", Verdict.OK, f"podman {shown}", f"podman {shown}")


def _cgroup(facts: Facts) -> Check:
    if facts.cgroup == 2:
        return Check("cgroup", Verdict.OK, "cgroup v2", "cgroup v2")
    zh = "cgroup v1：可用，但机器之间不按内存压力限流"
    en = "cgroup v1: works, without the protection from memory pressure that v2 gives"
    fix = "systemd.unified_cgroup_hierarchy=1"
    return Check(
        "cgroup", Verdict.WARN, zh, en, f"可在内核命令行加入 {fix}", f"may be changed by {fix} on the kernel's line"
    )


def _kernel(name: str, works: bool) -> Check:
    if works:
        return Check(f"kernel {name}", Verdict.OK, "可用", "works")
    fix = (f"modprobe {name}，或换用带有它的内核", f"modprobe {name}, or use a kernel that has it")
    return Check(f"kernel {name}", Verdict.FAIL, f"内核没有 {name}", f"the kernel lacks {name}", *fix)


def _number(name: str, found: int, least: int, command: str) -> Check:
    if found >= least:
        return Check(name, Verdict.OK, str(found), str(found))
    fix = (command, command) if command else (f"至少 {least}", f"use at least {least}")
    verdict = Verdict.WARN if name == "cpus" else Verdict.FAIL
    return Check(name, verdict, f"{found}，少于 {least}", f"{found}, fewer than {least}", *fix)


def _memory(facts: Facts) -> Check:
    # A machine sold with 16 GiB shows a little less.
    enough = facts.memory >= MEMORY * 15 // 16
    verdict = Verdict.OK if enough else Verdict.WARN if facts.memory >= MEMORY_LEAST else Verdict.FAIL
    return _sized("memory", verdict, facts.memory, MEMORY, "减少省份（--province）", "run fewer provinces (--province)")


def _disk(facts: Facts) -> Check:
    room = facts.disk_free + facts.cached
    verdict = Verdict.OK if room >= DISK else Verdict.WARN if facts.disk_free >= DISK_LEAST else Verdict.FAIL
    fix = (
        "腾出空间，或把 XDG_CACHE_HOME 与 XDG_STATE_HOME 指到别处",
        "make room, or set XDG_CACHE_HOME and XDG_STATE_HOME",
    )
    return _sized("disk", verdict, room, DISK, *fix)


def _sized(name: str, verdict: Verdict, found: int, wanted: int, fix_zh: str, fix_en: str) -> Check:
    shown, least = f"{found / GIB:.0f} GiB", f"{wanted / GIB:.0f} GiB"
    if verdict is Verdict.OK:
        return Check(name, verdict, shown, shown)
    return Check(name, verdict, f"{shown}，建议 {least}", f"{shown}, {least} advised", fix_zh, fix_en)


def _network(name: str, network: IPv4Network, routes: Sequence[tuple[str, str]]) -> Check:
    """An environment's range must not be routed anywhere but to our own links (`yrd-...`)."""
    taken = [f"{dst} ({dev})" for dst, dev in routes if not dev.startswith("yrd-") and _overlaps(network, dst)]
    label = f"network {name}"
    if not taken:
        return Check(label, Verdict.OK, f"{network} 空闲", f"{network} is free")
    zh, en = f"{network} 与 {'、'.join(taken)} 重叠", f"{network} overlaps {', '.join(taken)}"
    where = f"region/environments/{name}.yaml"
    return Check(label, Verdict.FAIL, zh, en, f"在 {where} 中改用其他地址段", f"choose another range in {where}")


def _overlaps(network: IPv4Network, destination: str) -> bool:
    # The default route leads everywhere and takes nothing.
    return destination != "default" and network.overlaps(IPv4Network(destination))


def _go(facts: Facts) -> Check:
    wanted = ".".join(map(str, facts.go_wanted))
    if facts.go and facts.go >= facts.go_wanted:
        shown = ".".join(map(str, facts.go))
        return Check("go", Verdict.OK, f"本机 Go {shown}", f"the host's Go {shown}")
    return Check(
        "go", Verdict.OK, f"使用锁定的 Go wheel（需要 {wanted}）", f"the locked wheel of Go is used ({wanted} needed)"
    )


def _registry(name: str, works: bool | None, unmade: Sequence[str]) -> Check:
    """A registry that does not answer only matters while something is still to be made from it."""
    label = f"registry {name}"
    if works is None:
        return Check(label, Verdict.OK, "未询问：没有相应客户端", "not asked: its client comes with the toolchain")
    if works:
        return Check(label, Verdict.OK, "可达", "answers")
    fix = (
        "检查镜像、代理与 CA 设置，或导入缓存（yrd bundle import）",
        "check mirror, proxy and CA, or import a cache (yrd bundle import)",
    )
    if not unmade:
        return Check(
            label, Verdict.WARN, "不可达；缓存齐全，暂不需要", "does not answer; nothing is needed from it now", *fix
        )
    return Check(label, Verdict.FAIL, "不可达", "does not answer", *fix)


def rows(checks: Sequence[Check]) -> Iterator[tuple[str, str, str, str]]:
    """Name, verdict, what was found and the fix in both languages, for a table."""
    for c in checks:
        fix = c.fix_en if c.fix_en == c.fix_zh else f"{c.fix_en}\n{c.fix_zh}"
        found = c.en if c.en == c.zh else f"{c.en}\n{c.zh}"
        yield c.name, c.verdict.value, found, fix
