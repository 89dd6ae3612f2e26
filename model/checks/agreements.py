"""Agreements: between two, for a time, with a purpose, never above the consumer's clearance."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from model.base import Validity
from model.codes import Words
from model.document import Document, Loc
from model.draft import Draft, by_name, pairs
from model.faults import Fault
from model.types import Agreement, Dataset


def parties(draft: Draft) -> Iterator[Fault]:
    """E132."""
    for entry in draft.agreements:
        if entry.item.provider.province == entry.item.consumer.province:
            yield entry.document.fault(
                "E132",
                ("consumer", "province"),
                Words("提供方与消费方是同一个省", "provider and consumer are the same province"),
                Words("省内共享不需要协议；改正其中一方", "inside a province no agreement is needed; correct one side"),
            )


def validity(draft: Draft) -> Iterator[Fault]:
    """E133. What has ended is a notice: it opens nothing, and it must not keep `up` from closing the flow."""
    for entry in draft.agreements:
        valid = entry.item.valid
        if valid.until <= valid.since:
            yield entry.document.fault(
                "E133",
                ("valid", "until"),
                Words(
                    f"结束时间不晚于开始时间 {stamp(valid.since)}", f"ends before it begins, at {stamp(valid.since)}"
                ),
                Words("把 until 改到 since 之后", "put `until` after `since`"),
            )
        else:
            yield from _elapsed(entry.document, ("valid", "until"), valid, draft.now)


def _elapsed(document: Document, loc: Loc, valid: Validity, now: datetime) -> Iterator[Fault]:
    if valid.until <= now:
        yield ended(document, loc, valid.until, now)
    elif valid.since > now:
        days = (valid.since - now).days
        yield document.fault(
            "E133",
            ("valid", "since"),
            Words(f"{stamp(valid.since)} 生效，还有 {days} 天", f"begins {stamp(valid.since)}, in {days} days"),
            Words("届时再次运行 yrd up", "run `yrd up` again then"),
            severity="notice",
        )


def ended(document: Document, loc: Loc, until: datetime, now: datetime) -> Fault:
    """The notice that something is over."""
    days = (now - until).days
    return document.fault(
        "E133",
        loc,
        Words(f"已于 {stamp(until)} 结束，{days} 天前；不再生效", f"ended {stamp(until)}, {days} days ago; no effect"),
        Words("续签并更新 until，或删除", "renew it and move `until`, or remove it"),
        severity="notice",
    )


def stamp(moment: datetime) -> str:
    """`2026-10-31T16:00+08:00`: to the minute, in the zone that it was written in."""
    return moment.isoformat(timespec="minutes")


def same_flow(draft: Draft) -> Iterator[Fault]:
    """E102: two agreements that open one operation at the same time; which one's fields would hold?"""
    for one, other in pairs(draft.agreements):
        first, later = one.item, other.item
        common = sorted(set(first.operations) & set(later.operations))
        if common and _key(first) == _key(later) and _meet(first.valid, later.valid):
            yield other.document.fault(
                "E102",
                ("operations",),
                Words(
                    f"{first.name}（{one.document.path}）已开放 {', '.join(common)}，有效期相交",
                    f"`{first.name}` ({one.document.path}) opens {', '.join(common)} in an overlapping period",
                ),
                Words("合并为一份，或错开有效期", "merge the two, or let one begin when the other ends"),
                value=", ".join(common),
            )


def _key(agreement: Agreement) -> tuple[str, str, str]:
    return agreement.provider.province, agreement.consumer.province, agreement.dataset


def _meet(one: Validity, other: Validity) -> bool:
    return one.since < other.until and other.since < one.until


def fields(draft: Draft) -> Iterator[Fault]:
    """E136 for wildcards, E137 for a returned field above the clearance of the consumer's organ."""
    datasets = by_name(draft.datasets)
    clearances = {e.item.name: e.item.clearance for e in draft.organs}
    for entry in draft.agreements:
        for index, name in enumerate(entry.item.fields):
            if "*" in name:
                yield entry.document.fault("E136", ("fields", index), *_WILDCARD)
        dataset = datasets.get(entry.item.dataset)
        clearance = clearances.get(entry.item.consumer.organ)
        if dataset and clearance is not None:
            yield from _levels(entry.document, entry.item, dataset, clearance)


_WILDCARD = (
    Words("数据集新增字段时会被悄悄放行", "a field that the dataset gains would be let through silently"),
    Words("逐个列出字段", "list the fields one by one"),
)


def _levels(document: Document, agreement: Agreement, dataset: Dataset, clearance: int) -> Iterator[Fault]:
    levels = {f.name: f.level for f in dataset.fields}
    for index, name in enumerate(agreement.fields):
        if levels.get(name, 0) > clearance:
            yield document.fault(
                "E137",
                ("fields", index),
                Words(
                    f"{name} 为 {levels[name]} 级，高于 {agreement.consumer.organ} 的许可 {clearance} 级",
                    f"`{name}` level {levels[name]} > clearance {clearance} of {agreement.consumer.organ}",
                ),
                Words("删去该字段，或换许可更高的机构", "leave the field out, or name an organ with that clearance"),
            )


def lawfulness(draft: Draft) -> Iterator[Fault]:
    """E135 and E138: `none` is not shared; personal data and conditional sharing need a purpose and a legal basis."""
    datasets = by_name(draft.datasets)
    for entry in draft.agreements:
        dataset = datasets.get(entry.item.dataset)
        if dataset and dataset.sharing == "none":
            yield entry.document.fault("E135", ("dataset",), *_NOT_SHARED)
        reason = _reason(entry.item, dataset) if dataset else None
        for name in ("purpose", "legal_basis") if reason else ():
            if reason and getattr(entry.item, name) is None:
                yield entry.document.fault(
                    "E138",
                    (),
                    Words(f"{reason.zh}必须写明 {name}", f"{name} required for {reason.en}"),
                    Words(f"加上 {name}: {{zh: ..., en: ...}}", f"add `{name}: {{zh: ..., en: ...}}`"),
                    value=name,
                )


_NOT_SHARED = (
    Words("其 sharing 为 none", "its `sharing` is `none`"),
    Words(
        "删除协议，或由数据集主管机构改变 sharing", "remove the agreement, or let the dataset's owner change `sharing`"
    ),
)


def _reason(agreement: Agreement, dataset: Dataset) -> Words | None:
    personal = {f.name for f in dataset.fields if f.personal}
    chosen = [o for o in dataset.operations if o.name in agreement.operations]
    if any(personal & {*o.request, *o.answer} for o in chosen):
        return Words("涉及个人信息，", "personal data")
    return Words("有条件共享，", "conditional sharing") if dataset.sharing == "conditional" else None
