"""Power and removal of local machines; every step is safe to repeat after a kill."""

from __future__ import annotations

import contextlib
import getpass
import shutil
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from clients import network, podman, ssh, state, wait
from model import names
from model.derive import Plan, Site
from model.errors import YrdError
from stacks import driver, seals, status
from stacks.program import REGION
from stacks.providers import machine as machines

#: Four machines with pods watch more files than a host's default allows.
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_WANTED = 1024


def prepare_host() -> None:
    """The one setting of the host that machines need; it is only ever raised."""
    if int(INOTIFY.read_text()) < INOTIFY_WANTED:
        INOTIFY.write_text(str(INOTIFY_WANTED))


def local_only(plan: Plan) -> None:
    """Raises YrdError E189 where the machines are not ours to switch."""
    if plan.environment.machines != "podman":
        raise YrdError(
            "E189",
            f"环境 {plan.environment.name} 的机器不由本机管理",
            f"machines of {plan.environment.name} are not switched from here",
            "在其控制台操作",
            "use their own console",
        )


def down(plan: Plan, console: Console) -> None:
    """Destroy the stacks, then sweep whatever carries the environment's name: a killed run leaves things that no state knows."""
    env, prefix = plan.environment.name, names.prefix(plan.environment.name)
    if plan.environment.machines == "podman":
        for name in sorted(podman.containers(prefix)):
            console.print(f"remove {name}", highlight=False)
            podman.remove(name)
        for folder in sorted((state.environment(env) / "machines").glob("*")):
            podman.Disk(folder).remove()
        for gone in network.remove(prefix):
            console.print(f"remove {gone}", highlight=False)
    else:
        _destroy(plan, console)
    close_connections(plan)
    if state.environment(env).exists():
        shutil.rmtree(state.environment(env))


def _destroy(plan: Plan, console: Console) -> None:
    units = [*plan.world.region.members, REGION]
    outcome = driver.operate("destroy", [names.stack(plan.environment.name, u) for u in units], lambda _: None)
    for run in outcome.runs.values():
        for text in run.errors:
            console.print(f"{run.unit}: {text}", highlight=False, markup=False)


def close_connections(plan: Plan) -> None:
    for site in plan.sites:
        for target in site.machines:
            with contextlib.suppress(YrdError):
                ssh.connect(plan.environment.name, site, target).close()


def stop(plan: Plan, console: Console) -> None:
    """Shut down in order, all machines at once."""
    local_only(plan)
    close_connections(plan)
    running = [m.full for s in plan.sites for m in s.machines if podman.status(m.full) == "running"]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(podman.stop, running))
    console.print(f"stopped {len(running)} machines; disks are kept", highlight=False)


def start(plan: Plan, console: Console) -> None:
    """Machines, then their stores, then everything above, which comes up by itself."""
    local_only(plan)
    prepare_host()
    if not state.environment(plan.environment.name).exists():
        raise YrdError(
            "E184",
            f"环境 {plan.environment.name} 尚未建立",
            f"environment {plan.environment.name} does not exist",
            "先运行 yrd up",
            "run `yrd up` first",
        )
    began = power_on(plan)
    console.print("machines run; opening the stores", highlight=False)
    open_stores(plan, console)
    console.print("waiting until every province is ready", highlight=False)
    wait_ready(plan, console, began)


def power_on(plan: Plan, *, made: bool = True) -> dict[str, datetime]:
    """Networks first, then all machines at once; by site when those that were off were switched on.

    Without `made`, a machine that does not exist stays so: `up` makes it.
    """
    known = {m.full: podman.status(m.full) for s in plan.sites for m in s.machines}
    chosen = [(s, m) for s in plan.sites for m in s.machines if made or known[m.full] not in {"absent", "running"}]
    if not chosen:
        return {}
    network.ensure_backbone(plan)
    # What runs already stays as it is; only what is switched on now has to come up anew.
    off = {s.name for s, m in chosen if known[m.full] != "running"}
    began = dict.fromkeys(off, datetime.now(UTC))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda pair: machines.ensure(plan, *pair), chosen))
    return began


def open_stores(plan: Plan, console: Console, sites: Sequence[Site] = (), *, people: bool = True) -> None:
    """Neighbours open each other's stores; `people` says whether officers may bring their shares, which are typed unseen."""

    def tell(line: str) -> None:
        console.print(line, highlight=False, markup=False)

    seals.open_all(plan, sites or plan.sites, tell, people=people, ask=asker())


def asker() -> seals.Ask | None:
    """Asks an officer for a share, where somebody sits at a terminal."""
    if not sys.stdin.isatty():
        return None
    return lambda url: getpass.getpass(f"{url}: an officer's share 保管人份额: ")


def wait_ready(plan: Plan, console: Console, since: Mapping[str, datetime], seconds: float = 600) -> None:
    """Until every province is ready; says whenever another one is. Raises UnreachableError E194."""
    said: set[str] = set()

    def look() -> bool:
        found = status.look(plan, since=since)
        for site in (found.hub, *found.provinces):
            if site.ready and site.name not in said:
                said.add(site.name)
                console.print(f"{site.name}: ready", highlight=False)
        return found.ready

    wait.until(f"every province of {plan.environment.name}", look, seconds=seconds, every=2, fix="yrd status")
