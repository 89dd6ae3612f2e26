"""Verbs that look: audit, status, open, doctor. None of them changes what it looks at."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table

from clients import relay
from model import identity
from model.derive import Plan, Site
from model.errors import BadInputError
from policies import catalogue, judge, report
from scripts import context, status_view
from scripts.context import Environment, Json, Provinces
from stacks import audit as audits
from stacks import status as states
from toolchain import doctor as host
from toolchain import facts as host_facts

console = Console(stderr=True)
Language = Annotated[str, typer.Option("--language", "-l", help="en or zh.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    for verb in (audit, status, doctor):
        app.command()(verb)
    app.command("open")(open_view)


def audit(
    environment: Environment = "local",
    province: Provinces = None,
    control: Annotated[list[str] | None, typer.Option("--control", "-c", help="Only this rule; repeatable.")] = None,
    as_json: Json = False,
    language: Language = "en",
) -> None:
    """Judge every control on the live environment; exit 1 when one fails, 3 when one could not be read. 审计。"""
    plan = context.plan(environment)
    sites = context.sites(plan, province)
    rules = catalogue.load()
    known = [r.id for r in rules]
    if unknown := sorted(set(control or ()) - set(known)):
        raise BadInputError(
            "E156",
            f"没有规则 {', '.join(unknown)}",
            f"no such rule: {', '.join(unknown)}",
            "见 policies/rules/",
            f"one of: {', '.join(known)}",
        )
    results = audits.run(plan, [r for r in rules if not control or r.id in control], sites)
    if not control:
        for fault in audits.deliver(plan, results):
            console.print(str(fault).splitlines()[0], style="yellow", highlight=False, markup=False, soft_wrap=True)
    if as_json:
        print(report.to_json(results))
    else:
        Console().print(report.table(results, rules, language))
    sys.exit(judge.exit_code(results))


def status(
    environment: Environment = "local",
    province: Provinces = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until interrupted.")] = False,
    as_json: Json = False,
    language: Language = "en",
) -> None:
    """Everything on one screen, with the addresses to open; exit 1 when something is not ready. 状态。"""
    plan = context.plan(environment)
    names = tuple(n for n in context.sites(plan, province) if province)
    found = states.look(plan, names)
    if as_json:
        print(json.dumps(found.as_json(), ensure_ascii=False))
    elif watch:
        with Live(status_view.screen(plan, found, language), screen=sys.stdout.isatty()) as live:
            while True:
                time.sleep(2)
                found = states.look(plan, names)
                live.update(status_view.screen(plan, found, language))
    else:
        Console().print(status_view.screen(plan, found, language))
    if not found.ready:
        sys.exit(1)


@dataclass(frozen=True)
class View:
    """A page: its port on 127.0.0.1, where it is served, its path, and where one logs in to see it."""

    port: int
    site: Site
    there: int
    path: str = ""
    login: str = ""


def views(plan: Plan) -> dict[str, View]:
    """What can be opened. The first two ports are known to the broker (`identity.portal_redirects`)."""
    first, ports, hub = plan.environment.loopback, plan.world.region.ports, plan.hub
    broker = identity.realm(plan, identity.BROKER)
    found = {
        "portal": View(first, hub, ports.portal, login=broker.issuer),
        "prometheus": View(first + 1, hub, ports.portal, "prometheus/", broker.issuer),
        "keycloak": View(
            first + 2, broker.site, ports.identity, "admin/", f"{broker.issuer.partition('/realms/')[0]}/admin/"
        ),
    }
    return {**found, **{f"bao-{p.name}": View(first + 10 + i, p, 8200) for i, p in enumerate(plan.provinces)}}


def open_view(
    what: Annotated[str, typer.Argument(help="portal, prometheus, keycloak, or bao-<province>.")],
    environment: Environment = "local",
) -> None:
    """Bring a page to 127.0.0.1 until interrupted; TLS stays end to end. 打开页面。"""
    plan = context.plan(environment)
    known = views(plan)
    if what not in known:
        raise BadInputError(
            "E159",
            f"没有可打开的 {what}",
            f"there is nothing called {what} to open",
            f"可用：{', '.join(known)}",
            f"one of: {', '.join(known)}",
        )
    view = known[what]
    print(f"https://127.0.0.1:{view.port}/{view.path}", flush=True)
    if view.login:
        console.print(f"log in at {view.login}", highlight=False, soft_wrap=True)
    console.print(f"{what} of {view.site.name}; end with Ctrl-C", highlight=False)
    try:
        asyncio.run(relay.serve(view.port, str(view.site.head.address), view.there))
    except KeyboardInterrupt:
        console.print("closed", highlight=False)


def doctor(
    as_json: Json = False,
    offline: Annotated[bool, typer.Option("--offline", help="Do not ask the package registries.")] = False,
) -> None:
    """Whether this host can carry the cloud, and the fix where it cannot. 体检。"""
    world = context.plan("local").world
    checks = host.judge(
        host_facts.collect(online=not offline),
        {e.name: e.network for e in world.environments if e.machines == "podman"},
    )
    if as_json:
        print(host.as_json(checks))
    else:
        table = Table("check", "verdict", "found", "fix", box=None)
        for row in host.rows(checks):
            table.add_row(*row)
        Console().print(table)
    sys.exit(host.exit_code(checks))
