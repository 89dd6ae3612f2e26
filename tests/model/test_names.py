"""Derived names, as documents and other programs know them."""

from __future__ import annotations

import pytest

from model import names
from model.checks.derived import INTERFACE


@pytest.mark.parametrize(
    ("derived", "name"),
    [
        (names.prefix("local"), "yrd-local"),
        (names.machine("local", "shanghai-1"), "yrd-local-shanghai-1"),
        (names.backbone("local"), "yrd-local-backbone"),
        (names.bridge(31), "seg31"),
        (names.stack("local", "region"), "local.region"),
        (names.trust_domain("anhui", "yrd"), "anhui.yrd"),
        (names.spiffe("shanghai.yrd", "exchange", "egress"), "shanghai.yrd/ns/exchange/sa/egress"),
        (names.exchange_host("anhui", "yrd"), "anhui.exchange.yrd"),
        (names.exchange_sni("shanghai", "anhui", "yrd"), "shanghai.exchange.anhui.yrd"),
        (names.partner_secret("shanghai"), "partner-shanghai"),
        (names.exchange_client_secret("anhui"), "exchange-anhui"),
        (names.policy("anhui-shanghai-population"), "agreement-anhui-shanghai-population"),
        (names.database("population"), "population-database"),
    ],
)
def test_name(derived: str, name: str) -> None:
    assert derived == name


def test_a_bridge_fits_into_an_interface_name() -> None:
    assert all(len(names.bridge(segment)) <= INTERFACE for segment in range(1, 255))
