"""Sealed stores: which, and the step that only people can do, after a power cut that left no neighbour open."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

from clients import openbao, podman, wait
from model import custody
from model.derive import Plan, Site
from model.errors import UnreachableError, YrdError
from stacks import secrets_custody
from stacks.providers.secrets import ca_file, custody_file, deployer_file

#: Seconds for servers to answer after a machine was switched on, and for neighbours to bring their shares.
START, HELP = 60.0, 40.0

Tell = Callable[[str], None]
Ask = Callable[[str], str]
Seal = Literal["open", "sealed", "empty", "down"]


def look(plan: Plan, site: Site) -> Seal:
    """State of one store, asked once. A site that was never configured is `empty`."""
    if not deployer_file(plan, site).exists():
        return "empty"
    try:
        found = openbao.once(site.openbao_url, ca_file(plan, site))
    except openbao.UntrustedError:
        return "empty"
    except YrdError:
        return "down"
    return "empty" if not found.initialized else "sealed" if found.sealed else "open"


def look_all(plan: Plan, sites: Sequence[Site]) -> dict[str, Seal]:
    """All at once; machines of ours that are switched off are left out."""
    here = plan.environment.machines == "podman"
    running = [s for s in sites if not here or podman.status(s.head.full) == "running"]
    with ThreadPoolExecutor(8) as pool:
        return dict(zip((s.name for s in running), pool.map(lambda s: look(plan, s), running), strict=True))


def people_needed(found: Mapping[str, Seal], keepers: Mapping[str, Sequence[str]], helpers: int) -> list[str]:
    """Sealed sites that their neighbours cannot open: fewer than `helpers` of them are open. Pure.

    A neighbour that will be opened itself counts, in as many rounds as it takes.
    """
    able = {name for name, seal in found.items() if seal == "open"}
    shut = {name for name, seal in found.items() if seal == "sealed"}
    while helped := {name for name in shut if len(able & set(keepers[name])) >= helpers}:
        able |= helped
        shut -= helped
    return sorted(shut)


def open_all(plan: Plan, sites: Sequence[Site], tell: Tell, *, people: bool, ask: Ask | None = None) -> None:
    """Wait until every store of `sites` is open; with `people`, bring the officers' shares where neighbours cannot help.

    `ask` is given a store's address and gets an officer's share where none lies here.

    As few as possible are opened so: the rest is the neighbours' work. Raises SealedError (E300) for what stays shut.
    """
    by_name = {s.name: s for s in plan.sites}
    keepers = {s.name: [k.name for k in custody.keepers(plan, s)] for s in plan.sites}
    if people:
        _settled(plan, sites, ("down",), START)
        while waiting := people_needed(look_all(plan, plan.sites), keepers, custody.HELPERS):
            _bring(plan, by_name[waiting[0]], tell, ask)
    shut = _settled(plan, sites, ("sealed",), HELP)
    for name in [n for n, seal in shut.items() if seal == "sealed"]:
        if not people:
            raise openbao.SealedError(by_name[name].openbao_url)
        # Neighbours that are open and do not help: they have not been handed their shares yet.
        _bring(plan, by_name[name], tell, ask)


def _bring(plan: Plan, site: Site, tell: Tell, ask: Ask | None) -> None:
    """Raises SealedError where the officers have taken their shares away and nobody brings them."""
    secrets_custody.unseal(site.openbao_url, ca_file(plan, site), custody_file(plan, site), ask)
    tell(f"{site.name}: opened with officers' shares")


def _settled(plan: Plan, sites: Sequence[Site], until: Sequence[Seal], seconds: float) -> dict[str, Seal]:
    """The states once none is among `until`, or when the time is over."""
    found: dict[str, Seal] = {}

    def quiet() -> bool:
        found.update(look_all(plan, sites))
        return not set(until) & set(found.values())

    with contextlib.suppress(UnreachableError):
        wait.until("the stores to open", quiet, seconds=seconds, every=0.5)
    return found
