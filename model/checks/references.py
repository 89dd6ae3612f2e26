"""E131: everything that a file refers to is there, and is what the reference takes it for."""

from __future__ import annotations

from collections.abc import Iterator

from model.codes import Words
from model.document import Document, Loc
from model.draft import Draft, unknown
from model.faults import Fault
from model.types import Agreement, Dataset, Kind, Party

PROVINCE, ORGAN, DATASET = Words("省", "province"), Words("机构", "organ"), Words("数据集", "dataset")
OPERATION, FIELD, SETTING = Words("操作", "operation"), Words("字段", "field"), Words("设置项", "setting")


def organs(draft: Draft) -> Iterator[Fault]:
    for entry in draft.organs:
        if entry.item.province not in draft.declared(Kind.PROVINCE):
            yield unknown(entry.document, ("province",), PROVINCE, entry.item.province, draft.declared(Kind.PROVINCE))


def datasets(draft: Draft) -> Iterator[Fault]:
    for entry in draft.datasets:
        document, dataset = entry.document, entry.item
        for index, province in enumerate(dataset.providers):
            if province not in draft.declared(Kind.PROVINCE):
                yield unknown(document, ("providers", index), PROVINCE, province, draft.declared(Kind.PROVINCE))
        fields = {f.name for f in dataset.fields}
        for number, operation in enumerate(dataset.operations):
            for side in ("request", "answer"):
                for index, name in enumerate(getattr(operation, side)):
                    if name not in fields:
                        yield unknown(document, ("operations", number, side, index), FIELD, name, fields)


def services(draft: Draft) -> Iterator[Fault]:
    for entry in draft.services:
        if entry.item.province not in draft.declared(Kind.PROVINCE):
            yield unknown(entry.document, ("province",), PROVINCE, entry.item.province, draft.declared(Kind.PROVINCE))


def baskets(draft: Draft) -> Iterator[Fault]:
    """An owner is an organ of that very province."""
    for document, loc, basket in draft.baskets():
        yield from _organ(draft, document, (*loc, "owner"), basket.owner, document.name)
        settings = {s.name for s in draft.region.item.settings} if draft.region else {basket.setting}
        if basket.setting not in settings:
            yield unknown(document, (*loc, "setting"), SETTING, basket.setting, settings)


def agreements(draft: Draft) -> Iterator[Fault]:
    known = {e.item.name: e.item for e in draft.datasets}
    for entry in draft.agreements:
        document, agreement = entry.document, entry.item
        yield from _party(draft, document, "provider", agreement.provider)
        yield from _party(draft, document, "consumer", agreement.consumer)
        if agreement.dataset not in draft.declared(Kind.DATASET):
            yield unknown(document, ("dataset",), DATASET, agreement.dataset, draft.declared(Kind.DATASET))
        elif agreement.dataset in known:
            yield from _offered(document, agreement, known[agreement.dataset])


def _party(draft: Draft, document: Document, side: str, party: Party) -> Iterator[Fault]:
    if party.province not in draft.declared(Kind.PROVINCE):
        yield unknown(document, (side, "province"), PROVINCE, party.province, draft.declared(Kind.PROVINCE))
    else:
        yield from _organ(draft, document, (side, "organ"), party.organ, party.province)


def _organ(draft: Draft, document: Document, loc: Loc, name: str, province: str) -> Iterator[Fault]:
    if name not in draft.declared(Kind.ORGAN):
        yield unknown(document, loc, ORGAN, name, draft.declared(Kind.ORGAN))
        return
    home = next((e.item.province for e in draft.organs if e.item.name == name), province)
    if home != province:
        own = ", ".join(sorted(e.item.name for e in draft.organs if e.item.province == province)) or "-"
        yield document.fault(
            "E131",
            loc,
            Words(f"{name} 属于 {home}，不属于 {province}", f"`{name}` belongs to {home}, not to {province}"),
            Words(f"{province} 的机构：{own}", f"organs of {province}: {own}"),
        )


def _offered(document: Document, agreement: Agreement, dataset: Dataset) -> Iterator[Fault]:
    """The provider serves the dataset, and the dataset offers what the agreement names."""
    if agreement.provider.province not in dataset.providers:
        yield unknown(
            document,
            ("provider", "province"),
            Words("该数据集的提供省", "provider of that dataset"),
            agreement.provider.province,
            dataset.providers,
        )
    offered = {operation.name: operation for operation in dataset.operations}
    for index, name in enumerate(agreement.operations):
        if name not in offered:
            yield unknown(document, ("operations", index), OPERATION, name, offered)
    chosen = [offered[name] for name in agreement.operations if name in offered]
    answers = {name for operation in chosen for name in operation.answer}
    # With a fault in the dataset's own lists nobody knows what is answered.
    sound = bool(chosen) and answers <= {f.name for f in dataset.fields}
    for index, name in enumerate(agreement.fields):
        if sound and "*" not in name and name not in answers:
            what = Words("可返回的字段", "field in the answers")
            yield unknown(document, ("fields", index), what, name, answers)
