"""`yrd drill restore`: the newest snapshot that a neighbour keeps, put into a server of its own and compared with the live one.

The officers' shares open it, as they would if no neighbour could: so the drill proves these as well. The live store is read
with a credential that is made for the drill and ends with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clients import openbao
from model import access
from model.derive import Plan, ProvincePlan
from model.errors import BadInputError
from model.secrets import SecretsSpec, secrets_spec
from stacks import secrets_custody, secrets_restore
from stacks.drills import contents, scratch
from stacks.providers.secrets import ca_file, custody_file, deployer_file


@dataclass(frozen=True)
class Report:
    """What a drill found; `seconds` by step."""

    province: str
    keeper: str
    taken: datetime
    age_seconds: float
    seconds: dict[str, float]
    compared: dict[str, int]
    differences: tuple[contents.Difference, ...]

    @property
    def passed(self) -> bool:
        return not [d for d in self.differences if not d.newer] and min(self.compared.values()) > 0

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "taken": self.taken.isoformat(), "passed": self.passed}


class Clock:
    """Seconds by step, and all of them."""

    def __init__(self) -> None:
        self._began = self._last = time.monotonic()
        self.steps: dict[str, float] = {}

    def done(self, step: str) -> None:
        now = time.monotonic()
        self.steps[step], self._last = round(now - self._last, 1), now
        self.steps["all"] = round(now - self._began, 1)


def run(plan: Plan, site: ProvincePlan, ask: Callable[[str], str] | None = None) -> Report:
    """Raises NoSnapshotError, SealedError where the officers' shares are missing, E325 where a device opens the store."""
    if plan.environment.seal.type != "shamir":
        raise DeviceError(site.name)
    clock, spec, ca = Clock(), secrets_spec(plan, site), ca_file(plan, site)
    found = secrets_restore.newest(plan, site)
    clock.done("fetched")
    with scratch.running() as server:
        secrets_restore.fill(server.url, server.ca, found.content, server.again)
        clock.done("restored")
        secrets_custody.unseal(server.url, server.ca, custody_file(plan, site), ask)
        openbao.ready(server.url, server.ca)
        clock.done("opened")
        kept = seen(server.url, server.ca, deployer_file(plan, site), spec)
        live = seen(site.openbao_url, ca, deployer_file(plan, site), spec)
        clock.done("compared")
    age = (datetime.now(UTC) - found.taken).total_seconds()
    differences = contents.compare(live, kept, found.taken)
    return Report(site.name, found.keeper, found.taken, round(age, 1), clock.steps, contents.counts(live), differences)


def seen(url: str, ca: Path, deployer: Path, spec: SecretsSpec) -> contents.Contents:
    """What a store holds, looked at with the drill's own policy."""
    with _credential(openbao.connect(url, ca, openbao.load(deployer)), spec) as credential:
        return contents.look(openbao.connect(url, ca, credential), spec)


@contextmanager
def _credential(deployer: openbao.OpenBao, spec: SecretsSpec) -> Iterator[openbao.AppRole]:
    """The drill's, for this drill."""
    made = secrets_custody.credentials(deployer, spec, access.DRILL)
    try:
        yield openbao.AppRole(made["role_id"], made["secret_id"])
    finally:
        secrets_custody.forget(deployer, spec, access.DRILL)


class DeviceError(BadInputError):
    """The snapshot opens where the HSM is."""

    def __init__(self, site: str) -> None:
        super().__init__(
            "E325",
            f"{site} 的密钥库由硬件设备解封，无法在此演练",
            f"the store of {site} is opened by a device, which is not here",
            "在连接该设备的备用机器上演练恢复",
            "drill on a spare machine that has the device",
        )
