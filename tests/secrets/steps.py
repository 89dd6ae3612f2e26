"""What several tests do to a server."""

from __future__ import annotations

from clients import openbao
from clients.openbao import OpenBao, connect, load
from model.secrets import SecretsSpec
from stacks import secrets_apply
from stacks.secrets_custody import Outcome, establish, initialise
from tests.secrets.conftest import Server


def first(server: Server, spec: SecretsSpec) -> OpenBao:
    """The finished first configuration, and the deployer's session."""
    assert initialise(server.url, server.ca, server.custody) is Outcome.READY
    assert establish(spec, server.url, server.ca, server.custody, server.deployer)
    return connect(server.url, server.ca, load(server.deployer))


def deployer(server: Server) -> OpenBao:
    return connect(server.url, server.ca, load(server.deployer))


def again(server: Server, spec: SecretsSpec) -> tuple[secrets_apply.Action, ...]:
    return establish(spec, server.url, server.ca, server.custody, server.deployer)


def load_session(server: Server, credential: dict[str, str]) -> OpenBao:
    return connect(server.url, server.ca, openbao.AppRole(**credential))
