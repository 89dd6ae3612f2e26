"""Verbs that change or preview an environment: up, preview, refresh, down, stop, start, unseal."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from model.derive import Plan
from model.errors import YrdError
from model.load import examine, find_root
from policies import catalogue, judge
from policies.types import Verdict
from scripts import changes, context, lifecycle
from scripts.context import Environment, Json, Provinces
from scripts.progress import Display
from stacks import audit, driver, seals
from toolchain import facts as host_facts
from toolchain import host, images, install, rootfs

console = Console(stderr=True)


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    for verb in (up, preview, refresh, down, stop, start, unseal):
        app.command()(verb)


def prepare(plan: Plan) -> None:
    """Everything that has to be built before machines are: tools, root file systems, images. Nothing when the cache is warm."""
    said: dict[str, str] = {}

    def report(what: str, step: str) -> None:
        if step not in {"checking", "ready", "image ready"} and said.get(what) != step:
            said[what] = step
            console.print(f"{what}: {step}", highlight=False)

    if plan.environment.machines == "podman":
        host.ensure("up", report, host_facts.there)
    install.ensure((), report)
    if plan.environment.machines == "podman":
        rootfs.machine_rootfs()
        rootfs.hub_delta()
    images.build((), report)


def up(
    environment: Environment = "local",
    province: Provinces = None,
    full: Annotated[bool, typer.Option("--full", help="Run every role, whatever the look says.")] = False,
    as_json: Json = False,
) -> None:
    """Make the environment equal the model: look, decide, do. 使环境与模型一致。"""
    plan = context.plan(environment)
    stacks = context.stacks(plan, province)
    _notices()
    if plan.environment.machines == "podman":
        context.require_root()
        lifecycle.prepare_host()
    prepare(plan)
    _opened(plan, province)
    with Display(console, f"yrd up {environment}", quiet=as_json) as display:
        outcome = driver.operate("up", stacks, display.show, full=full)
    audited = _audited(plan, province) if not outcome.exit_code else None
    _report(plan, outcome, as_json=as_json, audited=audited)


def _opened(plan: Plan, provinces: Provinces) -> None:
    """Nothing is touched while a store is sealed (E300). Machines that lost power are switched on first."""
    off = plan.environment.machines == "podman" and lifecycle.power_on(plan, made=False)
    lifecycle.open_stores(plan, console, context.site_plans(plan, provinces), people=bool(off))


def unseal(environment: Environment = "local", province: Provinces = None) -> None:
    """The officers' step: open sealed stores with their shares, typed or in custody.json; neighbours open the rest. 解封。"""
    plan = context.plan(environment)
    sites = context.site_plans(plan, province)
    lifecycle.open_stores(plan, console, sites)
    for name, seal in seals.look_all(plan, sites).items():
        console.print(f"{name}: {seal}", highlight=False)


def _notices() -> None:
    """What is no fault and still matters: an agreement that has ended closes its flow."""
    for notice in examine(find_root(), datetime.now(UTC)).notices:
        console.print(notice.render(), style="yellow", markup=False, highlight=False, soft_wrap=True)


def _audited(plan: Plan, provinces: Provinces) -> dict[str, int]:
    """Summary of the audit that ends every `up`; each province's own verdict goes to its exporter."""
    results = audit.run(plan, catalogue.load(), context.sites(plan, provinces))
    for fault in audit.deliver(plan, results):
        console.print(str(fault), style="yellow", highlight=False, markup=False, soft_wrap=True)
    for result in results:
        if result.verdict in {Verdict.FAIL, Verdict.ERROR}:
            console.print(
                f"audit {result.verdict}: {result.control} on {result.target}: {result.observed}",
                style="red",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
    return judge.summary(results)


def refresh(environment: Environment = "local", province: Provinces = None, as_json: Json = False) -> None:
    """Look at the live state and record what differs; change nothing. 查看实际状态。"""
    plan = context.plan(environment)
    with Display(console, f"yrd refresh {environment}", quiet=as_json) as display:
        outcome = driver.operate("refresh", context.stacks(plan, province), display.show)
    _report(plan, outcome, as_json=as_json)


def _report(plan: Plan, outcome: driver.Outcome, *, as_json: bool, audited: dict[str, int] | None = None) -> None:
    result: dict[str, Any] = {
        "seconds": round(outcome.seconds, 1),
        "changes": outcome.changes,
        "ansible": {"changed": outcome.changed, "ok": outcome.ok},
    }
    drift = [f"{e['resource']}: {e['what']}" for e in outcome.events if e["kind"] == "drift"]
    errors = {r.unit: r.errors for r in outcome.runs.values() if r.code}
    if as_json:
        print(json.dumps({**result, "drift": drift, "errors": errors, "audit": audited}, ensure_ascii=False))
    else:
        for line in drift:
            console.print(f"drift: {line}", style="yellow", highlight=False)
        for event in outcome.events:
            if event["kind"] in {"pending", "repair"}:
                console.print(
                    f"{event['kind']}: {event.get('site', '')} {event.get('what') or event.get('object')}",
                    highlight=False,
                )
        for unit, said in errors.items():
            for text in said:
                console.print(f"{unit}: {text}", style="red", highlight=False, markup=False, soft_wrap=True)
        counts = ", ".join(f"{v} {k}" for k, v in outcome.changes.items())
        console.print(
            f"{plan.environment.name}: {counts}; ansible {outcome.changed} changed, {outcome.ok} ok; {outcome.seconds:.0f} s",
            highlight=False,
        )
        if audited:
            console.print("audit: " + ", ".join(f"{v} {k}" for k, v in audited.items()), highlight=False)
            console.print("next: yrd status | yrd open portal | yrd audit | yrd agreement list", highlight=False)
    if outcome.exit_code:
        sys.exit(outcome.exit_code)


def preview(
    environment: Environment = "local",
    province: Provinces = None,
    as_json: Json = False,
    diff: Annotated[bool, typer.Option("--diff", help="Show each object's own difference.")] = False,
) -> None:
    """What `yrd up` would change by the model; needs no cluster, no root and no network. 预览。"""
    plan = context.plan(environment)
    stacks = context.stacks(plan, province)
    install.ensure(
        install.PREVIEW,
        lambda what, step: (
            console.print(f"{what}: {step}", highlight=False) if step in {"building", "unpacking"} else None
        ),
    )
    with Display(console, f"yrd preview {environment}", quiet=as_json) as display:
        outcome = driver.operate("preview", stacks, display.show)
    changes.show(outcome, console, as_json=as_json, diff=diff)
    if outcome.exit_code:
        sys.exit(outcome.exit_code)


def down(
    environment: Environment = "local",
    yes: Annotated[str, typer.Option("--yes", help="Name of a protected environment, instead of typing it.")] = "",
) -> None:
    """Take an environment away: machines, disks, networks, state. 拆除环境。"""
    plan = context.plan(environment)
    if (
        plan.environment.protected
        and (yes or typer.prompt(f"{environment} is protected; type its name to take it down")) != environment
    ):
        raise YrdError(
            "E188",
            f"环境 {environment} 受保护，未拆除",
            f"environment {environment} is protected and was left as it is",
        )
    lifecycle.down(plan, console)


def stop(environment: Environment = "local") -> None:
    """Power off all machines; disks and data stay. 关机，数据保留。"""
    lifecycle.stop(context.plan(environment), console)


def start(environment: Environment = "local") -> None:
    """Power on all machines and wait until every province is ready. 开机。"""
    lifecycle.start(context.plan(environment), console)
