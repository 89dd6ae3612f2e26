"""The catalogue is complete, consistent, and refuses all of its faults at once."""

from __future__ import annotations

import shutil
from collections import defaultdict
from pathlib import Path

import pytest

from policies import catalogue
from policies.catalogue import CatalogueError
from policies.types import Verdict

RULES = catalogue.load()


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for folder in ("rules", "frameworks"):
        shutil.copytree(catalogue.home() / folder, tmp_path / folder)
    return tmp_path


def test_there_are_thirty_rules_and_more() -> None:
    assert len(RULES) >= 30
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_every_rule_names_a_file_that_enforces_it() -> None:
    root = catalogue.home().parent
    roles_of_this_room = [
        rule for rule in RULES if rule.file.enforcement.where.startswith(("roles/baseline/", "stacks/roles/baseline"))
    ]
    assert roles_of_this_room
    assert [rule.id for rule in roles_of_this_room if not (root / rule.file.enforcement.where).is_file()] == []


def test_shared_kernel_rules_show_that_containers_are_excused() -> None:
    shared = [rule for rule in RULES if rule.file.shared_kernel]
    verdicts = {rule.id: {case.verdict for case in catalogue.cases(rule.id)} for rule in shared}
    assert shared
    assert all({Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE} <= seen for seen in verdicts.values())


def test_all_faults_are_reported_at_once(copy: Path) -> None:
    (copy / "rules/su_is_restricted/rule.yaml").unlink()
    (copy / "rules/sudo_is_recorded/cases/no-log.fail.yaml").rename(
        copy / "rules/sudo_is_recorded/cases/no-log.broken.yaml"
    )
    (copy / "rules/sudo_is_recorded/cases/taken-back.fail.yaml").unlink()
    edited = copy / "rules/api_tls_floor/rule.yaml"
    edited.write_text(
        edited.read_text().replace("severity: high", "severity: awful").replace("mutations:", "mutationz:")
    )
    kind = copy / "rules/secrets_encrypted_by_kms/rule.yaml"
    kind.write_text(kind.read_text().replace("kind: encryption", "kind: encription"))
    params = copy / "rules/openbao_two_audit_devices/rule.yaml"
    params.write_text(params.read_text().replace("minimum: 2", "minimum: none"))
    with pytest.raises(CatalogueError) as refused:
        catalogue.load(copy)
    text = "\n".join(refused.value.faults)
    for part in (
        "su_is_restricted",
        "no-log.broken",
        "no case whose verdict is fail",
        "awful",
        "mutationz",
        "encription",
        "check.params: minimum",
    ):
        assert part in text
    assert refused.value.exit_code == 2


def test_a_framework_may_only_name_rules_that_are_there(copy: Path) -> None:
    path = copy / "frameworks/cis-k8s.yaml"
    path.write_text(path.read_text().replace("api_tls_floor", "api_tls_flour"))
    with pytest.raises(CatalogueError, match="api_tls_flour"):
        catalogue.frameworks(RULES, copy)


@pytest.mark.parametrize(("name", "field"), [("cis-debian12", "cis_debian12"), ("cis-k8s", "cis_k8s")])
def test_frameworks_and_rules_agree(name: str, field: str) -> None:
    by_clause: dict[str, set[str]] = defaultdict(set)
    for rule in RULES:
        for clause in getattr(rule.file.references, field):
            by_clause[clause].add(rule.id)
    listed = {
        clause: set(entry.rules) for entry in catalogue.frameworks(RULES)[name].entries for clause in entry.clauses
    }
    assert listed == by_clause


def test_classified_protection_lists_every_rule_and_its_own_gaps() -> None:
    framework = catalogue.frameworks(RULES)["gbt22239-l3"]
    listed = {
        (clause, entry.topic.zh, rule)
        for entry in framework.entries
        for clause in entry.clauses
        for rule in entry.rules
    }
    wanted = {(r.file.references.gbt22239.clause, r.file.references.gbt22239.topic, r.id) for r in RULES}
    assert listed == wanted
    assert framework.coverage()["planned"] > 0
    assert not any(rule.file.references.gbt22239.verified for rule in RULES), (
        "set it only after reading the published standard"
    )
