"""Names that are derived from names: do they still fit, and do two of them meet?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from model import names
from model.codes import Words
from model.document import Document, Loc
from model.draft import Draft, repeats
from model.faults import Fault

#: Bytes: RFC 1123 label, Linux interface (IFNAMSIZ less its zero), X.520 ub-common-name.
LABEL, INTERFACE, COMMON_NAME = 63, 15, 64
#: The longest title that `model.pki` makes of a province's: "<title> front proxy CA".
AUTHORITY = " front proxy CA"


class Derived(NamedTuple):
    """A name that something will bear, and the field that it comes from."""

    document: Document
    loc: Loc
    name: str
    limit: int
    what: Words


def lengths(draft: Draft) -> Iterator[Fault]:
    """E107: shorten by so many bytes."""
    for derived in (*_machines(draft), *_environments(draft), *_provinces(draft), *_agreements(draft)):
        size = len(derived.name.encode())
        if size > derived.limit:
            over = size - derived.limit
            yield derived.document.fault(
                "E107",
                derived.loc,
                Words(
                    f"生成的{derived.what.zh} {derived.name} 有 {size} 字节，上限 {derived.limit}",
                    f"generated {derived.what.en} `{derived.name}` has {size} bytes, at most {derived.limit}",
                ),
                Words(f"缩短 {over} 字节", f"shorten by {over}"),
            )


def collisions(draft: Draft) -> Iterator[Fault]:
    """E106: environment and machine meet in one name (`a` + `b-c` is `a-b` + `c`), or a machine is the backbone."""
    backbones = (
        Derived(e.document, ("name",), names.backbone(e.item.name), LABEL, _BACKBONE) for e in draft.environments
    )
    told: set[tuple[str, Loc]] = set()
    for first, later, name in repeats((d, d.name) for d in (*backbones, *_machines(draft))):
        # Once per field, not per environment; one name for two machines is E102.
        if (later.document.path, later.loc) in told or first.document.at(first.loc) == later.document.at(later.loc):
            continue
        told.add((later.document.path, later.loc))
        yield later.document.fault(
            "E106",
            later.loc,
            Words(
                f"{later.what.zh}与 {first.document.path} 的{first.what.zh}同为 {name}",
                f"its {later.what.en} and the {first.what.en} of {first.document.path} are both `{name}`",
            ),
            Words("改名", "rename one of them"),
        )


_MACHINE = Words("机器全名", "machine name")
_BACKBONE = Words("骨干网名", "backbone name")
_DEVICE = Words("网络设备名", "device name")
_COMMON = Words("证书通用名", "common name")
_OBJECT = Words("对象名", "object name")


def _machines(draft: Draft) -> Iterator[Derived]:
    for environment in draft.environments:
        for document, loc, machine in draft.machines():
            full = names.machine(environment.item.name, machine.name)
            yield Derived(document, (*loc, "name"), full, LABEL, _MACHINE)


def _environments(draft: Draft) -> Iterator[Derived]:
    for entry in draft.environments:
        yield Derived(entry.document, ("name",), names.prefix(entry.item.name), INTERFACE, _DEVICE)


def _provinces(draft: Draft) -> Iterator[Derived]:
    domain = draft.region.item.domain if draft.region else ""
    for entry in draft.provinces:
        name, document = entry.item.name, entry.document
        yield Derived(document, ("name",), names.partner_secret(name), LABEL, _OBJECT)
        yield Derived(document, ("name",), names.exchange_client_secret(name), LABEL, _OBJECT)
        caller = f"{names.EGRESS_ACCOUNT}.{names.exchange_host(name, domain)}"
        yield Derived(document, ("name",), caller, COMMON_NAME, _COMMON)
        yield Derived(document, ("title", "en"), entry.item.title.en + AUTHORITY, COMMON_NAME, _COMMON)


def _agreements(draft: Draft) -> Iterator[Derived]:
    for entry in draft.agreements:
        yield Derived(entry.document, ("name",), names.policy(entry.item.name), LABEL, _OBJECT)
    for dataset in draft.datasets:
        yield Derived(dataset.document, ("name",), names.database(dataset.item.name), LABEL, _OBJECT)
