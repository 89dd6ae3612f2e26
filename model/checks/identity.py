"""The identity centre: separated powers (MC-01), people who exist once, passwords whose place the model knows."""

from __future__ import annotations

from collections.abc import Iterator

from model.access import first_password
from model.checks.agreements import ended
from model.checks.references import ORGAN, PROVINCE
from model.codes import Words
from model.draft import Draft, pairs, repeats, unknown
from model.faults import Fault
from model.gbt2260 import code_of
from model.people import Administrator, Person
from model.read import Entry
from model.types import Kind

PERSON, REALM = Words("人员", "person"), Words("域设置", "settings of realms")
POWERS = ("system-administrator", "security-administrator", "audit-administrator")
#: The settings that hold for every realm.
COMMON = "common"


def realms(draft: Draft) -> Iterator[Fault]:
    """E131: exactly the settings that are read; another file would have no effect."""
    for entry in draft.realms:
        if entry.item.name != COMMON:
            yield unknown(entry.document, ("name",), REALM, entry.item.name, (COMMON,))


def references(draft: Draft) -> Iterator[Fault]:
    """E131: provinces, and organs of that very province."""
    # A member without a file is E101's business.
    known = draft.declared(Kind.PROVINCE) | frozenset(draft.region.item.members if draft.region else ())
    everyone: tuple[Entry[Administrator] | Entry[Person], ...] = (*draft.administrators, *draft.people)
    for entry in everyone:
        if entry.item.province not in known:
            yield unknown(entry.document, ("province",), PROVINCE, entry.item.province, known)
    for legal in draft.legal_persons:
        if legal.item.province not in known:
            yield unknown(legal.document, ("province",), PROVINCE, legal.item.province, known)
    for admin in draft.administrators:
        organs = {e.item.name for e in draft.organs if e.item.province == admin.item.province}
        if admin.item.organ not in organs and draft.complete(Kind.ORGAN):
            yield unknown(admin.document, ("organ",), ORGAN, admin.item.organ, organs)


def powers(draft: Draft) -> Iterator[Fault]:
    """E141 and E142: one person, one power, one account."""
    for first, later in pairs(draft.administrators):
        if first.item.staff != later.item.staff:
            continue
        where = first.document.path
        if first.item.power == later.item.power and first.item.province == later.item.province:
            yield later.document.fault(
                "E141",
                ("staff",),
                Words(f"{where} 已给此人 {first.item.power}", f"{where} gives that person {first.item.power} already"),
                Words("删去其中一份", "remove one of the two files"),
            )
        else:
            yield later.document.fault(
                "E142",
                ("staff",),
                Words(
                    f"{where} 中此人已是 {first.item.power}；三权须分立",
                    f"{where} makes that person {first.item.power}; the three powers are separate",
                ),
                Words("由另一人担任", "let somebody else have this one"),
            )


def complete(draft: Draft) -> Iterator[Fault]:
    """E143: where a province has administrators, each power has somebody: else one of the others would do its work."""
    if not draft.complete(Kind.ADMINISTRATOR):
        return
    for province in draft.provinces:
        held = {e.item.power for e in draft.administrators if e.item.province == province.item.name}
        for power in POWERS:
            if held and power not in held:
                yield province.document.fault(
                    "E143",
                    ("name",),
                    Words(f"没有人担任 {power}", f"nobody is {power}"),
                    Words(
                        "在 region/identity/administrators 中任命", "name somebody in region/identity/administrators"
                    ),
                    value=power,
                )


def places(draft: Draft) -> Iterator[Fault]:
    """E103: a person's place lies in the person's province, and is as deep as the level says."""
    for entry in draft.people:
        place, code = entry.item.place, code_of(entry.item.province)
        if code and place[:2] != code[:2]:
            why = Words(
                f"{entry.item.province} 的代码以 {code[:2]} 开头", f"{entry.item.province} begins with {code[:2]}"
            )
            yield entry.document.fault(
                "E103", ("place",), why, Words("改正 place 或 province", "correct one of the two")
            )
        elif not _deep_enough(place, entry.item.level):
            why = Words(f"与级别 {entry.item.level} 不符", f"does not fit the level {entry.item.level}")
            yield entry.document.fault("E103", ("place",), why, _DEPTH)


_DEPTH = Words(
    "省 xx0000，市 xxxx00，县 xxxxxx，乡 加 xxx000，村 加 xxxxxx",
    "province xx0000, city xxxx00, county xxxxxx, township +xxx000, village +xxxxxx",
)


def _deep_enough(place: str, level: str) -> bool:
    if level in ("township", "village"):
        return len(place) == 12 and place.endswith("000") == (level == "township")
    zeros = len(place) - len(place.rstrip("0")) if len(place) == 6 else -1
    return {"province": zeros >= 4, "city": 2 <= zeros < 4, "county": 0 <= zeros < 2}[level]


def documents(draft: Draft) -> Iterator[Fault]:
    """E102: names of accounts meet in the realm, documents and credit codes in the broker."""
    everyone: tuple[Entry[Administrator] | Entry[Person], ...] = (*draft.administrators, *draft.people)
    accounts = [(e, e.item.name) for e in everyone]
    for first, later, name in repeats(accounts):
        yield _twice(later, ("name",), first.document.path, name)
    verified = [(e, f"{e.item.province}/{e.item.document}") for e in draft.people]
    for one, other, _ in repeats(verified):
        yield _twice(other, ("document",), one.document.path, other.item.document)
    for legal, again, code in repeats((e, e.item.code) for e in draft.legal_persons):
        yield again.document.fault("E102", ("code",), *_defined(legal.document.path), value=code)


def _twice(entry: Entry[Administrator] | Entry[Person], loc: tuple[str], where: str, value: str) -> Fault:
    return entry.document.fault("E102", loc, *_defined(where), value=value)


def _defined(where: str) -> tuple[Words, Words]:
    return Words(f"已在 {where} 中", f"is in {where} already"), Words("删去其中一份", "remove one of the two")


def secret_paths(draft: Draft) -> Iterator[Fault]:
    """E172: the first password lies where the province's policies reach it, and nowhere else."""
    for entry in draft.administrators:
        wanted = first_password(entry.item.name)
        if entry.item.secret_ref != wanted:
            yield entry.document.fault(
                "E172",
                ("secretRef",),
                Words("省级密钥库中没有这个路径", "no such path in the province's OpenBao"),
                Words(f"写成 {wanted}", f"write {wanted}"),
            )


def delegations(draft: Draft) -> Iterator[Fault]:
    """E131 for somebody who is not there, E133 for a period that is none or over."""
    known = draft.declared(Kind.PERSON)
    for entry in draft.legal_persons:
        for index, given in enumerate(entry.item.delegations):
            loc = ("delegations", index)
            if given.person not in known:
                yield unknown(entry.document, (*loc, "person"), PERSON, given.person, known)
            if given.valid.until <= given.valid.since:
                why = Words("结束时间不晚于开始时间", "ends before it begins")
                fix = Words("把 until 改到 since 之后", "put `until` after `since`")
                yield entry.document.fault("E133", (*loc, "valid", "until"), why, fix)
            elif given.valid.until <= draft.now:
                yield ended(entry.document, (*loc, "valid", "until"), given.valid.until, draft.now)
