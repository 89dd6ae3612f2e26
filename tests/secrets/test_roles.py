"""The two roles: their defaults, what they render, and the scripts that they leave on a machine."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from clients.templates import render
from model.derive import Plan
from stacks.roles import certs, custody, openbao
from tests.secrets.conftest import ROLES


def options(role: str) -> dict[str, Any]:
    specs = yaml.safe_load((ROLES / role / "meta/argument_specs.yml").read_text())
    return dict(specs["argument_specs"]["main"]["options"])


@pytest.mark.parametrize("role", ["openbao", "certs", "custody"])
def test_defaults_are_those_of_the_specification(role: str) -> None:
    defaults = yaml.safe_load((ROLES / role / "defaults/main.yml").read_text())
    assert defaults == {name: row["default"] for name, row in options(role).items() if "default" in row}


def test_every_variable_is_specified(plan: Plan) -> None:
    for site in plan.sites:
        for role, module in (("openbao", openbao), ("certs", certs), ("custody", custody)):
            given = module.variables(plan, site, site.head)
            required = {name for name, row in options(role).items() if row.get("required")}
            assert set(given) <= set(options(role))
            assert required <= {*given, *(f"{role}_{app}_source" for app in getattr(module, "APPS", ()))}


def test_no_variable_holds_a_secret(plan: Plan) -> None:
    for site in plan.sites:
        for module in (openbao, certs):
            assert "PRIVATE KEY" not in repr(module.variables(plan, site, site.head))


@pytest.mark.parametrize("role", ["openbao", "certs"])
def test_units_are_hardened(role: str) -> None:
    for path in (ROLES / role / "templates/etc/systemd/system").glob("*.service.j2"):
        lines = render(role, str(path.relative_to(ROLES / role / "templates"))).splitlines()
        assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "SystemCallArchitectures=native"} <= set(lines), path
        assert any(line.startswith("CapabilityBoundingSet=") for line in lines)


def test_audit_files_are_closed_when_they_are_large(tmp_path: Path) -> None:
    folder = tmp_path / "var/log/openbao"
    folder.mkdir(parents=True)
    script = render("openbao", "usr/local/sbin/openbao-audit.j2", openbao_audit_megabytes=1, openbao_audit_keep=2)
    for number in range(3):
        (folder / f"audit-one.log.2026010{number}T000000Z.gz").write_text("")
    (folder / "audit-one.log").write_bytes(b"a" * (1 << 20) + b"b")
    (folder / "audit-two.log").write_bytes(b"small")
    environment = {"OPENBAO_ROOT": str(tmp_path), "OPENBAO_RELOAD": "true", "PATH": "/usr/bin:/bin"}
    subprocess.run(["sh", "-c", script], env=environment, check=True)
    names = sorted(p.name for p in folder.iterdir())
    assert "audit-one.log" not in names
    assert "audit-two.log" in names
    assert len([n for n in names if n.startswith("audit-one.log.")]) == 2
    assert not any("20260100" in n or "20260101" in n for n in names)
