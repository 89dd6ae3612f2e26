"""A province is built by its own credentials alone; an agreement's file is the flow."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clients import state, wait
from tests.live import support

AGREEMENT = "anhui-shanghai-population"


@pytest.fixture
def without_others() -> Iterator[None]:
    """Every credential but Anhui's is out of reach: root reads through file modes, so the folders are moved away."""
    sites = state.environment(support.ENVIRONMENT) / "sites"
    away = sites.with_name("sites-away")
    away.mkdir()
    others = [folder for folder in sites.iterdir() if folder.name != "anhui"]
    assert len(others) == 4
    for folder in others:
        folder.rename(away / folder.name)
    try:
        yield
    finally:
        for folder in others:
            if folder.exists():
                shutil.rmtree(folder)
            (away / folder.name).rename(folder)
        away.rmdir()


def test_a_province_needs_no_credential_of_another(without_others: None) -> None:
    said = support.yrd("up", "--province", "anhui", "--full", "--json").json
    assert said["errors"] == {}
    assert said["ansible"]["ok"] > 0
    assert said["audit"]["fail"] == said["audit"]["error"] == 0


@pytest.fixture
def closed(tmp_path: Path) -> dict[str, str]:
    """The region without the agreement."""
    copy = tmp_path / "region"
    shutil.copytree(support.ROOT / "region", copy)
    (copy / "agreements" / f"{AGREEMENT}.yaml").unlink()
    return {"YRD_REGION": str(copy)}


def test_a_preview_without_network_names_the_policy_that_an_edit_removes(closed: dict[str, str]) -> None:
    alone = ("unshare", "-n", "sh", "-c", 'ip link set lo up; exec "$@"', "sh")
    said = support.yrd("preview", "--json", env=closed, prefix=alone).json
    assert said["errors"] == {}
    deleted = [c["object"] for c in said["changes"] if c["operation"] == "delete" and c["unit"] == "anhui"]
    assert any("AuthorizationPolicy" in o and AGREEMENT in o for o in deleted), json.dumps(said)[:2000]
    nothing = support.yrd("preview", "--json", prefix=alone).json
    assert nothing["changes"] == []


def test_removing_the_agreement_closes_the_flow_and_bringing_it_back_opens_it(closed: dict[str, str]) -> None:
    call = ("agreement", "try", "--consumer", "shanghai", "--dataset", "population", "--json")
    assert support.yrd(*call).json["status"] == 200
    support.yrd("up", "--json", env=closed)

    def status(wanted: int) -> bool:
        """A gateway takes a new policy up within moments of its being written."""
        return bool(support.yrd(*call, code=None).json["status"] == wanted)

    wait.until("the flow to be closed", lambda: status(403), seconds=15)
    assert {support.yrd(*call, code=1).json["status"] for _ in range(3)} == {403}
    support.yrd("up", "--json")
    wait.until("the flow to be open", lambda: status(200), seconds=15)
