"""The issuer that a province's OpenBao believes: look, decide, do. Apart from the rest, because it needs another site's root.

It is written whether or not Keycloak answers: keys are fetched when the first person logs in.
"""

from __future__ import annotations

from collections.abc import Mapping

from clients.openbao import OpenBao
from model import logins
from stacks.differences import differences

CONFIG = f"{logins.AUTH}/config"


def differs(client: OpenBao, login: logins.Login, root: str) -> tuple[str, ...]:
    """Names of the fields that are not as declared; all of them when nothing is there."""
    live: Mapping[str, object] = client.read(CONFIG) or {}
    return differences(login.config(root), live)


def configure(client: OpenBao, login: logins.Login, root: str) -> None:
    client.write(CONFIG, {**login.config(root), "skip_jwks_validation": True})
