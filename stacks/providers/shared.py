"""What sites exchange, all of it public: roots of partners on machines, images in the hub's registry."""

from __future__ import annotations

import hashlib
import os
import shlex
from typing import Any

from clients import journal, ssh, state, wait
from model import names
from model.derive import Plan
from stacks.providers.base import Props, Provider, plan_of
from stacks.providers.machine import target
from toolchain import images

#: Seconds that a unit waits for what another unit of the same run is about to publish.
PATIENCE = 600.0


def in_this_run(site: str) -> bool:
    """Whether the site's own stack is being worked on beside us; only then is it worth waiting for."""
    return site in os.environ.get("YRD_UNITS", "").split(",")


def root_of(plan: Plan, site: str) -> str:
    """A site's published root; waits for it only when that site is in this run, and is empty when it never published."""
    path = state.root_certificate(plan.environment.name, site)
    if not path.exists() and in_this_run(site):
        wait.until(f"{site} to publish its root", path.exists, seconds=PATIENCE, fix=f"yrd up --province {site}")
    return path.read_text() if path.exists() else ""


class TrustProvider(Provider):
    """Inputs: environment, site, machine, `files` = {path on the machine: site whose root belongs there}."""

    def identify(self, props: Props) -> str:
        return f"{names.machine(str(props['environment']), str(props['machine']))}:trust"

    def look(self, props: Props) -> tuple[Any, list[str]]:
        plan, site, machine = target(props)
        link = ssh.connect(plan.environment.name, site, machine)
        said = link.run("sha256sum " + " ".join(map(shlex.quote, props["files"])) + " 2>/dev/null; true")
        live = {line.split()[1]: line.split()[0] for line in said.splitlines()}
        drift = []
        for path, owner in props["files"].items():
            wanted = state.root_certificate(plan.environment.name, str(owner))
            if wanted.exists() and live.get(path) != hashlib.sha256(wanted.read_bytes()).hexdigest():
                drift.append(f"{path} is not {owner}'s root")
        return {}, drift

    def do(self, props: Props, old: Props | None) -> Any:  # noqa: ARG002
        plan, site, machine = target(props)
        link = ssh.connect(plan.environment.name, site, machine)
        for path, owner in props["files"].items():
            text = root_of(plan, str(owner))
            if text:
                link.write(path, text)
            else:
                journal.note("pending", site=site.name, what=f"{owner} has not published its root yet")
        return {}


class ImagesProvider(Provider):
    """Images in the hub's registry. Inputs: environment, `images` = {name: digest}."""

    def identify(self, props: Props) -> str:
        return f"{names.prefix(str(props['environment']))}:images"

    def look(self, props: Props) -> tuple[Any, list[str]]:
        plan = plan_of(props)
        refs = images.references()
        missing = refs.keys() - images.pushed(
            refs, registry(plan), state.root_certificate(plan.environment.name, plan.hub.name)
        )
        return {}, [f"image {name} is not in the registry" for name in sorted(missing)]

    def do(self, props: Props, old: Props | None) -> Any:  # noqa: ARG002
        plan = plan_of(props)
        ca = state.root_certificate(plan.environment.name, plan.hub.name)
        refs = images.references()
        there = images.pushed(refs, registry(plan), ca)
        # The order in which nodes will ask for them.
        for name in sorted(refs.keys() - there, key=list(refs).index):
            journal.note("task", site=plan.hub.name, task=f"push {name}")
            images.push(refs[name], registry(plan), ca)
        return {}


class ImagesReadyProvider(Provider):
    """In a province: wait until the hub serves the images that its nodes are going to pull."""

    def identify(self, props: Props) -> str:
        return f"{props['environment']}.{props['site']}:images-ready"

    def look(self, props: Props) -> tuple[Any, list[str]]:  # noqa: ARG002
        return {}, []

    def do(self, props: Props, old: Props | None) -> Any:  # noqa: ARG002
        plan = plan_of(props)
        refs = {n: r for n, r in images.references().items() if n in props["images"]}
        ca = state.root_certificate(plan.environment.name, plan.hub.name)
        root_of(plan, plan.hub.name)
        wait.until(
            "the hub's registry to serve the images",
            lambda: images.pushed(refs, registry(plan), ca) == set(refs),
            seconds=PATIENCE,
            every=1.0,
            fix="yrd up --province region",
        )
        return {}


def registry(plan: Plan) -> str:
    return f"{plan.hub.head.address}:{plan.world.region.ports.registry}"
