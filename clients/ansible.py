"""Run our roles on one machine through ansible-runner; counts and task names come back, secrets never go in (D15)."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ansible_runner

from clients.ssh import Ssh
from model.errors import YrdError

ROLES = Path(__file__).resolve().parent.parent / "roles"


@dataclass
class Counts:
    """What one run did: tasks that changed something, tasks that ended well, and the last failure's own words."""

    changed: int = 0
    ok: int = 0
    failure: str = ""
    names: list[str] = field(default_factory=list)


class RoleError(YrdError):
    """A task of a role failed on a machine."""

    def __init__(self, machine: str, said: str) -> None:
        super().__init__(
            "E201",
            f"机器 {machine} 上的角色任务失败：{said}",
            f"a role's task failed on machine {machine}: {said}",
            "修复后再次运行 yrd up",
            "mend it and run `yrd up` again; it continues",
        )


def run(
    link: Ssh,
    roles: Sequence[str],
    variables: Mapping[str, Any],
    *,
    check: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Counts:
    """Apply `roles` in order. Raises RoleError with the failed task's message."""
    counts = Counts()

    def handle(event: dict[str, Any]) -> bool:
        _count(event, counts, progress)
        return False

    with tempfile.TemporaryDirectory(prefix="yrd-ansible-") as folder:
        _write(Path(folder), link, roles, variables)
        status = _run(Path(folder), _environment(link), handle, check=check)
        said = _said(Path(folder))
    if status != 0:
        raise RoleError(link.machine, counts.failure or f"exit code {status}: {said}")
    return counts


def _run(folder: Path, environment: dict[str, str], handle: Callable[[dict[str, Any]], bool], *, check: bool) -> int:
    """ansible-runner in a process of its own: it forks, and a fork of the engine's multi-threaded gRPC process may die at once."""
    command = [sys.executable, "-m", "clients.ansible", str(folder), *(["--check"] if check else [])]
    with subprocess.Popen(
        command,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        for line in process.stdout or ():
            if line.startswith("{"):
                handle(json.loads(line))
    return process.returncode


def main(folder: str, *flags: str) -> int:
    """The process that `_run` starts: one JSON line per event of ansible-runner."""
    result = ansible_runner.run(
        private_data_dir=folder,
        playbook="play.yml",
        quiet=True,
        event_handler=_emit,
        cmdline=" ".join(flags) or None,
        suppress_env_files=True,
    )
    return 0 if result.status == "successful" else result.rc or 1


def _emit(event: dict[str, Any]) -> bool:
    sys.stdout.write(json.dumps({k: event.get(k) for k in ("event", "event_data", "stdout")}, default=str) + "\n")
    sys.stdout.flush()
    return False


def _said(folder: Path) -> str:
    """The last words of a run that failed before its first task."""
    return " ".join(path.read_text(errors="replace")[-600:] for path in sorted(folder.glob("artifacts/*/std*")))


def _write(folder: Path, link: Ssh, roles: Sequence[str], variables: Mapping[str, Any]) -> None:
    host = {
        "ansible_host": link.address,
        "ansible_user": link.user,
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_become": link.user != "root",
    }
    (folder / "inventory").mkdir()
    (folder / "inventory" / "hosts.json").write_text(json.dumps({"all": {"hosts": {link.machine: host}}}))
    (folder / "env").mkdir(mode=0o700)
    (folder / "env" / "extravars").write_text(json.dumps(dict(variables), ensure_ascii=False))
    (folder / "project").mkdir()
    play = [
        {"name": f"{link.machine}: {', '.join(roles)}", "hosts": "all", "gather_facts": False, "roles": list(roles)}
    ]
    (folder / "project" / "play.yml").write_text(json.dumps(play))


def _environment(link: Ssh) -> dict[str, str]:
    environment = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "ANSIBLE_ROLES_PATH": str(ROLES),
        "ANSIBLE_PIPELINING": "True",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "ANSIBLE_SSH_ARGS": shlex.join(link.options()),
        "ANSIBLE_HOST_KEY_CHECKING": "True",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_DEPRECATION_WARNINGS": "False",
        "ANSIBLE_INJECT_FACT_VARS": "False",
        "ANSIBLE_SSH_TRANSFER_METHOD": "piped",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "ANSIBLE_LOCALHOST_WARNING": "False",
    }
    mitogen = find_spec("ansible_mitogen")
    if (
        os.environ.get("YRD_ANSIBLE_STRATEGY", "mitogen") == "mitogen"
        and mitogen
        and mitogen.submodule_search_locations
    ):
        strategies = Path(mitogen.submodule_search_locations[0]) / "plugins" / "strategy"
        environment |= {"ANSIBLE_STRATEGY": "mitogen_linear", "ANSIBLE_STRATEGY_PLUGINS": str(strategies)}
    return environment


def _count(event: dict[str, Any], counts: Counts, progress: Callable[[str], None]) -> None:
    data = event.get("event_data", {})
    match event.get("event"):
        case "playbook_on_task_start":
            progress(str(data.get("name", "")))
        case "runner_on_ok":
            counts.ok += 1
            if data.get("res", {}).get("changed"):
                counts.changed += 1
                counts.names.append(str(data.get("task", "")))
        case "runner_on_failed" if not data.get("ignore_errors"):
            result = data.get("res", {})
            said = str(result.get("msg") or result.get("stderr") or result.get("censored") or "")
            detail = str(result.get("stderr") or result.get("stdout") or "")
            counts.failure = f"{data.get('role', '')}/{data.get('task', '')}: {said[:800]} {detail[-800:] if detail not in said else ''}".strip()
        case "runner_on_unreachable":
            counts.failure = str(data.get("res", {}).get("msg", "unreachable"))[:800]
        case "error" | "verbose" if "ERROR" in str(event.get("stdout", "")):
            counts.failure = counts.failure or str(event["stdout"])[-800:]
        case _:
            pass


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
