"""A machine that was destroyed gets its OpenBao back: from a neighbour's snapshot, opened by the neighbours' shares.

The operator's state gives the key of the snapshot and a spare server certificate; no person is needed, and no credential of
the province that kept it. Everything that was written after the newest snapshot is lost (`EVERY` in stacks/roles/custody.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import requests

from clients import journal, openbao, ssh, state, wait
from model import custody as model
from model import pki
from model.derive import Plan, ProvincePlan, Site
from model.errors import YrdError
from services.custody import envelope
from stacks import custody

TLS = "/etc/openbao/tls"
#: Seconds that a neighbour may take to answer, and that all may take to bring their shares.
TIMEOUT, PATIENCE = 10.0, 120.0


class NoSnapshotError(YrdError):
    """Nobody keeps one; beginning anew would look like a repair and lose every secret."""

    def __init__(self, site: str, said: str) -> None:
        super().__init__(
            "E318",
            f"{site} 的密钥库为空，且各邻省都没有其快照：{said}",
            f"the store of {site} is empty and no neighbour gives a snapshot: {said}",
            "启动邻省（yrd start）后重试；若确要重建并放弃全部密钥，先 yrd down",
            "start the neighbours (`yrd start`) and repeat; to begin anew and lose every secret, `yrd down` first",
        )


class ForeignSnapshotError(YrdError):
    """Its root is not the one that the partners know; nothing that it holds is used."""

    def __init__(self, site: str, keeper: str) -> None:
        super().__init__(
            "E324",
            f"{site} 由 {keeper} 的快照恢复，但其根证书与已公布的不同",
            f"{site} was restored from {keeper}'s snapshot, and its root is not the published one",
            "勿使用该密钥库；保留现场并调查该快照",
            "do not use this store; keep it as evidence and look into that snapshot",
        )


def initialised(plan: Plan, site: Site) -> bool:
    """Asked on the machine itself, through SSH's pinned key: a new machine shows no certificate that we know."""
    link = ssh.connect(plan.environment.name, site, site.head)
    command = "/opt/yrd/bin/bao status -address=https://127.0.0.1:8200 -tls-skip-verify -format=json"
    said = link.run(f"{command} 2>/dev/null; true")
    return bool(said.strip()) and bool(json.loads(said)["initialized"])


def restore(plan: Plan, site: ProvincePlan, ca_file: Path) -> None:
    """Put the newest snapshot into an empty server and wait until the neighbours have opened it.

    Raises NoSnapshotError, openbao.SealedError.
    """
    began = datetime.now(UTC)
    found = newest(plan, site)
    _show_spare(plan, site)
    link = ssh.connect(plan.environment.name, site, site.head)
    fill(site.openbao_url, ca_file, found.content, lambda: link.run("systemctl restart openbao.service"))
    openbao.ready(site.openbao_url, ca_file, PATIENCE)
    published = state.root_certificate(plan.environment.name, site.name).read_text()
    if openbao.OpenBao(site.openbao_url, ca_file).public(pki.ROOT) not in published:
        raise ForeignSnapshotError(site.name, found.keeper)
    seconds = (datetime.now(UTC) - began).total_seconds()
    journal.note(
        "repair", site=site.name, object=f"OpenBao, from {found.keeper}'s snapshot of {found.stamp}, in {seconds:.0f} s"
    )


def fill(url: str, ca_file: Path, content: bytes, restart: Callable[[], object]) -> str:
    """Put a snapshot into an empty server, which is shut afterwards. Returns the empty one's root token, dead by then.

    The server is started anew because it keeps in mind how many shares opened the empty one.
    """
    server = openbao.OpenBao(url, ca_file)
    once = server.initialise(1, 1, recovery=server.seals_itself())
    for share in once.get("keys_base64") or ():
        server.unseal(str(share))
    openbao.ready(url, ca_file)
    token = str(once["root_token"])
    openbao.OpenBao(url, ca_file, token).restore(content)
    # The answer comes some seconds before the change.
    wait.until("OpenBao to take the snapshot", lambda: _taken(url, ca_file, token), seconds=60)
    restart()
    return token


def _taken(url: str, ca_file: Path, token: str) -> bool:
    """Shut, since its key is another one; or, opened by a device, a store that does not know the token."""
    try:
        return openbao.health(url, ca_file).sealed or not openbao.OpenBao(url, ca_file, token).alive()
    except (openbao.OpenBaoError, openbao.SealedError):
        return False


@dataclass(frozen=True)
class Snapshot:
    """What a neighbour keeps of a site, opened."""

    stamp: str
    keeper: str
    content: bytes = field(repr=False)

    @property
    def taken(self) -> datetime:
        return datetime.strptime(self.stamp, envelope.STAMP).replace(tzinfo=UTC)


def newest(plan: Plan, site: ProvincePlan) -> Snapshot:
    """The newest that a neighbour gives, the site has signed and our key opens. Raises NoSnapshotError."""
    env, found, said = plan.environment.name, [], []
    own = state.root_certificate(env, site.name)
    key = state.site(env, site.name) / "snapshots.key"
    for keeper in model.keepers(plan, site):
        root = state.root_certificate(env, keeper.name)
        try:
            with requests.Session() as http:
                http.trust_env = False
                answer = http.get(custody.snapshot_url(plan, keeper, site.name), verify=str(root), timeout=TIMEOUT)
            answer.raise_for_status()
            stamp, hidden = envelope.opened(answer.content, site.name, custody.signer(site), own)
            found.append(Snapshot(stamp, keeper.name, envelope.revealed(hidden, key)))
        except (OSError, ValueError) as fault:
            said.append(f"{keeper.name}: {str(fault)[:120]}")
    if not found:
        raise NoSnapshotError(site.name, "; ".join(said) or "there is no neighbour")
    return max(found, key=lambda s: s.stamp)


def _show_spare(plan: Plan, site: Site) -> None:
    """The certificate by which neighbours know the new machine."""
    folder, link = state.site(plan.environment.name, site.name), ssh.connect(plan.environment.name, site, site.head)
    for end in ("key", "crt"):
        link.write(f"{TLS}/server.{end}", (folder / f"spare.{end}").read_text(), owner="openbao:openbao", mode="0400")
    link.run("systemctl restart openbao.service")
