"""Shares and snapshots between neighbours: what a site hands over, and what a province keeps."""

from __future__ import annotations

from typing import Any

from clients import journal, openbao, state, wait
from model import custody as model
from model.derive import ProvincePlan
from stacks import custody
from stacks.providers.base import Props, Provider, plan_of, site_of
from stacks.providers.secrets import ca_file, custody_file, deployer_file
from stacks.providers.shared import PATIENCE, in_this_run


class CustodyProvider(Provider):
    """Inputs: environment, site, keepers, wards (names of sites)."""

    def identify(self, props: Props) -> str:
        return f"{props['environment']}.{props['site']}:custody"

    def look(self, props: Props) -> tuple[Any, list[str]]:
        plan = plan_of(props)
        site = site_of(plan, str(props["site"]))
        drift = [f"{keeper} keeps no share" for keeper in custody.undeposited(plan, site)]
        drift += [f"{keeper} keeps no new share" for keeper in custody.undealt(plan, site, custody_file(plan, site))]
        if custody.spare_stale(plan, site):
            drift.append("the spare certificate is about to end")
        if isinstance(site, ProvincePlan):
            drift += [f"{name} is not what was handed over" for name in custody.unkept(plan, site)]
        return {}, drift

    def do(self, props: Props, old: Props | None) -> Any:  # noqa: ARG002
        plan = plan_of(props)
        env, site = plan.environment.name, site_of(plan, str(props["site"]))
        for keeper in model.keepers(plan, site):
            key = custody.keeper_key(env, keeper.name)
            if in_this_run(keeper.name):
                wait.until(f"{keeper.name} to publish its custody key", key.exists, seconds=PATIENCE)
            elif not key.exists():
                journal.note("pending", site=site.name, what=f"{keeper.name} keeps no share yet")
        custody.deposit(plan, site, custody_file(plan, site))
        custody.spare(
            plan,
            site,
            lambda: openbao.connect(site.openbao_url, ca_file(plan, site), openbao.load(deployer_file(plan, site))),
        )
        if isinstance(site, ProvincePlan):
            self._keep(plan, site, env)
        return {}

    def _keep(self, plan: Any, site: ProvincePlan, env: str) -> None:
        for ward in model.wards(plan, site):
            handed = custody.deposit_file(env, ward.name, site.name)
            if in_this_run(ward.name):
                wait.until(f"{ward.name} to hand over a share", handed.exists, seconds=PATIENCE)
                wait.until(f"{ward.name}'s root", state.root_certificate(env, ward.name).exists, seconds=PATIENCE)
        custody.keep(plan, site)
