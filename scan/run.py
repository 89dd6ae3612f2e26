"""One scan: collect what is known, look into every place at once, keep what is not allowed. Reads only, prints no value."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from clients import cluster, state
from model.derive import Plan, ProvincePlan
from model.errors import UnreachableError, YrdError
from scan import allow, known, machines, patterns
from scan.exact import Matcher
from scan.places import charts, host, images, repository, workloads
from scan.types import PLACES, Finding, Known, Piece, Place, windows
from stacks.providers.shared import registry
from toolchain.install import tool
from toolchain.paths import ROOT, cache_root, logs, tools

Answer = TypeVar("Answer")

#: Sources looked into at the same time.
AT_ONCE = 4


@dataclass(frozen=True)
class Source:
    """One thing to look into. `forms` is false where programs of others may be seen: only known values are looked for."""

    place: Place
    name: str
    pieces: Callable[[], Iterator[Piece]]
    forms: bool = True


@dataclass
class Seen:
    """What one source, or one place, gave to look at."""

    pieces: int = 0
    bytes: int = 0
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True)
class Report:
    """`errors` are what could not be read: with one of them nothing is called clean."""

    known: int
    looked: dict[Place, Seen]
    findings: list[Finding]
    hid: dict[allow.Entry, int]
    errors: list[YrdError]

    @property
    def exit_code(self) -> int:
        return 1 if self.findings else 3 if self.errors else 0

    def as_json(self) -> dict[str, Any]:
        return {
            "clean": self.exit_code == 0,
            "known": self.known,
            "places": {name: {"pieces": s.pieces, "bytes": s.bytes} for name, s in self.looked.items()},
            "findings": [f.as_json() for f in self.findings],
            "allowed": [
                {"place": e.place, "rule": e.rule, "where": e.where, "reason": e.reason, "hid": n}
                for e, n in self.hid.items()
            ],
            "errors": [{"code": e.code, "zh": e.zh, "en": e.en} for e in self.errors],
        }


def run(plan: Plan, sites: Sequence[str], places: Sequence[Place] = PLACES, also: Path | None = None) -> Report:
    """Look for everything everywhere: a value of one province in another's place is found as well."""
    entries = allow.load()
    further = known.also(also) if also else []
    secrets, errors = collected(plan, sites)
    matcher = Matcher([*further, *secrets])
    program = tool("gitleaks")
    chosen = [s for s in sources(plan, sites) if s.place in places]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = list(pool.map(lambda source: look(source, matcher, program), chosen))
    looked = {place: Seen() for place in places}
    for source, (seen, fault) in zip(chosen, results, strict=True):
        errors += [fault] if fault else []
        total = looked[source.place]
        total.pieces, total.bytes = total.pieces + seen.pieces, total.bytes + seen.bytes
        total.findings += seen.findings
    findings, hid = allow.sift(entries, (f for seen in looked.values() for f in seen.findings))
    relevant = {entry: count for entry, count in hid.items() if entry.place in places}
    return Report(len(secrets) + len(further), looked, findings, relevant, errors)


def collected(plan: Plan, sites: Sequence[str]) -> tuple[list[Known], list[YrdError]]:
    """Known values of the chosen sites, each once, and what could not be asked. None of an environment that never was."""
    if not (state.environment(plan.environment.name) / "sites").exists():
        return [], []
    questions = [q for site in plan.sites if site.name in sites for q in known.collect(plan, site)]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guarded, questions))
    found = {one.value: one for values, _ in reversed(answers) for one in reversed(values or [])}
    return list(found.values()), [fault for _, fault in answers if fault]


def guarded(ask: Callable[[], Answer]) -> tuple[Answer | None, YrdError | None]:
    """An answer, or why there is none: one place that is gone hides no other."""
    try:
        return ask(), None
    except YrdError as fault:
        return None, fault
    except (OSError, ValueError, KeyError) as fault:
        said = f"{type(fault).__name__}: {fault}"[:300]
        return None, UnreachableError("E474", f"无法读取：{said}", f"could not be read: {said}", "yrd status")


def look(source: Source, matcher: Matcher, program: Path) -> tuple[Seen, YrdError | None]:
    """Search one source: what was seen, and why it was not all. E475: there was nothing to look at."""
    seen, stream = Seen(), patterns.Stream(program)

    def search() -> None:
        for piece in source.pieces():
            seen.pieces, seen.bytes = seen.pieces + 1, seen.bytes + len(piece.data)
            seen.findings += matcher.search(piece)
            if source.forms and piece.is_text and not _library(piece):
                stream.add(piece)
        if not seen.pieces:
            name = source.name
            raise UnreachableError(
                "E475", f"{name} 没有可检查的内容", f"{name}: nothing was there to look at", "yrd status"
            )

    _, fault = guarded(search)
    found, ended = guarded(lambda: list(stream.findings()))
    seen.findings += found or []
    return seen, fault or ended


def _library(piece: Piece) -> bool:
    """What came into an image from a locked package, byte for byte, holds examples of secrets; and long texts are data.

    Known values are looked for there too.
    """
    return piece.place == "images" and (
        len(piece.data) > images.LARGEST_TEXT or hashlib.sha256(piece.data).hexdigest() in locked()
    )


@cache
def locked() -> frozenset[str]:
    """Digests of every file that the toolchain unpacked or built from its locks."""
    manifests = [json.loads(path.read_text()) for path in tools().glob("*/manifest.json")]
    return frozenset(digest for manifest in manifests for digest in manifest.values())


def sources(plan: Plan, sites: Sequence[str]) -> Iterator[Source]:
    """Everything there is to look into, of this host and of the chosen sites."""
    env = state.environment(plan.environment.name)
    yield Source("repository", "repository", partial(repository.pieces, ROOT))
    yield Source("state", "state", partial(host.files, "state", (env / "pulumi", env / "public")))
    yield Source("logs", "logs of this host", partial(host.files, "logs", (logs(), *_leftovers())))
    yield Source("processes", "processes of this host", partial(host.processes, (ROOT, cache_root(), env)), forms=False)
    seen: set[str] = set()
    ca_file = state.root_certificate(plan.environment.name, plan.hub.name)
    yield Source("images", "images", lambda: _both(plan, ca_file, seen))
    for site in (s for s in plan.sites if s.name in sites):
        for machine in site.machines:
            for place in ("logs", "processes", "environment"):
                yield Source(place, f"{place} of {machine.name}", partial(_machine, plan, site, machine, place))
        if isinstance(site, ProvincePlan):
            yield Source("charts", f"charts of {site.name}", partial(charts.rendering, plan, site))
            yield Source("charts", f"releases of {site.name}", partial(_live, plan, site, charts.live))
            yield Source("environment", f"workloads of {site.name}", partial(_live, plan, site, workloads.pieces))


def _leftovers() -> Iterable[Path]:
    """Folders of runs that were killed: Ansible's artifacts, journals."""
    return sorted(p for kind in ("ansible", "journal") for p in Path(tempfile.gettempdir()).glob(f"yrd-{kind}-*"))


def _both(plan: Plan, ca_file: Path, seen: set[str]) -> Iterator[Piece]:
    yield from images.pieces(cache_root() / "images", seen)
    yield from images.registry(registry(plan), ca_file, seen)


def _machine(plan: Plan, site: Any, machine: Any, place: Place) -> Iterator[Piece]:
    for name, data in machines.read(plan, site, machine, place):
        yield from (Piece(place, f"{machine.name}:{name}", window) for window in windows(data))


def _live(plan: Plan, site: ProvincePlan, what: Callable[[str, cluster.Cluster], Iterator[Piece]]) -> Iterator[Piece]:
    yield from what(site.name, cluster.connect(plan, site))
