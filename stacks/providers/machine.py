"""The backbone and the machines of `machines: podman`; real servers are only checked for their host key and system."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any, ClassVar

from clients import network, podman, shell, ssh, state, wait
from model import names
from model.derive import MachinePlan, Plan, Site
from model.errors import YrdError
from stacks.providers.base import Props, Provider, plan_of, site_of
from stacks.roles.identity import serves
from toolchain import rootfs
from toolchain.install import entry_of, machine_bin, machine_python


class BackboneProvider(Provider):
    """Router namespace between the segments."""

    def identify(self, props: Props) -> str:
        return names.backbone(str(props["environment"]))

    def look(self, props: Props) -> tuple[Any, list[str]]:
        plan = plan_of(props)
        return {}, [] if network.backbone_ready(plan) else ["the backbone is incomplete"]

    def do(self, props: Props, old: Props | None) -> Any:  # noqa: ARG002
        network.ensure_backbone(plan_of(props))
        return {}

    def delete(self, _id: str, props: Props) -> None:
        network.remove(names.prefix(str(props["environment"])))


class MachineProvider(Provider):
    """One systemd container on its own disk, in its own namespace, reachable by SSH with a pinned host key."""

    replaces: ClassVar[tuple[str, ...]] = ("environment", "machine", "address")

    def identify(self, props: Props) -> str:
        return names.machine(str(props["environment"]), str(props["machine"]))

    def look(self, props: Props) -> tuple[Any, list[str]]:
        plan, _, machine = target(props)
        return {}, faults(plan, machine)

    def do(self, props: Props, old: Props | None) -> Any:  # noqa: ARG002
        plan, site, machine = target(props)
        if machine.ssh:
            ssh.pin(state.site(plan.environment.name, site.name), machine.name, machine.ssh.host_key)
            check_server(ssh.connect(plan.environment.name, site, machine))
        else:
            wait.until("the backbone", lambda: network.backbone_ready(plan), seconds=120, fix="yrd up")
            ensure(plan, site, machine)
        return {}

    def delete(self, _id: str, props: Props) -> None:
        full = names.machine(str(props["environment"]), str(props["machine"]))
        podman.remove(full)
        podman.Disk(state.machine(str(props["environment"]), str(props["machine"]))).remove()


def target(props: Props) -> tuple[Plan, Site, MachinePlan]:
    plan = plan_of(props)
    site = site_of(plan, str(props["site"]))
    return plan, site, {m.name: m for m in site.machines}[str(props["machine"])]


def faults(plan: Plan, machine: MachinePlan) -> list[str]:
    """What keeps a local machine from being up: container, disk, network."""
    if machine.ssh:
        return []
    found = []
    if podman.status(machine.full) != "running":
        found.append(f"container is {podman.status(machine.full)}")
    if not podman.Disk(state.machine(plan.environment.name, machine.name)).mounted():
        found.append("disk is not mounted")
    if not network.machine_ready(plan, machine):
        found.append("network is incomplete")
    site = next(s for s in plan.sites if machine in s.machines)
    missing = sorted(set(binds(plan, site).values()) - podman.binds(machine.full))
    return found or [f"{place} is not mounted" for place in missing]


def binds(plan: Plan, site: Site) -> dict[Path, str]:
    """What machines of a site run and do not own, read-only, by place."""
    programs = {machine_bin(): "/opt/yrd/bin", machine_python(): "/opt/yrd/python"}
    return programs | ({entry_of("keycloak") / "keycloak": "/opt/yrd/keycloak"} if serves(plan, site) else {})


def ensure(plan: Plan, site: Site, machine: MachinePlan) -> None:
    """Network, disk and container; then wait until SSH answers with the key that the machine made for itself."""
    env = plan.environment.name
    folder = state.site(env, site.name)
    disk = podman.Disk(state.private(state.machine(env, machine.name)))
    status = podman.status(machine.full)
    if status != "running" and not network.machine_ready(plan, machine):
        podman.remove(machine.full)
        status = "absent"
    network.ensure_machine(plan, site, machine)
    if status == "running" and not (disk.mounted() and podman.binds(machine.full) >= set(binds(plan, site).values())):
        podman.remove(machine.full)
        status = "absent"
    base = rootfs.machine_rootfs()
    disk.mount([rootfs.hub_delta(), base] if machine.role == "hub" else [base])
    _authorize(disk.root, ssh.ensure_key(folder))
    _identify(disk)
    if status == "absent":
        podman.create(machine.full, machine.name, disk, binds(plan, site))
    elif status != "running":
        podman.start(machine.full)
    key = disk.root / "etc/ssh/ssh_host_ed25519_key.pub"
    wait.until(f"{machine.name}'s host key", lambda: key.exists() and key.stat().st_size > 0, seconds=60)
    ssh.pin(folder, machine.name, key.read_text())
    link = ssh.connect(env, site, machine)
    wait.until(
        f"SSH on {machine.name}", lambda: shell.run(link.command("true"), check=False).returncode == 0, seconds=60
    )


def _authorize(root: Path, public_key: str) -> None:
    target_file = root / "root/.ssh/authorized_keys"
    if not target_file.exists() or target_file.read_text().strip() != public_key:
        state.write_atomic(target_file, public_key + "\n")
        target_file.parent.chmod(0o700)


def _identify(disk: podman.Disk) -> None:
    """A machine-id of its own, made once. systemd would take the host's hardware UUID, the same in every container."""
    if not (disk.folder / "upper/etc/machine-id").exists():
        state.write_atomic(disk.root / "etc/machine-id", uuid.uuid4().hex + "\n", 0o444)


def check_server(link: ssh.Ssh) -> None:
    """A real server must be Debian 12 or a relative with 1 GiB free. Raises YrdError E191."""
    said = link.run(". /etc/os-release; echo $ID $VERSION_ID; df -Pk / | awk 'NR==2 {print $4}'").split()
    if said[:2] != ["debian", "12"] or int(said[2]) < 1024 * 1024:
        en = f"{link.machine}: found {' '.join(said[:2])} with {int(said[2]) // 1024} MiB free"
        raise YrdError(
            "E191",
            f"{link.machine}：发现 {' '.join(said[:2])}",
            en,
            "需要 Debian 12 与 1 GiB 空间",
            "use Debian 12 with at least 1 GiB free",
        )
