"""Look at a machine with one command: what to ask, how to read the answer. The connection is passed in.

The same answer serves `yrd up` (digests of what a role manages, D14) and `yrd audit` (what the rules judge, D10).
"""

from __future__ import annotations

import base64
import json
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files as resources
from typing import Any, Protocol, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from model.errors import UnreachableError

#: A shell command in, its standard output out; raises on failure. `Ssh.run` and testinfra's `check_output` both fit.
Run = Callable[[str], str]
Section = Any

#: Makes the parts importable under their own names, then starts the first one.
LOADER = """
import sys, types
package = sys.modules["clients"] = types.ModuleType("clients")
for name, text in PARTS.items():
    module = sys.modules["clients." + name] = types.ModuleType("clients." + name)
    setattr(package, name, module)
    exec(compile(text, name + ".py", "exec"), module.__dict__)
package.host_facts.main(sys.argv[1])
"""


class Watched(Protocol):
    """What `stacks.roles.Managed` and a rule's needs have in common.

    `files` are paths, whole folders (`/etc/sudoers.d/*`), or one aspect of a path whose content is not of one role
    alone: `/etc/passwd@mode` (mode and owner), `/etc/passwd@logins` (who has a shell), `/tmp@mount` (its options).
    """

    @property
    def files(self) -> tuple[str, ...]: ...
    @property
    def units(self) -> tuple[str, ...]: ...
    @property
    def sysctls(self) -> tuple[str, ...]: ...
    @property
    def tables(self) -> tuple[str, ...]: ...


@dataclass(frozen=True)
class HostFacts:
    """One machine at one moment. A section is its value, or `{"error": text}` when it could not be looked at."""

    sections: Mapping[str, Section]

    @property
    def container(self) -> str:
        """`podman`, ...; empty where the kernel is the machine's own."""
        return str(self.sections["identity"].get("container", ""))

    @property
    def machine_id(self) -> str:
        return str(self.sections["identity"].get("machine_id", ""))

    def digests(self, watched: Watched) -> dict[str, str]:
        """One line of text per watched thing: equal text means no change. `absent` is a value as well.

        Raises FactsError when a section that is needed could not be looked at.
        """
        parts = (self._files(watched), self._units(watched), self._sysctls(watched), self._tables(watched))
        return {key: value for part in parts for key, value in sorted(part.items())}

    def section(self, name: str) -> Section:
        """Raises FactsError with the machine's own words when it could not be looked at."""
        value = self.sections.get(name, {"error": "not asked for"})
        if isinstance(value, dict) and set(value) == {"error"}:
            raise FactsError(f"{name}: {value['error']}")
        return value

    def _files(self, watched: Watched) -> dict[str, str]:
        if not watched.files:
            return {}
        live = self.section("files")
        mine = [path for path in live if any(_matches(path, pattern) for pattern in watched.files)]
        return {f"file:{path}": _file_line(live[path]) for path in mine}

    def _units(self, watched: Watched) -> dict[str, str]:
        live = self.section("units") if watched.units else {}
        states = {name: (live[name]["ActiveState"], live[name]["UnitFileState"] or "absent") for name in watched.units}
        return {f"unit:{name}": "/".join(state) for name, state in states.items()}

    def _sysctls(self, watched: Watched) -> dict[str, str]:
        live = self.section("sysctls") if watched.sysctls else {}
        return {f"sysctl:{name}": "absent" if live[name] is None else str(live[name]) for name in watched.sysctls}

    def _tables(self, watched: Watched) -> dict[str, str]:
        live = self.section("tables") if watched.tables else {}
        return {f"table:{name}": live[name]["digest"] if live[name] else "absent" for name in watched.tables}


class FactsError(UnreachableError):
    """A machine answered, but not with what was asked for; the same command may work later."""

    def __init__(self, said: str) -> None:
        text = said.strip()[:500] or "(nothing)"
        super().__init__(
            "E195",
            f"无法读取机器状态：{text}",
            f"a machine's state could not be read: {text}",
            "在该机器上运行 systemctl status 与 journalctl -xe",
            "look on that machine with `systemctl status` and `journalctl -xe`",
        )


def request(watched: Watched | Iterable[Watched], *, audit: bool = False) -> str:
    """The question as the collector takes it; several callers' questions become one."""
    parts = tuple(watched) if isinstance(watched, Iterable) else (watched,)
    body: dict[str, object] = {"audit": audit}
    for key in ("files", "units", "sysctls", "tables"):
        body[key] = sorted({item for part in parts for item in getattr(part, key)})
    return base64.b64encode(json.dumps(body).encode()).decode()


def command(question: str, *, audit: bool = False, become: bool = False) -> str:
    """Shell command that asks; `become` where the login is not root's."""
    words = ["/usr/bin/python3", "-I", "-c", script(audit=audit), question]
    return shlex.join(["sudo", "-n", *words] if become else words)


def script(*, audit: bool) -> str:
    """One program out of the collector's parts, which import each other there as they do here."""
    parts = ("host_facts", "host_audit") if audit else ("host_facts",)
    texts = {name: resources("clients").joinpath(f"{name}.py").read_text(encoding="utf-8") for name in parts}
    return f"PARTS = {texts!r}\n{LOADER}"


def parse(stdout: str) -> HostFacts:
    """Answer to facts. Raises FactsError when it is not the collector's."""
    try:
        raw = json.loads(stdout)
    except ValueError as fault:
        raise FactsError(stdout) from fault
    if not isinstance(raw, dict) or "identity" not in raw:
        raise FactsError(stdout)
    if isinstance(raw.get("kubernetes"), dict) and "error" not in raw["kubernetes"]:
        for key in ("kubelet_config", "authentication"):
            raw["kubernetes"][key] = _yaml(raw["kubernetes"].get(key, ""))
    return HostFacts(raw)


def look(run: Run, watched: Watched | Iterable[Watched], *, audit: bool = False, become: bool = False) -> HostFacts:
    """Ask once. Raises what `run` raises, and FactsError."""
    return parse(run(command(request(watched, audit=audit), audit=audit, become=become)))


def _yaml(text: str) -> dict[str, object]:
    """The first document; empty for no text, `{"error"}` for what is not YAML."""
    try:
        value = YAML(typ="safe", pure=True).load(text)
    except YAMLError as fault:
        return {"error": str(fault)[:300]}
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def _matches(path: str, pattern: str) -> bool:
    folder, every, _ = pattern.partition("/*")
    return path == pattern or bool(every and path.rpartition("/")[0] == folder)


def _file_line(entry: Mapping[str, str] | None) -> str:
    if entry is None:
        return "absent"
    return " ".join(str(entry.get(key, "-")) for key in ("kind", "mode", "owner", "group", "sha256", "target"))
