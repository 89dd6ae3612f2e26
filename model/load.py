"""`region/` to World: read once, judge everything, and either all of it holds or every fault of it is told."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from model.checks import CHECKS, secrets, text
from model.document import Document
from model.draft import Draft, draft
from model.faults import Fault, InvalidRegionError, in_order
from model.files import File, find_root, look, region_folder
from model.parse import parse
from model.read import Entry, read
from model.types import Model, World

__all__ = ["Examined", "examine", "find_root", "load", "region_folder"]


@dataclass(frozen=True)
class Examined:
    """`world` is None as soon as one fault is an error."""

    world: World | None
    faults: tuple[Fault, ...]

    @property
    def errors(self) -> tuple[Fault, ...]:
        return tuple(f for f in self.faults if f.severity == "error")

    @property
    def notices(self) -> tuple[Fault, ...]:
        return tuple(f for f in self.faults if f.severity == "notice")


@dataclass(frozen=True)
class _Opened:
    """One file after all that can be said about it alone; `secrets` is what no message may contain."""

    document: Document
    entry: Entry[Model] | None
    faults: tuple[Fault, ...]
    secrets: frozenset[str]


def load(root: Path, now: datetime) -> World:
    """The region in the checkout `root`, or in the folder that YRD_REGION names.

    Raises InvalidRegionError with every fault at once, UnreachableError for a file that may not be read.
    """
    found = examine(root, now)
    if found.world is None:
        raise InvalidRegionError(found.faults)
    return found.world


def examine(root: Path, now: datetime) -> Examined:
    """As `load`, without raising: also tells what has ended or not begun (E133 as a notice)."""
    files, faults = look(root)
    opened = [_open(file) for file in files]
    found = [*faults, *(fault for one in opened for fault in one.faults)]
    everything = draft(now, tuple(o.document for o in opened), [o.entry for o in opened if o.entry])
    found += [fault for check in CHECKS for fault in check(everything)]
    hidden = frozenset[str]().union(*(one.secrets for one in opened))
    told = in_order([fault.without(hidden) if hidden else fault for fault in found])
    return Examined(None if any(f.severity == "error" for f in told) else _world(everything), told)


def _open(file: File) -> _Opened:
    nothing = Document(file.kind, file.path, file.stem)
    large = tuple(text.too_large(file.path, file.raw))
    decoded, garbled = ("", ()) if large else text.decode(file.path, file.raw)
    if large or garbled:
        return _Opened(nothing, None, (*large, *garbled), frozenset())
    forbidden = tuple(text.invisible(file.path, decoded))
    known, known_values = secrets.in_text(file.path, decoded)
    document, faults = parse(file.kind, file.path, file.stem, decoded)
    told, told_values = secrets.in_scalars(file.path, document.scalars)
    faults += (*forbidden, *text.full_width(file.path, document.scalars), *known, *told)
    if not document.value:
        return _Opened(document, None, _never_silent(file, faults), known_values | told_values)
    item, wrong = read(document)
    entry = Entry(document, item) if item else None
    return _Opened(document, entry, (*faults, *wrong), known_values | told_values)


def _never_silent(file: File, faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """A file without content has a fault, whatever the reason."""
    return faults or tuple(read(Document(file.kind, file.path, file.stem))[1])


def _world(everything: Draft) -> World | None:
    """Provinces in the order of the region's members, all else by file name."""
    if everything.region is None:
        return None
    order = everything.region.item.members
    return World(
        region=everything.region.item,
        provinces=tuple(sorted((e.item for e in everything.provinces), key=lambda p: order.index(p.name))),
        environments=tuple(e.item for e in everything.environments),
        organs=tuple(e.item for e in everything.organs),
        datasets=tuple(e.item for e in everything.datasets),
        agreements=tuple(e.item for e in everything.agreements),
        services=tuple(e.item for e in everything.services),
        realms=tuple(e.item for e in everything.realms),
        administrators=tuple(e.item for e in everything.administrators),
        people=tuple(e.item for e in everything.people),
        legal_persons=tuple(e.item for e in everything.legal_persons),
    )
