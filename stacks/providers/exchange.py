"""A province's side of exchange tokens: the key of its own client, and the partners' realms that its gateway believes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clients import cluster, journal, openbao, state, wait
from model import identity, names
from model.derive import Plan
from stacks import exchange_tokens
from stacks.providers.base import Props, Provider, plan_of
from stacks.providers.secrets import ca_file, deployer_file
from stacks.providers.shared import PATIENCE, in_this_run


class ExchangeClientProvider(Provider):
    """The client key in OpenBao, its public half published. Inputs: environment, site."""

    def identify(self, props: Props) -> str:
        return f"{props['environment']}.{props['site']}:exchange-client"

    def look(self, props: Props) -> tuple[Any, list[str]]:
        place = state.exchange_client_jwks(str(props["environment"]), str(props["site"]))
        held = exchange_tokens.client_key(_store(props))
        same = bool(held) and place.exists() and place.read_text() == exchange_tokens.client_jwks(held)
        return {}, [] if same else ["the exchange client's public key is not published"]

    def do(self, props: Props, old: Props | None) -> Any:  # noqa: ARG002
        place = state.exchange_client_jwks(str(props["environment"]), str(props["site"]))
        state.write_atomic(place, exchange_tokens.client_jwks(exchange_tokens.make_client_key(_store(props))), 0o644)
        return {}


class PageClientProvider(Provider):
    """The same for a page's client at the broker. Inputs: environment, site, client."""

    def identify(self, props: Props) -> str:
        return f"{props['environment']}.{props['site']}:{names.page_client(str(props['client']))}"

    def look(self, props: Props) -> tuple[Any, list[str]]:
        held = exchange_tokens.client_key(_store(props), names.page_client(str(props["client"])))
        place = _published(props)
        same = bool(held) and place.exists() and place.read_text() == exchange_tokens.client_jwks(held)
        return {}, [] if same else [f"the public key of {props['client']} is not published"]

    def do(self, props: Props, old: Props | None) -> Any:  # noqa: ARG002
        made = exchange_tokens.make_client_key(_store(props), names.page_client(str(props["client"])))
        state.write_atomic(_published(props), exchange_tokens.client_jwks(made), 0o644)
        return {}


def _published(props: Props) -> Path:
    return state.page_client_jwks(str(props["environment"]), str(props["site"]), str(props["client"]))


class ExchangeTrustProvider(Provider):
    """RequestAuthentications at the ingress gateway. Inputs: environment, site, issuers."""

    def identify(self, props: Props) -> str:
        return f"{props['environment']}.{props['site']}:exchange-trust"

    def look(self, props: Props) -> tuple[Any, list[str]]:
        plan = plan_of(props)
        province = plan.province(str(props["site"]))
        stale, foreign = exchange_tokens.differing(cluster.connect(plan, province), plan, province)
        drift = [f"{o['metadata']['name']} is not what its realm has published" for o in stale]
        return {}, [*drift, *(f"{name} is nobody's" for name in foreign)]

    def do(self, props: Props, old: Props | None) -> Any:  # noqa: ARG002
        plan = plan_of(props)
        province = plan.province(str(props["site"]))
        for partner in province.partners:
            _await(plan, partner)
        for name in exchange_tokens.apply(cluster.connect(plan, province), plan, province):
            journal.note("trust", site=province.name, object=name)
        return {}


def _await(plan: Plan, partner: str) -> None:
    """A realm that is being made in this run is worth waiting for; until it has published, the flow stays closed."""
    place = state.realm_jwks(plan.environment.name, partner)
    if in_this_run(identity.realm(plan, partner).site.name) and not place.exists():
        wait.until(f"{partner}'s realm to publish its keys", place.exists, seconds=PATIENCE, fix="yrd up")
    elif not place.exists():
        journal.note("pending", what=f"{partner}'s realm has not published its keys yet")


def _store(props: Props) -> openbao.OpenBao:
    plan = plan_of(props)
    province = plan.province(str(props["site"]))
    return openbao.connect(province.openbao_url, ca_file(plan, province), openbao.load(deployer_file(plan, province)))
