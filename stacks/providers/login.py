"""Whom a province's OpenBao believes: the issuer of its own people, and the root by which the issuer's keys are fetched."""

from __future__ import annotations

from typing import Any

from clients import journal, openbao, state
from model import logins
from model.derive import ProvincePlan
from stacks import secrets_login
from stacks.providers.base import Props, Provider, plan_of
from stacks.providers.secrets import ca_file, deployer_file
from stacks.providers.shared import root_of


class LoginProvider(Provider):
    """Inputs: environment, site, issuer, keys (where they are published)."""

    def identify(self, props: Props) -> str:
        return f"{props['environment']}.{props['site']}:login"

    def look(self, props: Props) -> tuple[Any, list[str]]:
        province, login, client = _open(props)
        root = state.root_certificate(str(props["environment"]), login.trust)
        if not root.exists():
            return {}, []
        differs = secrets_login.differs(client, login, root.read_text())
        return {}, [f"{province.name}'s OpenBao believes another issuer: {', '.join(differs)}"] if differs else []

    def do(self, props: Props, old: Props | None) -> Any:  # noqa: ARG002
        province, login, client = _open(props)
        root = root_of(plan_of(props), login.trust)
        if root:
            secrets_login.configure(client, login, root)
        else:
            journal.note("pending", site=province.name, what=f"{login.trust} has not published its root yet")
        return {}


def _open(props: Props) -> tuple[ProvincePlan, logins.Login, openbao.OpenBao]:
    plan = plan_of(props)
    province = plan.province(str(props["site"]))
    credential = openbao.load(deployer_file(plan, province))
    client = openbao.connect(province.openbao_url, ca_file(plan, province), credential)
    return province, logins.login(plan, province), client
