"""The screen of `yrd status`: what stands, what does not, and where to go next."""

from __future__ import annotations

from rich.console import Group
from rich.table import Table
from rich.text import Text

from model.derive import Plan
from stacks.status import SiteState, Status

MIB = 1 << 20
WORDS = {
    "en": ("site", "ready", "machines", "nodes", "secrets", "mesh", "MiB", "waiting for"),
    "zh": ("省", "就绪", "机器", "节点", "密钥", "网格", "MiB", "等待"),
}


def screen(plan: Plan, status: Status, language: str) -> Group:
    """One table and the addresses below it."""
    words = WORDS.get(language, WORDS["en"])
    table = Table(*words, title=f"{plan.environment.name}: {'ready' if status.ready else 'NOT ready'}", expand=True)
    titles = {s.name: getattr(s.title, language, s.name) for s in plan.sites}
    for site in (status.hub, *status.provinces):
        table.add_row(*_row(site, titles[site.name]))
    total = Text(f"working set of all machines: {status.memory / MIB:.0f} MiB")
    return Group(table, total, Text(_flows(plan)), Text(_open(plan), style="dim"))


def _row(site: SiteState, title: str) -> list[Text]:
    machines = "\n".join(f"{m.address}{'' if m.running else ' off'}" for m in site.machines)
    held = sum(m.memory or 0 for m in site.machines)
    nodes = f"{site.nodes_ready}/{site.nodes_total}" if site.cluster else "-"
    mesh = _state(site.mesh) if site.cluster else Text("-")
    waiting = site.fault or ", ".join(site.waiting)
    ready = Text("yes", style="green") if site.ready else Text("NO", style="bold red")
    return [
        Text(site.name if title.lower() == site.name else f"{site.name} {title}"), ready, Text(machines), Text(nodes), _state(site.secrets), mesh,
        Text(f"{held / MIB:.0f}" if held else "unknown"), Text(waiting),
    ]  # fmt: skip


def _state(word: str) -> Text:
    return Text(word, style="green" if word == "ready" else "bold red")


def _flows(plan: Plan) -> str:
    flows = [
        f"{f.consumer} -> {f.provider}: {f.dataset.name} ({f.agreement.name})"
        for p in plan.provinces
        for f in p.provides
    ]
    return "agreements in force: " + ("; ".join(flows) or "none")


def _open(plan: Plan) -> str:
    env = "" if plan.environment.name == "local" else f" -e {plan.environment.name}"
    return f"yrd open portal{env} | yrd open prometheus{env} | yrd kubectl{env} <province> get pods -A | yrd logs <site>{env}"
