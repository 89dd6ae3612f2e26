"""What all dynamic providers share: look (`read`), decide (`diff`, pure), do (`create`, `update`).

A resource's inputs are plain data without secrets (D15). Its outputs are the inputs and `live`: what the last run left.
`drift` in the outputs says how the look differs from what the last run left; any entry makes the next update run (D14).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from pulumi.dynamic import CreateResult, DiffResult, ReadResult, ResourceProvider, UpdateResult

from clients import journal
from model.derive import Plan, Site, derive
from model.errors import YrdError
from model.load import find_root, load

Props = dict[str, Any]
_OUTPUTS = {"live", "drift", "__provider"}


def plan_of(props: Props) -> Plan:
    """The plan of the environment that a resource belongs to, as of now."""
    now = datetime.now(UTC)
    return derive(load(find_root(), now), str(props["environment"]), now)


def site_of(plan: Plan, name: str) -> Site:
    return {s.name: s for s in plan.sites}[name]


class Provider(ResourceProvider):
    """Subclasses give `identify`, `look` and `do`; `replaces` lists inputs whose change needs a new thing."""

    serialize_as_secret_always = False
    replaces: ClassVar[tuple[str, ...]] = ()

    def identify(self, props: Props) -> str:
        raise NotImplementedError

    def look(self, props: Props) -> tuple[Any, list[str]]:
        """(left, drift): what the last run left, unaltered, and how what is there differs from it. Reads only."""
        raise NotImplementedError

    def do(self, props: Props, old: Props | None) -> Any:
        """Make it so; must be safe to repeat after a kill. Returns `live` as a look would find it now."""
        raise NotImplementedError

    def create(self, props: Props) -> CreateResult:
        props = integers(props)
        return CreateResult(self.identify(props), self._run(props, None))

    def update(self, _id: str, olds: Props, news: Props) -> UpdateResult:
        return UpdateResult(self._run(integers(news), integers(olds)))

    def _run(self, props: Props, old: Props | None) -> Props:
        name = self.identify(props)
        journal.note("start", resource=name)
        live = self.do(props, old)
        journal.note("done", resource=name)
        return {**_inputs(props), "live": live, "drift": []}

    def read(self, id_: str, props: Props) -> ReadResult:
        props = integers(props)
        try:
            live, drift = self.look(props)
        except YrdError as error:
            # What cannot be looked at is not equal: the update looks again, once what lies beneath it runs.
            live, drift = props.get("live"), [f"cannot look: {error.code} {error.en}"]
        for line in drift:
            journal.note("drift", resource=id_, what=line)
        return ReadResult(id_, {**_inputs(props), "live": live, "drift": drift})

    def diff(self, _id: str, olds: Props, news: Props) -> DiffResult:
        before, after = _inputs(integers(olds)), _inputs(integers(news))
        changed = sorted(k for k in before.keys() | after.keys() if before.get(k) != after.get(k))
        replaces = [k for k in changed if k in self.replaces]
        return DiffResult(changes=bool(changed or olds.get("drift")), replaces=replaces, delete_before_replace=True)


def integers(value: Any) -> Any:
    """The engine's numbers are all floating point (protobuf's Struct); a port is 22 and not 22.0."""
    if isinstance(value, dict):
        return {k: integers(v) for k, v in value.items()}
    if isinstance(value, list):
        return [integers(v) for v in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _inputs(props: Props) -> Props:
    return {k: v for k, v in props.items() if k not in _OUTPUTS}
