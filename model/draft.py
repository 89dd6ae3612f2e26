"""All files together, some of them perhaps faulty: what the checks look at. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import combinations
from typing import TypeVar

from model.codes import Words
from model.document import Document, Loc
from model.faults import Fault
from model.people import Administrator, LegalPerson, Person, RealmSettings
from model.read import Entry
from model.types import (
    Agreement,
    BasketEntry,
    Dataset,
    Environment,
    Kind,
    Machine,
    Model,
    Organ,
    Province,
    Region,
    Service,
)

T = TypeVar("T")


@dataclass(frozen=True)
class Draft:
    """`documents` are all files, faulty ones empty; the rest is valid in itself, so that checks can rely on it."""

    now: datetime
    documents: tuple[Document, ...]
    region: Entry[Region] | None
    provinces: tuple[Entry[Province], ...]
    environments: tuple[Entry[Environment], ...]
    organs: tuple[Entry[Organ], ...]
    datasets: tuple[Entry[Dataset], ...]
    agreements: tuple[Entry[Agreement], ...]
    services: tuple[Entry[Service], ...]
    realms: tuple[Entry[RealmSettings], ...] = ()
    administrators: tuple[Entry[Administrator], ...] = ()
    people: tuple[Entry[Person], ...] = ()
    legal_persons: tuple[Entry[LegalPerson], ...] = ()

    def declared(self, kind: Kind) -> frozenset[str]:
        """Names of a kind, those of files with faults of their own included: one fault must not cause a second."""
        found = [d for d in self.documents if d.kind == kind]
        return frozenset(d.name for d in found) | frozenset(d.stem for d in found)

    def complete(self, *kinds: Kind) -> bool:
        """Whether every file of these kinds is valid in itself, so that what is missing is really missing."""
        valid = {
            Kind.REGION: 1 if self.region else 0,
            Kind.PROVINCE: len(self.provinces),
            Kind.ENVIRONMENT: len(self.environments),
            Kind.ORGAN: len(self.organs),
            Kind.DATASET: len(self.datasets),
            Kind.AGREEMENT: len(self.agreements),
            Kind.SERVICE: len(self.services),
            Kind.REALM: len(self.realms),
            Kind.ADMINISTRATOR: len(self.administrators),
            Kind.PERSON: len(self.people),
            Kind.LEGAL_PERSON: len(self.legal_persons),
        }
        return all(valid[kind] == sum(d.kind == kind for d in self.documents) for kind in kinds)

    def machines(self) -> Iterator[tuple[Document, Loc, Machine]]:
        """Every machine with its place, the hub's first."""
        if self.region:
            yield self.region.document, ("hub", "machine"), self.region.item.hub.machine
        for entry in self.provinces:
            for index, machine in enumerate(entry.item.machines):
                yield entry.document, ("machines", index), machine

    def baskets(self) -> Iterator[tuple[Document, Loc, BasketEntry]]:
        """Every declared local difference with its place."""
        for entry in self.provinces:
            for index, basket in enumerate(entry.item.basket):
                yield entry.document, ("basket", index), basket


def draft(now: datetime, documents: tuple[Document, ...], entries: Iterable[Entry[Model]]) -> Draft:
    """Sorts valid objects by their class; of two with one name the rightly placed one counts (E102 has the other)."""
    found = _unique(sorted(entries, key=lambda e: e.document.name != e.document.stem))

    def of(cls: type[T]) -> tuple[Entry[T], ...]:  # type: ignore[type-var]
        return tuple(e for e in found if isinstance(e.item, cls))  # type: ignore[misc]

    region = of(Region)
    return Draft(
        now,
        documents,
        region[0] if region else None,
        of(Province),
        of(Environment),
        of(Organ),
        of(Dataset),
        of(Agreement),
        of(Service),
        of(RealmSettings),
        of(Administrator),
        of(Person),
        of(LegalPerson),
    )


def _unique(entries: list[Entry[Model]]) -> list[Entry[Model]]:
    first: dict[tuple[Kind, str], Entry[Model]] = {}
    for entry in entries:
        first.setdefault((entry.document.kind, entry.document.name), entry)
    return sorted(first.values(), key=lambda e: e.document.path)


def unknown(document: Document, loc: Loc, what: Words, name: str, known: Iterable[str], key: bool = False) -> Fault:
    """E131: `name` is not among `known`; the nearest is proposed."""
    listed = sorted(known)
    near = difflib.get_close_matches(name, listed, 1, cutoff=0.5)
    shown = ", ".join(listed) or "-"
    return document.fault(
        "E131",
        loc,
        Words(f"没有名为“{name}”的{what.zh}；已有：{shown}", f"no {what.en} `{name}`; there is: {shown}"),
        Words(f"是不是“{near[0]}”？", f"did you mean `{near[0]}`?")
        if near
        else Words(f"先定义该{what.zh}，或改正引用", f"define that {what.en} first, or correct the reference"),
        value=name,
        key=key,
    )


def repeats(items: Iterable[tuple[T, str]]) -> Iterator[tuple[T, T, str]]:
    """(first, later, key) for each key that comes again."""
    first: dict[str, T] = {}
    for item, key in items:
        if key in first:
            yield first[key], item, key
        else:
            first[key] = item


def pairs(items: Iterable[T]) -> Iterator[tuple[T, T]]:
    """Every two of them, in order."""
    return combinations(tuple(items), 2)


def by_name(entries: Iterable[Entry[Dataset]]) -> Mapping[str, Dataset]:
    return {e.item.name: e.item for e in entries}
