"""A person's login at a province: which realm is asked, and the files that stock tools understand.

The home realm answers at home, the region's broker everywhere else. The kubeconfig names a program that gives a token for
five minutes; the token for OpenBao is a session of a quarter of an hour. Neither file outlives its login.
"""

from __future__ import annotations

import base64
import sys
from dataclasses import dataclass
from pathlib import Path

import yaml

from clients import oidc, sessions, state
from clients.openbao import OpenBao
from model import identity, pki, tokens
from model.derive import Plan, ProvincePlan
from model.errors import BadInputError, YrdError


@dataclass(frozen=True)
class Who:
    """A person by the name of the account. `power` is set where a power was asked for."""

    person: str
    home: str
    power: str = ""


def who(plan: Plan, asked: str, province: str) -> Who:
    """The account behind a person's name, or behind a power of a province. Raises BadInputError E366."""
    administrators, people = plan.world.administrators, plan.world.people
    known = {p.name: Who(p.name, p.province) for p in people}
    known |= {a.name: Who(a.name, a.province, a.power) for a in administrators}
    if asked in identity.POWERS:
        holders = [a.name for a in administrators if a.power == asked and a.province == province]
        asked = holders[0] if holders else asked
    if asked in known:
        return known[asked]
    if province and asked not in identity.POWERS:
        # Real people are in their realm and in no file.
        return Who(asked, province)
    raise BadInputError(
        "E366",
        f"不知道 {asked} 属于哪个省",
        f"no province is known for {asked}",
        "加上 -p 省名",
        "add -p PROVINCE",
    )


def client(plan: Plan, person: Who, province: ProvincePlan) -> tuple[oidc.Client, dict[str, str]]:
    """The realm that answers for the person here, and what it is told beforehand. Raises BadInputError E367."""
    abroad = person.home != province.name
    realm = identity.realm(plan, identity.BROKER if abroad else person.home)
    trust = state.root_certificate(plan.environment.name, realm.site.name)
    if not trust.exists():
        raise BadInputError(
            "E367",
            f"{realm.site.name} 尚未发布根证书",
            f"{realm.site.name} has not published its root yet",
            "先运行 yrd up",
            "run `yrd up` first",
        )
    hints = {"acr_values": identity.LEVELS[2], "login_hint": person.person}
    return oidc.Client(realm.issuer, identity.CLI, str(trust)), hints | ({"kc_idp_hint": person.home} if abroad else {})


def keep(plan: Plan, person: Who, province: ProvincePlan, realm: oidc.Client, got: oidc.Tokens) -> Path:
    """Store the session, after a look at whether it is what was asked for. Raises YrdError E364."""
    said = oidc.claims(got.access)
    roles = said.get(identity.CLAIM_ROLES) or []
    if person.power and person.home == province.name and person.power not in roles:
        realm.end(got.refresh)
        raise YrdError(
            "E364",
            f"登录的账号没有 {person.power} 权限：{', '.join(roles)}",
            f"this account does not hold {person.power}: {', '.join(roles)}",
            "用持有该权限的账号登录",
            "log in as its holder",
        )
    if person.power and said.get("acr") not in tokens.STRONG:
        realm.end(got.refresh)
        level = said.get("acr")
        raise YrdError(
            "E373",
            f"登录级别为 {level}，管理权限需要 {tokens.STRONG[0]}：设备授权不区分级别",
            f"this login reached {level}, a power needs {tokens.STRONG[0]}: a device grant cannot ask for a level",
            "去掉 --device，或改用 --paste",
            "leave --device away, or use --paste",
        )
    path = sessions.file(plan.environment.name, person.person, province.name)
    name = str(said.get("preferred_username") or person.person)
    sessions.store(path, sessions.Session(realm.issuer, realm.client, realm.trust, name, province.name, got.refresh))
    return path


def kubeconfig(plan: Plan, province: ProvincePlan, session: Path, target: Path) -> None:
    """For the stock kubectl: no token in it, only the way to one."""
    trusted = state.root_certificate(plan.environment.name, province.name)
    authority = OpenBao(province.openbao_url, trusted).public(pki.KUBERNETES)
    cluster = {
        "server": province.api_url,
        "certificate-authority-data": base64.b64encode(authority.encode()).decode(),
    }
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": str(Path(sys.executable).with_name("yrd")),
        "args": ["credential", str(session)],
        "interactiveMode": "Never",
        "provideClusterInfo": False,
    }
    name = session.stem
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": province.name, "cluster": cluster}],
        "users": [{"name": name, "user": {"exec": plugin}}],
        "contexts": [{"name": name, "context": {"cluster": province.name, "user": name}}],
        "current-context": name,
    }
    state.write_atomic(target, yaml.safe_dump(document, sort_keys=False))


def openbao_token(plan: Plan, province: ProvincePlan, power: str, session: Path) -> tuple[Path, int]:
    """A session at the province's OpenBao in a file, and its seconds. Raises DeniedError."""
    server = OpenBao(province.openbao_url, state.root_certificate(plan.environment.name, province.name))
    seconds = server.login_jwt(power, sessions.token(session, identity.OPENBAO)[0])
    target = session.with_suffix(".bao-token")
    state.write_atomic(target, str(server.client.token))
    return target, seconds


def forget(plan: Plan, session: Path) -> None:
    """End the session at the realm and at OpenBao, and leave nothing of it here."""
    token = session.with_suffix(".bao-token")
    if token.exists():
        province = plan.province(sessions.load(session).province)
        server = OpenBao(
            province.openbao_url, state.root_certificate(plan.environment.name, province.name), token.read_text()
        )
        try:
            server.revoke_self()
        finally:
            token.unlink()
    session.with_suffix(".kubeconfig").unlink(missing_ok=True)
    sessions.forget(session)
