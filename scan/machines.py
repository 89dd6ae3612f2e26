"""Ask a machine for pieces of it: one command, one stream, nothing is written there."""

from __future__ import annotations

import shlex
import tarfile
from collections.abc import Iterator
from importlib.resources import files as resources

from clients import ssh
from model.derive import MachinePlan, Plan, Site
from model.errors import UnreachableError


def command(what: str, *, become: bool) -> str:
    """Shell command that runs the collector; `become` where the login is not root's."""
    text = resources("scan").joinpath("on_machine.py").read_text(encoding="utf-8")
    words = ["/usr/bin/python3", "-I", "-c", text, what]
    return shlex.join(["sudo", "-n", *words] if become else words)


def read(plan: Plan, site: Site, machine: MachinePlan, what: str) -> Iterator[tuple[str, bytes]]:
    """(name, content) of everything under `what`, as it comes. Raises SshError, CommandError."""
    link, broken = ssh.connect(plan.environment.name, site, machine), ""
    with link.stream(command(what, become=link.user != "root")) as stream:
        try:
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for entry in archive:
                    content = archive.extractfile(entry)
                    yield entry.name.partition(":")[2], content.read() if content else b""
        except tarfile.ReadError as fault:
            broken = str(fault)
        # The program waits to be read to its end.
        stream.read()
    if broken:
        name = machine.name
        raise UnreachableError(
            "E477", f"{name} 的应答不完整：{broken}", f"{name} answered in part: {broken}", "yrd status"
        )
