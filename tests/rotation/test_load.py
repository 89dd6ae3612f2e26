"""The load against a real HTTPS server: new connections, no resumption, open loop, and nothing counts that did not answer."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from clients.load import Load, once
from model.errors import UnreachableError
from tests.rotation.conftest import Site, self_signed


def running(load: Load, seconds: float) -> None:
    with load:
        time.sleep(seconds)


def test_every_request_has_a_connection_and_a_handshake_of_its_own(site: Site) -> None:
    running(load := Load(site.wanted()), 1)
    assert load.gaps and load.gaps.failures == 0
    assert 80 <= load.gaps.requests <= 300
    assert len(site.requests) == len(set(site.requests))
    assert site.resumed == 0


def test_an_outage_is_a_gap_and_failures(site: Site) -> None:
    with (load := Load(site.wanted())):
        time.sleep(0.3)
        site.broken = True
        time.sleep(0.5)
        site.broken = False
        time.sleep(0.3)
    assert load.gaps and load.gaps.longest_gap_ms >= 450
    assert load.gaps.faults["status 503"] > 0


def test_a_root_without_overlap_shows_and_with_it_does_not(site: Site) -> None:
    old = site.certificate
    with (load := Load(site.wanted())):
        site.renew("second")
        time.sleep(0.5)
        site.renew("third")
        load.aim(site.wanted(old + site.certificate))
    assert load.gaps and load.gaps.failures > 0
    assert any("VERIFY" in fault for fault in load.gaps.faults)
    with (load := Load(site.wanted(old + site.certificate))):
        time.sleep(0.5)
        load.aim(site.wanted())
    assert load.gaps and load.gaps.failures == 0


def test_a_target_that_does_not_answer_is_refused(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clients.load.STEADY", 1.0)
    other = site.wanted(self_signed("other")[1])
    with pytest.raises(UnreachableError, match="E340"), Load(other):
        pass
    with pytest.raises(UnreachableError, match="E340"), Load(site.wanted()) as load:
        load.aim(other)
    with pytest.raises(UnreachableError, match="E340"), Load(replace(site.wanted(), contains="something else")):
        pass


def test_one_request_says_what_is_wrong(site: Site) -> None:
    assert once(site.wanted()) == ""
    assert "VERIFY" in once(site.wanted(self_signed("other")[1]))
    assert once(replace(site.wanted(), status=403)) == "status 200"
    assert once(replace(site.wanted(), status=0)) == ""
