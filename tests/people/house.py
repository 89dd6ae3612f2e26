"""A real identity centre and the real page beside it, on loopback, over TLS: as deployed, without a cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import requests

from clients import ports, wait
from model import realms
from model.derive import Plan
from model.identity import AFFAIRS, BROKER, pages
from services.affairs import keys
from stacks import identity_apply
from stacks.charts import affairs
from stacks.identity_keys import signer
from tests.identity.server import ROOT, Server

OFFERS = "shanghai"


@dataclass
class House:
    """Who is at home: the server with five realms, and the page."""

    server: Server
    plan: Plan
    folder: Path
    url: str
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def settings(self) -> dict[str, Any]:
        service = self.plan.province(OFFERS).offers[0]
        return {**affairs.settings(self.plan, service, str(self.folder)), "ca": str(self.server.ca)}

    def start(self, *, prefix: tuple[str, ...] = (), **other: object) -> None:
        """The page as its container starts it; `prefix` is a command that runs it, `other` replaces settings."""
        (self.folder / "affairs.json").write_text(json.dumps({**self.settings, **other}))
        address, _, port = self.url.removeprefix("https://").partition(":")
        pair = {
            "AFFAIRS_CERTIFICATE": str(self.server.ca),
            "AFFAIRS_KEY": str(self.server.folder / "server.key"),
        }
        env = {**os.environ, "AFFAIRS_LISTEN": address, "AFFAIRS_PORT": port, **pair}
        command = [*prefix, sys.executable, "-m", "services.affairs", "serve", str(self.folder / "affairs.json")]
        with (self.folder / "journal").open("ab") as out:
            self.process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=out, start_new_session=True)
        wait.until("the page", self._up, seconds=60, every=0.2)

    def _up(self) -> bool:
        assert self.process and self.process.poll() is None, self.journal
        try:
            return requests.get(f"{self.url}/healthz", verify=str(self.server.ca), timeout=2).ok
        except OSError:
            return False

    def stop(self) -> None:
        if self.process:
            # faketime stays the parent of what it runs: both end.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None

    @property
    def journal(self) -> str:
        return (self.folder / "journal").read_text()

    def secret(self, person: str) -> Mapping[str, str]:
        return self.server.secrets[person]

    @contextmanager
    def changed(self, path: str, **values: object) -> Iterator[None]:
        """Something of the identity centre is otherwise for a while."""
        admin = self.server.deployer()
        before = admin.get(path)
        admin.put(path, {**before, **values})
        try:
            yield
        finally:
            admin.put(path, before)


def beside(server: Server, folder: Path) -> House:
    """The page and its client, at an address of its own; it is not started yet."""
    plan = _here(server.plan, ports.free())
    (page,) = pages(plan)
    key = folder / "client.pem"
    signer(key, AFFAIRS, BROKER)
    known = {**server.keys(), (BROKER, AFFAIRS): json.dumps(keys.published(key))}
    identity_apply.establish(server.deployer(), realms.realm_spec(plan, BROKER, known))
    return House(server, plan, folder, page.url)


def _here(plan: Plan, port: int) -> Plan:
    """The same region, with the page's province on loopback."""
    ports = plan.world.region.ports.model_copy(update={"public": port})
    region = plan.world.region.model_copy(update={"ports": ports})
    provinces = tuple(
        replace(p, machines=tuple(replace(m, address=IPv4Address("127.0.0.1")) for m in p.machines))
        if p.name == OFFERS
        else p
        for p in plan.provinces
    )
    return replace(plan, world=plan.world.model_copy(update={"region": region}), provinces=provinces)
