"""A machine that was destroyed gets its OpenBao back: from a neighbour's snapshot, opened by the neighbours' shares.

The operator's state gives the key of the snapshot and a spare server certificate; no person is needed, and no credential of
the province that kept it. Everything that was written after the newest snapshot is lost (`EVERY` in stacks/roles/custody.py).
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import requests

from clients import journal, openbao, ssh, state, wait
from model import custody as model
from model.derive import Plan, ProvincePlan, Site
from model.errors import YrdError
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
    stamp, keeper, content = newest(plan, site)
    _show_spare(plan, site)
    link = ssh.connect(plan.environment.name, site, site.head)
    fill(site.openbao_url, ca_file, content, lambda: link.run("systemctl restart openbao.service"))
    openbao.ready(site.openbao_url, ca_file, PATIENCE)
    seconds = (datetime.now(UTC) - began).total_seconds()
    journal.note("repair", site=site.name, object=f"OpenBao, from {keeper}'s snapshot of {stamp}, in {seconds:.0f} s")


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


def newest(plan: Plan, site: ProvincePlan) -> tuple[str, str, bytes]:
    """(time, keeper, content) of the newest snapshot that a neighbour gives and our key opens. Raises NoSnapshotError."""
    env, found, said = plan.environment.name, {}, []
    for keeper in model.keepers(plan, site):
        root = state.root_certificate(env, keeper.name)
        try:
            with requests.Session() as http:
                http.trust_env = False
                answer = http.get(custody.snapshot_url(plan, keeper, site.name), verify=str(root), timeout=TIMEOUT)
            answer.raise_for_status()
            found[answer.headers["ETag"].strip('"'), keeper.name] = _opened(plan, site, answer.content)
        except (OSError, KeyError) as fault:
            said.append(f"{keeper.name}: {str(fault)[:120]}")
    if not found:
        raise NoSnapshotError(site.name, "; ".join(said) or "there is no neighbour")
    stamp, keeper_name = max(found)
    return stamp, keeper_name, found[stamp, keeper_name]


def _opened(plan: Plan, site: Site, sealed: bytes) -> bytes:
    """Raises OSError for what is not encrypted to us."""
    folder = state.site(plan.environment.name, site.name)
    command = ["openssl", "cms", "-decrypt", "-binary", "-inform", "DER", "-inkey", str(folder / "snapshots.key")]
    done = subprocess.run(command, input=sealed, capture_output=True, check=False, timeout=60)
    if done.returncode:
        raise OSError(f"not encrypted to this operator: {done.stderr.decode(errors='replace')[:200]}")
    return done.stdout


def _show_spare(plan: Plan, site: Site) -> None:
    """The certificate by which neighbours know the new machine."""
    folder, link = state.site(plan.environment.name, site.name), ssh.connect(plan.environment.name, site, site.head)
    for end in ("key", "crt"):
        link.write(f"{TLS}/server.{end}", (folder / f"spare.{end}").read_text(), owner="openbao:openbao", mode="0400")
    link.run("systemctl restart openbao.service")
