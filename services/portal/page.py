"""From metrics to what is shown. Pure. Nothing is called good that was not heard to be good just now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import cos, pi, sin
from typing import Any

from services.portal.source import Snapshot

DAY = 86400.0
MIB = 1 << 20
#: The drawing's size and the places around its middle.
WIDTH, HEIGHT, RADIUS_X, RADIUS_Y, BOX = 640, 330, 235, 115, (150, 56)

GOOD, BAD, UNKNOWN = "good", "bad", "unknown"


@dataclass(frozen=True)
class Fact:
    """One line of a card: `state` is told by word, sign and colour; `text` is a number or a word's key."""

    key: str
    state: str
    text: str


@dataclass(frozen=True)
class Card:
    """One province. `since` is when it was last heard, empty while it is heard."""

    name: str
    titles: Mapping[str, str]
    state: str
    since: str
    facts: tuple[Fact, ...]
    audit: tuple[Fact, ...]
    audited: str


@dataclass(frozen=True)
class Arrow:
    """One agreement, drawn from the consumer to the provider."""

    agreement: str
    dataset: str
    consumer: str
    provider: str
    state: str
    line: tuple[float, float, float, float]


@dataclass(frozen=True)
class Place:
    """Where a province stands in the drawing."""

    card: Card
    x: float
    y: float


@dataclass(frozen=True)
class Page:
    """Everything that the template shows."""

    at: str
    fault: str
    cards: tuple[Card, ...]
    places: tuple[Place, ...]
    arrows: tuple[Arrow, ...]


class Values:
    """Samples of one province, by name."""

    def __init__(self, snapshot: Snapshot, province: str) -> None:
        self.rows = [s for s in snapshot.samples if s.labels.get("province") == province]

    def all(self, name: str, **labels: str) -> list[float]:
        wanted = labels.items()
        return [s.value for s in self.rows if s.name == name and wanted <= s.labels.items()]

    def one(self, name: str, **labels: str) -> float | None:
        found = self.all(name, **labels)
        return found[0] if found else None


def page(settings: Mapping[str, Any], snapshot: Snapshot, now: datetime) -> Page:
    """`settings` lists provinces ({name, zh, en}) and agreements, so that what is silent is missed."""
    cards = tuple(_card(row, snapshot, now) for row in settings["provinces"])
    places = tuple(_places(cards))
    return Page(stamp(now.timestamp()), snapshot.fault, cards, places, tuple(_arrows(settings, snapshot, places)))


def stamp(seconds: float) -> str:
    """Unix time as people read it, always with its zone."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _card(row: Mapping[str, str], snapshot: Snapshot, now: datetime) -> Card:
    values = Values(snapshot, row["name"])
    heard = values.one("up") == 1.0
    facts = tuple(_facts(values, now)) if heard else ()
    states = {fact.state for fact in facts}
    state = UNKNOWN if not facts or UNKNOWN in states - {BAD} else GOOD
    state = BAD if BAD in states else state
    last = (snapshot.heard or {}).get(row["name"])
    since = "" if heard else stamp(last) if last else "-"
    at = values.one("yrd_audit_timestamp_seconds")
    audited = stamp(at) if at else ""
    return Card(row["name"], row, state, since, facts, tuple(_audit(values)) if at else (), audited)


def _facts(values: Values, now: datetime) -> Iterator[Fact]:
    nodes = values.all("yrd_node_ready")
    yield Fact("nodes", _judge(nodes), f"{sum(nodes):.0f}/{len(nodes)}" if nodes else "")
    up, sealed = values.one("yrd_openbao_up"), values.one("yrd_openbao_sealed")
    word = "" if up is None else "down" if not up else "unknown" if sealed is None else "sealed" if sealed else "open"
    yield Fact("secrets", {"open": GOOD, "": UNKNOWN, "unknown": UNKNOWN}.get(word, BAD), word)
    mesh = values.one("yrd_mesh_ready")
    yield Fact("mesh", _judge([] if mesh is None else [mesh]), "" if mesh is None else "ready" if mesh else "down")
    ready, desired = values.all("yrd_workloads_ready"), values.all("yrd_workloads_desired")
    whole = [float(sum(ready) >= sum(desired))] if desired else []
    yield Fact("pods", _judge(whole), f"{sum(ready):.0f}/{sum(desired):.0f}" if desired else "")
    ends = values.all("yrd_certificate_not_after_timestamp_seconds")
    days = (min(ends) - now.timestamp()) / DAY if ends else 0.0
    yield Fact("certificates", _judge([float(days > 0)] if ends else []), f"{days:.0f}" if ends else "")
    memory = values.one("yrd_machine_memory_working_set_bytes")
    yield Fact("memory", UNKNOWN if memory is None else GOOD, "" if memory is None else f"{memory / MIB:.0f}")


def _judge(numbers: Sequence[float]) -> str:
    """Good only if there is something and all of it is true."""
    return UNKNOWN if not numbers else GOOD if all(numbers) else BAD


def _audit(values: Values) -> Iterator[Fact]:
    for verdict in ("pass", "fail", "error", "manual", "not_applicable"):
        count = values.one("yrd_audit_results", verdict=verdict)
        bad = verdict in {"fail", "error"} and bool(count)
        yield Fact(verdict, UNKNOWN if count is None else BAD if bad else GOOD, "" if count is None else f"{count:.0f}")


def _places(cards: Sequence[Card]) -> Iterator[Place]:
    """Around an ellipse, beginning at the upper left."""
    for number, card in enumerate(cards):
        angle = 2 * pi * number / len(cards) - 3 * pi / 4
        yield Place(card, round(WIDTH / 2 + RADIUS_X * cos(angle), 1), round(HEIGHT / 2 + RADIUS_Y * sin(angle), 1))


def _arrows(settings: Mapping[str, Any], snapshot: Snapshot, places: Sequence[Place]) -> Iterator[Arrow]:
    where = {place.card.name: place for place in places}
    for row in settings["agreements"]:
        values = Values(snapshot, row["provider"])
        force = values.one("yrd_agreement_in_force", agreement=row["agreement"])
        live = values.one("yrd_agreement_enforced", agreement=row["agreement"])
        state = UNKNOWN if values.one("up") != 1.0 or force is None or live is None else GOOD if force and live else BAD
        line = edge(where[row["consumer"]], where[row["provider"]])
        yield Arrow(row["agreement"], row["dataset"], row["consumer"], row["provider"], state, line)


def edge(start: Place, end: Place) -> tuple[float, float, float, float]:
    """The line between two boxes, from border to border."""
    across, down = end.x - start.x, end.y - start.y
    # Along the line, how far the border of a box lies from its middle.
    part = min(
        (BOX[0] / 2 + 8) / abs(across) if across else float("inf"),
        (BOX[1] / 2 + 8) / abs(down) if down else float("inf"),
    )
    return (
        round(start.x + across * part, 1), round(start.y + down * part, 1),
        round(end.x - across * part, 1), round(end.y - down * part, 1),
    )  # fmt: skip
