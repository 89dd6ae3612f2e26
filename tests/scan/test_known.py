"""Credential files give their secrets, and nothing that is public."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from clients import keys
from model.errors import BadInputError
from scan import known
from scan.types import Known

PEM = keys.key_pem(keys.new_key())


def values(data: str) -> set[bytes]:
    return {one.value for one in known.inside("file", data.encode())}


def test_a_credential_file_gives_its_secret_alone() -> None:
    text = json.dumps({"role_id": "0a" * 16, "secret_id": "1b" * 16, "threshold": 2})
    assert values(text) == {b"1b" * 16}


def test_shares_of_officers_and_keepers_are_secrets() -> None:
    officer, keeper = "A" * 20 + "=", "B" * 20 + "="
    assert values(json.dumps({"officers": [officer], "keepers": {"anhui": [keeper]}})) == {
        officer.encode(),
        keeper.encode(),
    }


def test_the_key_inside_a_kubeconfig_is_unpacked() -> None:
    text = f"users:\n- user:\n    client-key-data: {base64.b64encode(PEM.encode()).decode()}\n"
    assert values(text) == values(PEM) != set()


def test_settings_give_passwords_and_not_the_paths_of_files() -> None:
    text = "db-username=keycloak\ndb-password=Abcdefghijkl42\ntls-secret-file=/etc/keycloak/tls/key.pem\n"
    assert values(text) == {b"Abcdefghijkl42"}


def test_of_a_cluster_secret_names_and_certificates_are_public() -> None:
    assert not list(known.value_of("s", "username", b"population-database"))
    assert not list(known.value_of("s", "tls.crt", b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"))
    assert list(known.value_of("s", "password", b"population-database-42"))


def test_a_value_is_in_no_text_about_it() -> None:
    assert "hidden" not in repr(Known("name", b"hidden"))


def test_further_values_are_taken_from_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "values"
    path.write_text("first-canary-value\n\nshort\nsecond-canary-value\n")
    path.chmod(0o644)
    with pytest.raises(BadInputError, match="E472"):
        known.also(path)
    path.chmod(0o600)
    assert [one.value for one in known.also(path)] == [b"first-canary-value", b"second-canary-value"]
