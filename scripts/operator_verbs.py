"""Verbs that bring an operator to a machine, a cluster or a log in one step."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from clients import cluster, ssh
from model.derive import MachinePlan, Plan, Site
from model.errors import BadInputError
from scripts import context
from scripts.context import Environment
from toolchain import install

#: Everything behind the name is the other program's, `--` and options included.
PASS = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.command("ssh", context_settings=PASS)(to_machine)
    app.command("kubectl", context_settings=PASS)(kubectl)
    app.command()(logs)


def machine_of(plan: Plan, name: str) -> tuple[Site, MachinePlan]:
    """A machine by its name. Raises BadInputError E186."""
    found = {m.name: (s, m) for s in plan.sites for m in s.machines}
    if name not in found:
        raise BadInputError(
            "E186",
            f"没有机器 {name}",
            f"no such machine: {name}",
            f"可用：{', '.join(found)}",
            f"one of: {', '.join(found)}",
        )
    return found[name]


def theirs(ctx: typer.Context) -> list[str]:
    """Arguments for the other program; one leading `--` is only a separator."""
    return ctx.args[1:] if ctx.args[:1] == ["--"] else ctx.args


def to_machine(ctx: typer.Context, machine: str, environment: Environment = "local") -> None:
    """A shell on a machine, or one command: `yrd ssh anhui-1 -- uptime`. 登录机器。"""
    plan = context.plan(environment)
    command = ssh.connect(environment, *machine_of(plan, machine)).command(*theirs(ctx))
    os.execvp(command[0], command)  # noqa: S606


def kubectl(ctx: typer.Context, province: str, environment: Environment = "local") -> None:
    """kubectl against a province: `yrd kubectl anhui -- get pods -A`. 操作集群。"""
    plan = context.plan(environment)
    context.stacks(plan, [province])
    config = cluster.kubeconfig(plan, plan.province(province))
    program = str(install.tool("kubectl"))
    os.environ.update({"NO_PROXY": "*", "no_proxy": "*"})
    os.execvp(program, [program, "--kubeconfig", str(config), *theirs(ctx)])  # noqa: S606


def logs(
    site: str,
    what: Annotated[str, typer.Argument(help="A unit, or `namespace/pod`.")] = "",
    environment: Environment = "local",
    lines: int = 100,
) -> None:
    """The journal of a site's first machine, of one unit, or of a pod. 查看日志。"""
    plan = context.plan(environment)
    sites = {s.name: s for s in plan.sites}
    if site not in sites:
        raise BadInputError(
            "E186", f"没有 {site}", f"no such site: {site}", f"可用：{', '.join(sites)}", f"one of: {', '.join(sites)}"
        )
    link = ssh.connect(environment, sites[site], sites[site].head)
    if "/" in what:
        namespace, _, pod = what.partition("/")
        config = cluster.kubeconfig(plan, plan.province(site))
        program = str(install.tool("kubectl"))
        os.execvp(  # noqa: S606
            program,
            [
                program,
                "--kubeconfig",
                str(config),
                "-n",
                namespace,
                "logs",
                pod,
                "--all-containers",
                "--tail",
                str(lines),
            ],
        )
    unit = f"-u {what}" if what else ""
    sys.stdout.write(link.run(f"journalctl --no-pager -n {lines} {unit}"))
