"""Values that are known to be secret, collected where they are allowed to be: OpenBao, the clusters' Secrets, credential files.

They stay in this process. What cannot be read is told, because a value that nobody looked for was not found to be absent.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from clients import cluster, openbao, state
from model import access
from model.derive import Plan, ProvincePlan, Site
from model.errors import BadInputError
from model.secrets import secrets_spec
from scan import machines
from scan.forms import private_lines
from scan.types import Known
from stacks.providers.secrets import ca_file, deployer_file

#: Shorter values are names, numbers and words.
SHORTEST = 12
#: Fields of a credential that are no secret, and files that hold public things.
PUBLIC = re.compile(
    r"(?i)^(auth-extra-groups|description|expiration|user(name)?|role_id|.*accessor|host(name)?|port|database|dbname|issuer|url|.*\.crt|.*cert.*\.pem)$"
)
#: `PASSWORD=...`, `secret: ...` in a file of settings.
SETTING = re.compile(
    r"(?im)^[\w.\[\] -]*(?:passw\w*|secret\w*|token|api_?key)[\w.-]*\s*[=:]\s*[\"']?([^\s\"'#{}$]{12,})"
)
CLIENT_KEY = re.compile(r"client-key-data:\s*([A-Za-z0-9+/=]{40,})")
#: The record of a release holds its chart and values: a place to look into, not a secret.
HELM = "helm.sh/release.v1"


def collect(plan: Plan, site: Site) -> Iterator[Callable[[], list[Known]]]:
    """One question per source of a site. Each raises YrdError or OSError when its source cannot be read."""
    yield lambda: list(operators(plan, site))
    yield lambda: list(handed_out(plan, site))
    for machine in site.machines:
        yield lambda machine=machine: [  # type: ignore[misc]
            known
            for path, data in machines.read(plan, site, machine, "known")
            for known in inside(f"{machine.name}:{path}", data)
        ]
    if isinstance(site, ProvincePlan):
        yield lambda: list(delivered(plan, site))


def operators(plan: Plan, site: Site) -> Iterator[Known]:
    """Files of the site's own folder on this host."""
    folder = state.environment(plan.environment.name) / "sites" / site.name
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        yield from inside(f"{site.name}:{path.relative_to(folder)}", path.read_bytes())


def handed_out(plan: Plan, site: Site) -> Iterator[Known]:
    """What the site's OpenBao keeps for services."""
    grants = secrets_spec(plan, site).policies[0].grants
    paths = [path for path, may in grants if path.startswith(f"{access.KV}/data/") and "read" in may]
    if not paths:
        return
    client = openbao.connect(site.openbao_url, ca_file(plan, site), openbao.load(deployer_file(plan, site)))
    for path in paths:
        yield from leaves(f"{site.name}:{path}", (client.read(path) or {}).get("data") or {})


def delivered(plan: Plan, province: ProvincePlan) -> Iterator[Known]:
    """Values of every Secret of the cluster."""
    for item in cluster.connect(plan, province).all("v1", "Secret"):
        if item.get("type") == HELM:
            continue
        name = f"{province.name}:secret/{item['metadata']['namespace']}/{item['metadata']['name']}"
        for key, value in (item.get("data") or {}).items():
            yield from value_of(f"{name}#{key}", key, base64.b64decode(value))


def also(path: Path) -> list[Known]:
    """Further values, one a line, from a file that only its owner reads. Raises BadInputError E472."""
    if not path.is_file() or path.stat().st_mode & 0o077:
        raise BadInputError(
            "E472",
            f"{path} 不存在，或他人可读",
            f"{path} does not exist, or others can read it",
            "chmod 600",
            "chmod 600",
        )
    lines = [line for line in path.read_bytes().split(b"\n") if line.strip()]
    return [Known(f"{path.name}:{n}", line) for n, line in enumerate(lines, 1) if len(line) >= SHORTEST]


def inside(name: str, data: bytes) -> Iterator[Known]:
    """Secrets of a credential file, whatever its format: private keys, JSON, kubeconfig, settings. Pure."""
    yield from (Known(name, line) for line in private_lines(data))
    text = data.decode("utf-8", "replace")
    for found in CLIENT_KEY.finditer(text):
        yield from (Known(name, line) for line in private_lines(_unpacked(found.group(1))))
    try:
        yield from leaves(name, json.loads(text))
    except ValueError:
        yield from (Known(name, m.group(1).encode()) for m in SETTING.finditer(text) if not m.group(1).startswith("/"))


def leaves(name: str, value: Any, key: str = "") -> Iterator[Known]:
    """Texts of a JSON document that are long enough and whose key does not say that they are public. Pure."""
    if isinstance(value, dict):
        for inner, item in value.items():
            yield from leaves(f"{name}#{inner}", item, str(inner))
    elif isinstance(value, list):
        for item in value:
            yield from leaves(name, item, key)
    elif isinstance(value, str):
        yield from value_of(name, key, value.encode())


def value_of(name: str, key: str, value: bytes) -> Iterator[Known]:
    """One value under its key. Pure."""
    if b"-----BEGIN" in value:
        yield from (Known(name, line) for line in private_lines(value))
    elif len(value.strip()) >= SHORTEST and not PUBLIC.match(key):
        yield Known(name, value.strip())


def _unpacked(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except binascii.Error:
        return b""
