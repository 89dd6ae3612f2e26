"""The first configuration and drift, against a real OpenBao."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys

import pytest

from clients.openbao import AppRole, DeniedError, SealedError, Token, connect, load
from model.errors import YrdError
from model.secrets import SecretsSpec
from stacks import secrets_apply as apply
from stacks.secrets_custody import CustodyError, Outcome, credentials, establish, initialise
from tests.secrets.conftest import ROOT, Server, from_anywhere


def first(server: Server, spec: SecretsSpec) -> tuple[apply.Action, ...]:
    assert initialise(server.url, server.ca, server.custody) is Outcome.READY
    return establish(spec, server.url, server.ca, server.custody, server.deployer)


def test_it_is_configured_once_and_the_root_token_is_dead(server: Server, spec: SecretsSpec) -> None:
    assert initialise(server.url, server.ca, server.custody) is Outcome.READY
    root = json.loads(server.custody.read_text())["root_token"]
    assert establish(from_anywhere(spec), server.url, server.ca, server.custody, server.deployer)
    assert not server.session(root).alive()
    assert "root_token" not in server.custody.read_text()
    assert len(json.loads(server.custody.read_text())["recovery_keys"]) == 5
    assert {stat.S_IMODE(f.stat().st_mode) for f in (server.custody, server.deployer)} == {0o600}
    assert initialise(server.url, server.ca, server.custody) is Outcome.CONFIGURED
    assert establish(from_anywhere(spec), server.url, server.ca, server.custody, server.deployer) == ()
