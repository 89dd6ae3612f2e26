"""E102 inside datasets and services: a field, an operation, a call or an item that is there twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from model.codes import Words
from model.document import Document, Loc
from model.draft import Draft, repeats
from model.faults import Fault


def fields(draft: Draft) -> Iterator[Fault]:
    for entry in draft.datasets:
        names = ((("fields", i, "name"), f.name) for i, f in enumerate(entry.item.fields))
        yield from _twice(entry.document, names)


def operations(draft: Draft) -> Iterator[Fault]:
    for entry in draft.datasets:
        names = ((("operations", i, "name"), o.name) for i, o in enumerate(entry.item.operations))
        yield from _twice(entry.document, names)


def items(draft: Draft) -> Iterator[Fault]:
    for entry in draft.services:
        names = ((("items", i, "name"), item.name) for i, item in enumerate(entry.item.items))
        yield from _twice(entry.document, names)


def offers(draft: Draft) -> Iterator[Fault]:
    """A province's public gateway leads to one page."""
    provinces = (((e.document, ("province",)), e.item.province) for e in draft.services)
    for (first, at), (later, loc), province in repeats(provinces):
        yield _fault(later, loc, first.path, first.mark(at).line, province)


def calls(draft: Draft) -> Iterator[Fault]:
    """A province's gateway tells operations apart by method and path alone, across datasets."""
    for province in draft.provinces:
        served = (
            ((entry.document, ("operations", index, "path")), f"{operation.method} {operation.path}")
            for entry in draft.datasets
            if province.item.name in entry.item.providers
            for index, operation in enumerate(entry.item.operations)
        )
        for (first, at), (later, loc), call in repeats(served):
            yield _fault(later, loc, first.path, first.mark(at).line, call)


def _twice(document: Document, named: Iterable[tuple[Loc, str]]) -> Iterator[Fault]:
    for first, later, name in repeats(named):
        yield _fault(document, later, document.path, document.mark(first).line, name)


def _fault(document: Document, loc: Loc, path: str, line: int, name: str) -> Fault:
    return document.fault(
        "E102",
        loc,
        Words(f"{name} 已在 {path}:{line} 定义", f"`{name}` is defined at {path}:{line} already"),
        Words("改名或删去一处", "rename or remove one of them"),
        value=name,
    )
