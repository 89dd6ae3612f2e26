"""Verbs for people who administer: log in with the own account, and see who may do what."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from rich.console import Console

from clients import oidc, sessions, state
from model import identity, matrix
from model.errors import BadInputError
from model.matrix import Cell
from scripts import context, matrix_view
from scripts.context import Environment, Json, Provinces
from stacks import access_try
from stacks import login as logins

console = Console(stderr=True)
access = typer.Typer(no_args_is_help=True, help="Who may do what, by the model and by trying. 权限矩阵。")

As = Annotated[str, typer.Option("--as", help="A person's account, or one of the three powers.")]
Province = Annotated[str, typer.Option("--province", "-p", help="Where to work; default: the person's own province.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command."""
    app.command()(login)
    app.command()(logout)
    app.command(hidden=True)(credential)
    app.add_typer(access, name="access")


def login(
    as_: As,
    province: Province = "",
    device: Annotated[bool, typer.Option("--device", help="No browser here: approve on another machine.")] = False,
    paste: Annotated[
        bool, typer.Option("--paste", help="No browser here: bring the last address back by hand.")
    ] = False,
    openbao: Annotated[bool, typer.Option("--openbao", help="Also open a session at the province's OpenBao.")] = False,
    environment: Environment = "local",
) -> None:
    """Log in with password and second factor; leaves a kubeconfig for kubectl, and a token file for bao. 登录。"""
    plan = context.plan(environment)
    context.stacks(plan, [province] if province else None)
    person = logins.who(plan, as_, province)
    target = plan.province(province or person.home)
    realm, hints = logins.client(plan, person, target)
    scopes = ("openid", identity.KUBERNETES, identity.OPENBAO)
    way = realm.device if device else _pasted(realm) if paste else realm.browser
    session = logins.keep(plan, person, target, realm, way(scopes, _announce, hints))
    kubeconfig = session.with_suffix(".kubeconfig")
    logins.kubeconfig(plan, target, session, kubeconfig)
    print(f"export KUBECONFIG={kubeconfig}")
    if openbao:
        if not person.power:
            raise BadInputError(
                "E368",
                f"{person.person} 没有管理权限，OpenBao 不接受",
                f"{person.person} holds no power: OpenBao is closed",
                "用管理员账号登录",
                "log in as an administrator",
            )
        token, _ = logins.openbao_token(plan, target, person.power, session)
        root = state.root_certificate(environment, target.name)
        print(f"export BAO_ADDR={target.openbao_url} BAO_CACERT={root} BAO_TOKEN=$(cat {token})")


def _pasted(realm: oidc.Client) -> Callable[..., oidc.Tokens]:
    """For another machine's browser: its last page cannot be loaded there, and its address is what is needed here."""

    def way(scopes: Sequence[str], announce: Callable[[str], None], hints: Mapping[str, str]) -> oidc.Tokens:
        begun = realm.begin(scopes, "http://127.0.0.1/callback", hints)
        announce(begun.address)
        # Unseen, since it holds a code.
        last = urlsplit(
            typer.prompt("Address of the page that could not be loaded 无法打开的页面地址", hide_input=True)
        )
        return realm.finish(begun, f"{last.path}?{last.query}")

    return way


def _announce(address: str) -> None:
    console.print("Open this address in a browser. 请在浏览器中打开：", highlight=False)
    # On one line, so that it can be copied; it holds no secret of the session.
    console.print(address, soft_wrap=True, highlight=False, markup=False)


def logout(as_: As = "", province: Province = "", environment: Environment = "local") -> None:
    """End logins here, at the realm and at OpenBao; all of them when nothing is named. 退出登录。"""
    plan = context.plan(environment)
    for session in sorted(sessions.folder(environment).glob("*.json")):
        person, _, where = session.stem.partition("@")
        chosen = logins.who(plan, as_, province or where).person if as_ else person
        if person == chosen and where == (province or where):
            logins.forget(plan, session)
            console.print(f"ended {session.stem}", highlight=False)


def credential(session: Path) -> None:
    """What kubectl asks for: a token of at most five minutes (client.authentication.k8s.io/v1)."""
    token, ends = sessions.token(session, identity.KUBERNETES)
    # kubectl asks again a little before the end.
    until = datetime.fromtimestamp(ends - sessions.MARGIN, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    status = {"token": token, "expirationTimestamp": until}
    answer = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    print(json.dumps(answer))


@access.command("matrix")
def show(provinces: Provinces = None, environment: Environment = "local", as_json: Json = False) -> None:
    """Every role at every back end, as the model says; needs no environment. 期望矩阵。"""
    plan = context.plan(environment)
    context.stacks(plan, provinces)
    cells = matrix.matrix(plan, tuple(provinces or ()))
    if as_json:
        print(json.dumps([_row(cell) for cell in cells], ensure_ascii=False))
        return
    print("\n".join(matrix_view.lines(cells, {cell: cell.allowed for cell in cells})))


@access.command("try")
def attempt(provinces: Provinces = None, environment: Environment = "local", as_json: Json = False) -> None:
    """Made-up people log in with their second factor and ask everything; exit 1 on a difference. 实测矩阵。"""
    plan = context.plan(environment)
    context.stacks(plan, provinces)
    seen = list(access_try.attempt(plan, tuple(provinces or ())))
    wrong = [o for o in seen if not o.right]
    if as_json:
        print(json.dumps([{**_row(o.cell), "observed": o.allowed, "why": o.why} for o in seen], ensure_ascii=False))
    else:
        print("\n".join(matrix_view.lines([o.cell for o in seen], {o.cell: o.allowed for o in seen})))
    for o in wrong:
        verdict = {True: "wrong allow", False: "wrong refusal", None: "no answer"}[o.allowed]
        at = f"{o.cell.target}/{o.cell.operation.backend}"
        console.print(f"{verdict}: {o.cell.subject} at {at}: {o.cell.operation.name} ({o.why})", highlight=False)
    counts = {name: sum(o.allowed is value for o in wrong) for name, value in (("allows", True), ("refusals", False))}
    silent = sum(o.allowed is None for o in wrong)
    console.print(
        f"{len(seen)} requests, {counts['allows']} wrong allows, {counts['refusals']} wrong refusals, {silent} without answer",
        highlight=False,
    )
    if wrong:
        sys.exit(3 if len(wrong) == silent else 1)


def _row(cell: Cell) -> dict[str, object]:
    subject, operation = cell.subject, cell.operation
    return {
        "target": cell.target,
        "role": subject.role,
        "home": subject.home,
        "way": subject.way,
        "backend": operation.backend,
        "operation": operation.name,
        "expected": cell.allowed,
    }
