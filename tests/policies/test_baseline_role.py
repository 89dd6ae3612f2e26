"""The role enforces what the rules demand, and its firewall opens what the plan declares and nothing else."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import jinja2
import pytest
from ruamel.yaml import YAML

from model.derive import Plan, Site
from model.types import Item, Service
from policies import catalogue, judge
from policies.catalogue import home
from stacks.roles import baseline
from tests.policies.worlds import plan

ROLE = home().parent / "roles/baseline"
RULES = {rule.id: rule for rule in catalogue.load()}


def read(path: str) -> Any:
    return YAML(typ="safe", pure=True).load((ROLE / path).read_text(encoding="utf-8"))


def everything(world: Plan, site: Site) -> dict[str, Any]:
    """All variables that a template can see."""
    wanted = baseline.variables(world, site, site.head)
    return {**read("defaults/main.yml"), **read("vars/main.yml"), **wanted, "ansible_managed": "managed"}


def render(template: str, world: Plan, site: Site) -> str:
    # Ansible's own settings of Jinja.
    loader = jinja2.FileSystemLoader(ROLE / "templates")
    environment = jinja2.Environment(
        loader=loader, trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined, autoescape=False,  # noqa: S701
    )  # fmt: skip
    return environment.get_template(f"{template}.j2").render(everything(world, site))


def chain(text: str, name: str) -> list[str]:
    body = text.split(f"chain {name} {{")[1].split("\n  }")[0]
    return [line.strip() for line in body.splitlines() if line.strip()]


def test_defaults_are_those_of_the_argument_specification() -> None:
    options = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert read("defaults/main.yml") == {
        name: option["default"] for name, option in options.items() if "default" in option
    }


@pytest.mark.parametrize("machines", [1, 3])
def test_variables_are_those_that_the_role_declares(machines: int) -> None:
    world = plan(machines)
    options = read("meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    for site in world.sites:
        given = set(baseline.variables(world, site, site.head))
        assert given <= set(options)
        assert {name for name, option in options.items() if option.get("required")} <= given


def test_every_file_of_the_role_has_a_template_and_is_watched() -> None:
    lists = read("vars/main.yml")
    files = [*lists["baseline_files"], *lists["baseline_guarded_files"]]
    missing = [f["path"] for f in files if not (ROLE / "templates" / f"{f.get('source', f['path'])}.j2").is_file()]
    watched = baseline.FILES
    unseen = [
        f["path"] for f in files if f"/{f['path']}" not in watched and f"/{Path(f['path']).parent}/*" not in watched
    ]
    assert (missing, unseen) == ([], [])


def test_what_the_role_sets_satisfies_the_rules() -> None:
    sysctls = {name: str(value) for name, value in baseline.SYSCTLS.items()}
    packages = dict.fromkeys(read("defaults/main.yml")["baseline_packages_present"], "1")
    modules = [f"install {name} /bin/false" for name in read("vars/main.yml")["baseline_blocked_modules"]]
    kernel = {name: str(value) for name, value in read("vars/main.yml")["baseline_kernel_sysctls"].items()}
    own_kernel = {"identity": {"container": ""}}
    assert judge.observe(RULES["network_sysctls"], {"sysctls": sysctls}).verdict == "pass"
    assert judge.observe(RULES["unneeded_software_absent"], {"packages": packages}).verdict == "pass"
    assert judge.observe(RULES["unused_modules_blocked"], {**own_kernel, "modprobe": modules}).verdict == "pass"
    assert judge.observe(RULES["memory_is_randomised"], {**own_kernel, "sysctls": kernel}).verdict == "pass"
    demanded = RULES["unneeded_software_absent"].file.check.params["absent"]
    assert set(demanded) <= set(read("defaults/main.yml")["baseline_packages_absent"])


def test_a_province_lets_in_what_is_declared_only() -> None:
    world = plan()
    accepted = [
        line
        for line in chain(render("etc/yrd/nftables.nft", world, world.province("shanghai")), "input")
        if " new accept" in line
    ]
    assert accepted == [
        'ip saddr { 10.78.0.2/32 } tcp dport { 22 } ct state new accept comment "ssh"',
        'ip saddr { 10.78.0.2/32, 10.78.31.11/32, 10.78.34.11/32 } tcp dport { 8200 } ct state new accept comment "openbao"',
        'ip saddr { 10.78.0.2/32, 10.78.31.11/32 } tcp dport { 6443 } ct state new accept comment "api-server"',
        'iifname "cali*" ip saddr { 10.131.0.0/16 } tcp dport { 6443, 10250 } ct state new accept comment "pods"',
        'ip saddr { 10.78.31.11/32 } tcp dport { 10250 } ct state new accept comment "kubelet"',
        'ip saddr { 10.78.1.11/32 } tcp dport { 9443 } ct state new accept comment "metrics"',
        'ip saddr { 10.78.0.2/32, 10.78.34.11/32 } tcp dport { 8444 } ct state new accept comment "custody"',
    ]


def test_a_province_forwards_the_exchange_only() -> None:
    world = plan()
    text = render("etc/yrd/nftables.nft", world, world.province("shanghai"))
    assert [line for line in chain(text, "forward") if line.endswith('"') and " accept " in line] == [
        'iifname "cali*" oifname "cali*" accept comment "pods"',
        'iifname "cali*" ip daddr { 10.78.34.0/24 } tcp dport 30443 ct state new accept comment "exchange-out"',
        'oifname "cali*" ip saddr { 10.78.34.0/24, 10.78.31.0/24 } meta l4proto tcp ct status dnat '
        'ct original proto-dst 30443 ct state new accept comment "exchange-in"',
        'iifname "cali*" ip daddr { 10.78.1.11 } tcp dport 8445 ct state new accept comment "identity-out"',
    ]
    assert [line for line in chain(text, "output") if "10.78.34" in line] == [
        'ip daddr { 10.78.1.11/32, 10.78.34.11/32 } tcp dport { 8200, 8444 } ct state new accept comment "custody"'
    ]


def test_people_come_in_only_where_something_is_offered() -> None:
    world = plan()
    assert "public-in" not in render("etc/yrd/nftables.nft", world, world.province("shanghai"))
    page = Service(
        name="affairs", title=world.hub.title, province="shanghai", assurance="L3", items=(Item(name="a", title=world.hub.title),)
    )  # fmt: skip
    provinces = tuple(replace(p, offers=(page,)) if p.name == "shanghai" else p for p in world.provinces)
    offering = replace(world, provinces=provinces)
    text = render("etc/yrd/nftables.nft", offering, offering.province("shanghai"))
    door = 'oifname "cali*" meta l4proto tcp ct status dnat ct original proto-dst 30444 ct state new accept comment "public-in"'
    assert door in chain(text, "forward")
    told = 'ip daddr { 10.78.31.11/32 } tcp dport { 30444 } ct state new accept comment "public"'
    assert told in chain(render("etc/yrd/nftables.nft", offering, offering.hub), "output")
    assert "30444" not in render("etc/yrd/nftables.nft", offering, offering.province("anhui"))


def test_the_hub_forwards_nothing_and_reaches_exporters_only() -> None:
    world = plan()
    text = render("etc/yrd/nftables.nft", world, world.hub)
    assert not [line for line in chain(text, "forward") if " new accept" in line or "cali" in line]
    assert (
        'ip daddr { 10.78.31.11/32, 10.78.34.11/32 } tcp dport { 9443 } ct state new accept comment "metrics"' in text
    )
    assert 'ip saddr { 10.78.0.2/32 } tcp dport { 8443 } ct state new accept comment "views"' in text


@pytest.mark.parametrize("machines", [1, 3])
@pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("nft"),
    reason="needs root and nft: loads the rules into an empty network namespace",
)
def test_the_kernel_takes_the_rules_twice_and_leaves_other_tables_alone(tmp_path: Path, machines: int) -> None:
    world = plan(machines)
    for site in world.sites:
        path = tmp_path / f"{site.name}.nft"
        path.write_text(render("etc/yrd/nftables.nft", world, site))
        script = 'nft add table ip other && nft -c -f "$0" && nft -f "$0" && nft -f "$0" && nft list tables'
        done = subprocess.run(
            ["unshare", "-n", "sh", "-c", script, str(path)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.split("\n")[:2] == ["table ip other", "table inet yrd"]


def test_machines_of_one_province_may_talk_to_each_other_only() -> None:
    world = plan(machines=3)
    shanghai, anhui = world.province("shanghai"), world.province("anhui")
    between = {row.name: row for row in baseline.inputs(world, shanghai)}
    assert between["cluster"].networks == ("10.78.31.11/32", "10.78.31.12/32", "10.78.31.13/32")
    assert between["overlay"].protocol == "udp"
    assert {"cluster", "overlay"}.isdisjoint({row.name for row in baseline.inputs(world, anhui)})


def test_sudoers_spares_the_manager_a_password_only_where_it_is_not_root() -> None:
    world = plan()
    shanghai = world.province("shanghai")
    assert "NOPASSWD" not in render("etc/sudoers", world, shanghai)
    assert "PermitRootLogin prohibit-password" in render("etc/ssh/sshd_config.d/10-yrd.conf", world, shanghai)
