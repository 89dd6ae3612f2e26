"""Names: members and files, identity, division codes, collisions, and whether derived names still fit."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import groupby

from model.codes import Words
from model.document import Document, Loc
from model.draft import Draft, repeats
from model.faults import Fault
from model.gbt2260 import PROVINCES, code_of
from model.types import FOLDERS, Kind


def members(draft: Draft) -> Iterator[Fault]:
    """E101: the region lists exactly the provinces that have a file; E102: each once."""
    if not draft.region:
        return
    document, listed = draft.region.document, draft.region.item.members
    shown = ", ".join(listed)
    for _, index, name in repeats((i, m) for i, m in enumerate(listed)):
        yield document.fault("E102", ("members", index), *_listed_twice(name))
    for index, name in enumerate(listed):
        if name not in draft.declared(Kind.PROVINCE):
            yield document.fault(
                "E101",
                ("members", index),
                Words(f"成员 {name} 没有文件", f"member `{name}` has no file"),
                Words(
                    f"新建 provinces/{name}.yaml，或从 members 删去",
                    f"write provinces/{name}.yaml or take it off the list",
                ),
            )
    for other in (d for d in draft.documents if d.kind == Kind.PROVINCE and d.name not in listed):
        yield other.fault(
            "E101",
            ("name",),
            Words(f"区域成员为 {shown}，不含 {other.name}", f"region lists {shown}; `{other.name}` is not a member"),
            Words(
                "把它加入 region.yaml 的 members，或删除此文件", "add it to `members` in region.yaml or remove its file"
            ),
            value=other.name,
        )


def _listed_twice(name: str) -> tuple[Words, Words]:
    return Words(f"{name} 已经列出", f"`{name}` is listed already"), Words("删去一处", "remove one of them")


def identities(draft: Draft) -> Iterator[Fault]:
    """E104: a file's name is its identity."""
    for document in draft.documents:
        if document.kind in FOLDERS and document.value and document.name != document.stem:
            yield document.fault(
                "E104",
                ("name",),
                Words(f"文件名是 {document.stem}.yaml", f"the file is called {document.stem}.yaml"),
                Words(
                    f"改文件名为 {document.name}.yaml，或改 name 为 {document.stem}",
                    f"rename the file to {document.name}.yaml, or write `name: {document.stem}`",
                ),
            )


def same_names(draft: Draft) -> Iterator[Fault]:
    """E102: one identity in two files; E106: two identities that people or machines would confuse."""
    ordered = sorted((d for d in draft.documents if d.value), key=lambda d: (d.kind, d.name != d.stem, d.path))
    for kind, group in groupby(ordered, key=lambda d: d.kind):
        documents = list(group)
        for first, later, name in repeats((d, d.name) for d in documents):
            yield later.fault("E102", ("name",), *_defined_in(first, ("name",), name), value=name)
        yield from _confusable(documents, ("name",))
        # Two people may well have one name.
        for language in ("zh", "en") if kind not in (Kind.PERSON, Kind.ADMINISTRATOR) else ():
            yield from _confusable(documents, ("title", language))


def _confusable(documents: list[Document], loc: Loc) -> Iterator[Fault]:
    """Equal after NFKC and case folding; what has the very same name is E102's business."""
    texts = [(d, text) for d in documents if isinstance(text := d.at(loc), str)]
    for first, later, folded in repeats((d, _fold(text)) for d, text in texts):
        if first.name == later.name:
            continue
        mark = first.mark(loc)
        yield later.fault(
            "E106",
            loc,
            Words(
                f"与 {first.path}:{mark.line} 的“{first.at(loc)}”规范化后都是“{folded}”",
                f"collides with `{first.at(loc)}` of {first.path}:{mark.line}; both become `{folded}`",
            ),
            Words("取一个不会混淆的名称", "choose one that cannot be confused with it"),
        )


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold().strip()


def _defined_in(first: Document, loc: Loc, name: str) -> tuple[Words, Words]:
    mark = first.mark(loc)
    return (
        Words(f"{name} 已在 {first.path}:{mark.line} 定义", f"`{name}` is defined at {first.path}:{mark.line} already"),
        Words("合并为一处，或改名", "merge the two, or rename one"),
    )


def machine_names(draft: Draft) -> Iterator[Fault]:
    """E102: a machine's name is unique in the region."""
    places = (((document, loc), machine.name) for document, loc, machine in draft.machines())
    for (first, at), (later, loc), name in repeats(places):
        yield later.fault("E102", (*loc, "name"), *_defined_in(first, (*at, "name"), name))


def division_codes(draft: Draft) -> Iterator[Fault]:
    """E103: the code is that of the province which the file is named after."""
    for entry in draft.provinces:
        name, code = entry.item.name, entry.item.code
        if name in PROVINCES.get(code, ()):
            continue
        right, owner = code_of(name), PROVINCES.get(code, ("",))[0]
        whose = Words(f"{code} 是 {owner}", f"{code} is {owner.capitalize()}")
        if not owner:
            whose = Words(f"GB/T 2260 没有 {code}", f"GB/T 2260 has no {code}")
        ours = Words(f"；{name} 是 {right}", f"; {name.capitalize()} is {right}") if right else Words("", "")
        yield entry.document.fault(
            "E103",
            ("code",),
            Words(whose.zh + ours.zh, whose.en + ours.en),
            Words(f'写 code: "{right}"', f'write code: "{right}"')
            if right
            else Words(f"name 用 {owner or '省名拼音'}", f"name it {owner or 'after a province'}"),
        )
