"""Settings and baskets: the region keeps the standards' floor (E163), provinces keep the region's (E140)."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from model.checks.agreements import ended
from model.codes import Words
from model.document import Document, Loc
from model.draft import Draft, repeats
from model.faults import Fault
from model.limits import LIMITS, Limit
from model.types import Setting


def known(draft: Draft) -> Iterator[Fault]:
    """E113 for a setting that our code reads and nobody declares, E110 for one that nothing would act on."""
    if not draft.region:
        return
    document, settings = draft.region.document, draft.region.item.settings
    named = {s.name for s in settings}
    for missing in (name for name in LIMITS if name not in named):
        yield document.fault(
            "E113",
            ("settings",),
            Words("有代码依据该设置项行事", "our code acts on that setting"),
            Words(f"在 settings 中加上 {missing}", f"add {missing} to `settings`"),
            value=missing,
        )
    for index, setting in enumerate(settings):
        if setting.name not in LIMITS:
            yield _ineffective(document, ("settings", index, "name"), setting.name)
    for first, later, name in repeats((i, s.name) for i, s in enumerate(settings)):
        line = document.mark(("settings", first)).line
        yield document.fault("E102", ("settings", later, "name"), *_already(line, name))


def _already(line: int, name: str) -> tuple[Words, Words]:
    return (
        Words(f"第 {line} 行已有 {name}", f"`{name}` is there at line {line} already"),
        Words("只保留一处", "keep one of them"),
    )


def _ineffective(document: Document, loc: Loc, name: str) -> Fault:
    near = difflib.get_close_matches(name, LIMITS, 1)
    listed = ", ".join(LIMITS)
    return document.fault(
        "E110",
        loc,
        Words(f"没有代码读取它；有效的设置项：{listed}", f"nothing acts on it; settings with an effect: {listed}"),
        Words(f"是不是“{near[0]}”？", f"did you mean `{near[0]}`?")
        if near
        else Words("删除，或在 model/limits.py 中实现", "remove it, or give it an effect and a row in model/limits.py"),
    )


def floors(draft: Draft) -> Iterator[Fault]:
    """E163 for a floor below the standards', E109 for a unit or a direction that is not the setting's own."""
    settings = draft.region.item.settings if draft.region else ()
    for index, setting in enumerate(settings):
        limit = LIMITS.get(setting.name)
        if draft.region and limit:
            yield from _floor(draft.region.document, ("settings", index), setting, limit)


def _floor(document: Document, loc: Loc, setting: Setting, limit: Limit) -> Iterator[Fault]:
    for name in ("unit", "tighter"):
        right = getattr(limit, name)
        if getattr(setting, name) != right:
            yield document.fault(
                "E109",
                (*loc, name),
                Words(f"{setting.name} 的 {name} 是 {right}", f"`{name}` of {setting.name} is `{right}`"),
                Words(f"写 {name}: {right}", f"write `{name}: {right}`"),
            )
    if limit.looser(setting.value, limit.loosest):
        sign = ">" if limit.tighter == "lower" else "<"
        yield document.fault(
            "E163",
            (*loc, "value"),
            Words(
                f"{setting.name} {setting.value} {sign} {limit.loosest} {limit.unit}（{limit.source}）",
                f"{setting.name} {setting.value} {sign} {limit.loosest} {limit.unit} ({limit.source})",
            ),
            Words(f"写 {limit.loosest} 或更严", f"write {limit.loosest} or tighter"),
        )
    yield from _too_strict(document, (*loc, "value"), setting.value, limit)


def _too_strict(document: Document, loc: Loc, value: int, limit: Limit) -> Iterator[Fault]:
    if limit.looser(limit.strictest, value):
        yield document.fault(
            "E109",
            loc,
            Words(
                f"比 {limit.strictest} {limit.unit} 更严便无法运行",
                f"nothing runs beyond {limit.strictest} {limit.unit}",
            ),
            Words(f"写 {limit.strictest} 或更宽", f"write {limit.strictest} or looser"),
        )


def baskets(draft: Draft) -> Iterator[Fault]:
    """E140: a province may tighten, never loosen. What has ended is a notice; the floor applies again."""
    floors_by_name = {s.name: s for s in draft.region.item.settings} if draft.region else {}
    for document, loc, basket in draft.baskets():
        floor, limit = floors_by_name.get(basket.setting), LIMITS.get(basket.setting)
        if floor and limit and limit.looser(basket.value, floor.value):
            yield _loosened(document, (*loc, "value"), basket.value, floor)
        if limit:
            yield from _too_strict(document, (*loc, "value"), basket.value, limit)
        if basket.until <= draft.now:
            yield ended(document, (*loc, "until"), basket.until, draft.now)


def _loosened(document: Document, loc: Loc, value: int, floor: Setting) -> Fault:
    bound = Words("不大于", "at most") if floor.tighter == "lower" else Words("不小于", "at least")
    return document.fault(
        "E140",
        loc,
        Words(
            f"{floor.name} 的区域底线为 {floor.value} {floor.unit}，{value} 更宽松",
            f"the region's floor of {floor.name} is {floor.value} {floor.unit}; {value} is looser",
        ),
        Words(
            f"写{bound.zh} {floor.value} 的值，或由区域修改底线",
            f"write {bound.en} {floor.value}; only the region moves it",
        ),
    )


def repeated(draft: Draft) -> Iterator[Fault]:
    """E102: one setting twice in a province's basket."""
    for entry in draft.provinces:
        for first, later, name in repeats((i, b.setting) for i, b in enumerate(entry.item.basket)):
            line = entry.document.mark(("basket", first)).line
            yield entry.document.fault("E102", ("basket", later, "setting"), *_already(line, name))
