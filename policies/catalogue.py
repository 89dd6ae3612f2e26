"""Load the rules and frameworks; a catalogue with any fault is refused as a whole, with all of its faults (E155)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files as resources
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from model.errors import BadInputError
from model.types import Model, Text
from policies.kinds import KINDS
from policies.types import Needs, Rule, RuleFile, Verdict

M = TypeVar("M", bound=Model)


class CatalogueError(BadInputError):
    """Every fault of the catalogue, one per line."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        text = "\n".join(faults)
        super().__init__(
            "E155",
            f"规则目录有 {len(faults)} 处错误：\n{text}",
            f"the catalogue of rules has {len(faults)} faults:\n{text}",
        )


class Clauses(Model):
    """Clauses that the same rules answer. `planned` and `manual` show the gaps; they are never left out."""

    clauses: tuple[str, ...] = Field(min_length=1)
    topic: Text
    status: Literal["automated", "partial", "manual", "planned"]
    rules: tuple[str, ...] = ()


class Framework(Model):
    """`policies/frameworks/<name>.yaml`: coverage is counted from it, not claimed."""

    title: Text
    source: str = Field(description="which edition, and how its clause numbers were checked")
    total: int | None = Field(default=None, description="clauses of the standard, where the number is known")
    entries: tuple[Clauses, ...] = Field(min_length=1)

    def coverage(self) -> dict[str, int]:
        """Number of clauses by status, and of those that are not listed at all."""
        listed = dict.fromkeys(("automated", "partial", "manual", "planned"), 0)
        for entry in self.entries:
            listed[entry.status] += len(entry.clauses)
        return listed if self.total is None else {**listed, "not_listed": self.total - sum(listed.values())}


@dataclass(frozen=True)
class Case:
    """Facts with a known verdict: `cases/<name>.<verdict>.yaml`."""

    rule: str
    name: str
    verdict: Verdict
    facts: dict[str, Any]


def home() -> Path:
    """The folder that holds rules and frameworks."""
    return Path(str(resources("policies")))


def load(root: Path | None = None) -> tuple[Rule, ...]:
    """All rules in order of their ids. Raises CatalogueError."""
    folder = (root or home()) / "rules"
    faults: list[str] = []
    rules = [rule for path in sorted(p for p in folder.iterdir() if p.is_dir()) for rule in _rule(path, faults)]
    if faults:
        raise CatalogueError(faults)
    return tuple(rules)


def frameworks(rules: Iterable[Rule], root: Path | None = None) -> dict[str, Framework]:
    """Frameworks by name. Raises CatalogueError, also for a clause that names a rule which is not there."""
    known, faults, found = {rule.id for rule in rules}, list[str](), dict[str, Framework]()
    for path in sorted(((root or home()) / "frameworks").glob("*.yaml")):
        framework = _parse(Framework, path, faults)
        if framework is None:
            continue
        found[path.stem] = framework
        faults += [f"{path.name}: {fault}" for entry in framework.entries for fault in _entry_faults(entry, known)]
    if faults:
        raise CatalogueError(faults)
    return found


def cases(rule: str, root: Path | None = None) -> tuple[Case, ...]:
    """The rule's cases. Raises CatalogueError for a name without a verdict."""
    faults: list[str] = []
    found = tuple(_cases((root or home()) / "rules" / rule, faults))
    if faults:
        raise CatalogueError(faults)
    return found


def needs(rules: Iterable[Rule]) -> Needs:
    """What all these rules together want to know from a machine."""
    parts = [KINDS[rule.file.check.kind].needs(rule.params) for rule in rules]
    merged = {
        key: tuple(sorted({item for part in parts for item in getattr(part, key)}))
        for key in Needs.__dataclass_fields__
    }
    return Needs(**merged)


def _entry_faults(entry: Clauses, known: set[str]) -> list[str]:
    label = ", ".join(entry.clauses)
    faults = [f"clause {label} names {rule}, which is no rule" for rule in sorted(set(entry.rules) - known)]
    if (entry.status in ("automated", "partial")) != bool(entry.rules):
        faults.append(f"clause {label} is {entry.status} with {len(entry.rules)} rules")
    return faults


def _rule(folder: Path, faults: list[str]) -> Iterator[Rule]:
    file = _parse(RuleFile, folder / "rule.yaml", faults)
    if not folder.name.replace("_", "").isalnum() or folder.name != folder.name.lower():
        faults.append(f"{folder.name}: a rule's id is small words joined by underscores")
    found = list(_cases(folder, faults))
    for verdict in (Verdict.PASS, Verdict.FAIL):
        if not any(case.verdict is verdict for case in found):
            faults.append(f"{folder.name}: no case whose verdict is {verdict}")
    if file is None:
        return
    if file.check.kind not in KINDS:
        faults.append(
            f"{folder.name}: there is no kind of check called {file.check.kind}; there are {', '.join(KINDS)}"
        )
        return
    try:
        yield Rule(folder.name, file, KINDS[file.check.kind].params.model_validate(file.check.params))
    except ValidationError as error:
        faults += _faults(f"{folder.name}/rule.yaml: check.params", error)


def _cases(folder: Path, faults: list[str]) -> Iterator[Case]:
    for path in sorted((folder / "cases").glob("*.yaml")):
        name, _, verdict = path.stem.rpartition(".")
        if not name or verdict not in set(Verdict):
            faults.append(f"{folder.name}/cases/{path.name}: name it <case>.<verdict>.yaml")
            continue
        yield Case(folder.name, name, Verdict(verdict), read(path))


def read(path: Path) -> dict[str, Any]:
    """A small YAML file of a mapping."""
    value = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    return value if isinstance(value, dict) else {}


def _parse(kind: type[M], path: Path, faults: list[str]) -> M | None:
    label = f"{path.parent.name}/{path.name}"
    try:
        return kind.model_validate(read(path))
    except FileNotFoundError:
        faults.append(f"{label}: is missing")
    except YAMLError as error:
        faults.append(f"{label}: {error}")
    except ValidationError as error:
        faults += _faults(label, error)
    return None


def _faults(label: str, error: ValidationError) -> list[str]:
    return [
        f"{label}: {'.'.join(str(part) for part in e['loc'])}: {e['msg']} ({e['input']!r:.80})" for e in error.errors()
    ]
