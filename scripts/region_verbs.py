"""Verbs that only read the region: validate, agreement list, agreement explain. No root, no network."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.console import Console

from clients import exchange
from model import explain as explained
from model.errors import BadInputError
from model.load import examine, find_root, load
from scripts import context
from scripts.context import Environment, Json
from toolchain import install

console = Console(stderr=True)
agreement = typer.Typer(no_args_is_help=True, help="Agreements: the only thing that opens a flow. 数据共享协议。")


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.command()(validate)
    app.add_typer(agreement, name="agreement")


def validate(as_json: Json = False) -> None:
    """Check region/ and tell every fault at once; exit 2 when there is one. 校验。"""
    found = examine(find_root(), datetime.now(UTC))
    if as_json:
        print(json.dumps({"faults": [f.as_json() for f in found.faults]}, ensure_ascii=False))
    else:
        for fault in found.faults:
            console.print(fault.render(), markup=False, highlight=False, soft_wrap=True)
        console.print(f"{len(found.errors)} errors, {len(found.notices)} notices", highlight=False)
    if found.errors:
        sys.exit(2)


@agreement.command("list")
def list_agreements(as_json: Json = False) -> None:
    """Every agreement and its state. 列出协议。"""
    now = datetime.now(UTC)
    states = explained.agreements(load(find_root(), now), now)
    if as_json:
        print(json.dumps([s.as_json() for s in states], ensure_ascii=False))
        return
    for state in states:
        print(state.line("en"))
        print(state.line("zh"))


@agreement.command("try")
def attempt(
    consumer: Annotated[str, typer.Option("--consumer", help="Province whose consumer calls.")],
    dataset: Annotated[str, typer.Option("--dataset", help="What is called.")],
    method: Annotated[str, typer.Option("--method")] = "",
    path: Annotated[str, typer.Option("--path")] = "",
    environment: Environment = "local",
    as_json: Json = False,
) -> None:
    """Make the real call, from the consumer's pod through both gateways; exit 1 when it is refused. 实际调用。"""
    plan = context.plan(environment)
    context.stacks(plan, [consumer])
    known = {d.name: d for d in plan.world.datasets}
    if dataset not in known:
        raise BadInputError(
            "E131",
            f"没有数据集 {dataset}",
            f"no such dataset: {dataset}",
            f"可用：{', '.join(known)}",
            f"one of: {', '.join(known)}",
        )
    result = exchange.attempt(plan, str(install.tool("kubectl")), consumer, known[dataset], method, path)
    verdict = "allowed" if result.allowed else "refused"
    print(
        json.dumps(result.as_json(), ensure_ascii=False)
        if as_json
        else f"{verdict}: {result.status} {result.reason} ({result.milliseconds:.0f} ms, trace {result.trace_id})"
    )
    if not result.allowed:
        sys.exit(1)


@agreement.command("explain")
def explain(name: str, environment: Environment = "local", as_json: Json = False) -> None:
    """Who may call what, by which names, and which objects open it. 解释协议。"""
    result = explained.explain(context.plan(environment), name)
    print(
        json.dumps(result.as_json(), ensure_ascii=False) if as_json else f"{result.text('en')}\n\n{result.text('zh')}"
    )
