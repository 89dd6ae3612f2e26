"""The whole matrix at a real API server and a real OpenBao: no wrong allow, no wrong refusal. Tokens are signed by realms on loopback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from clients.attempts import Answer, Door, Store, bearer
from model import identity
from model.derive import Plan
from model.errors import UnreachableError
from model.identity import POWERS, ROLES
from model.matrix import Backend, Cell, Subject, Way, matrix
from model.secrets import secrets_spec
from stacks import secrets_login
from stacks.secrets_custody import establish, initialise
from tests.access.conftest import PROVINCE, ApiServer
from tests.secrets.conftest import Server, from_anywhere, running
from tests.secrets.issuer import Issuer
from tests.secrets.steps import deployer

Ask = Callable[[Cell], Answer]


@pytest.fixture(scope="module")
def cells(plan: Plan) -> tuple[Cell, ...]:
    return matrix(plan, (PROVINCE,))


def token(realms: dict[str, Issuer], subject: Subject) -> str:
    """As the realm would sign it for this person, who comes from Jiangsu when not from Anhui."""
    person = {"roles": [subject.role], "province": subject.home, "preferred_username": f"{subject.home}-{subject.role}"}
    match subject.way:
        case Way.NOBODY:
            return ""
        case Way.BROKER:
            return realms[identity.BROKER].token(**person)
        case Way.HOME:
            return realms[PROVINCE].token(**person)
        case Way.ABROAD:
            return realms["jiangsu"].token(**person)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, plan: Plan, realms: dict[str, Issuer]) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("openbao")) as started:
        spec = from_anywhere(secrets_spec(plan, plan.province(PROVINCE)))
        initialise(started.url, started.ca, started.custody)
        establish(spec, started.url, started.ca, started.custody, started.deployer)
        assert spec.login
        own = realms[PROVINCE]
        login = replace(spec.login, issuer=own.url, jwks_url=own.jwks_url)
        secrets_login.configure(deployer(started), login, own.root)
        yield started


def differences(cells: tuple[Cell, ...], backend: Backend, ask: Ask) -> list[str]:
    """Every cell of a back end that is not as the model says. What was found must not be all the same."""
    found, seen = [], Counter[bool]()
    for cell in (c for c in cells if c.operation.backend is backend):
        answer = ask(cell)
        seen[answer.allowed] += 1
        if answer.allowed != cell.allowed:
            found.append(f"{cell.subject}: {cell.operation.name}: {answer}, expected {cell.allowed}")
    assert seen[True] and seen[False]
    return found


def test_the_api_server_answers_as_the_model_says(
    api: ApiServer, realms: dict[str, Issuer], cells: tuple[Cell, ...]
) -> None:
    door = Door(api.url, str(api.folder / "certificates/apiserver.crt"))
    assert not differences(cells, Backend.API, lambda c: bearer(door, c.operation, token(realms, c.subject)))


def test_openbao_answers_as_the_model_says(store: Server, realms: dict[str, Issuer], cells: tuple[Cell, ...]) -> None:
    door = Door(store.url, str(store.ca))
    open_: dict[Subject, Store] = {}

    def ask(cell: Cell) -> Answer:
        power = cell.subject.role if cell.subject.role in POWERS else POWERS[0]
        person = open_.setdefault(cell.subject, Store(door, power, token(realms, cell.subject)))
        return person.ask(cell.operation)

    assert not differences(cells, Backend.OPENBAO, ask)
    for person in open_.values():
        person.close()


def test_a_back_end_that_is_gone_refuses_nobody(cells: tuple[Cell, ...], store: Server) -> None:
    door = Door("https://127.0.0.1:1", str(store.ca))
    with pytest.raises(UnreachableError, match="E369"):
        bearer(door, cells[0].operation, "token")


def test_the_matrix_tells_every_role_apart(cells: tuple[Cell, ...]) -> None:
    """Each power has at each back end something that is its alone; nobody else has anything anywhere."""
    by_role = {
        (role, backend): {
            c.operation.name
            for c in cells
            if c.allowed and c.subject.role == role and c.operation.backend is backend and c.subject.way is Way.HOME
        }
        for role in ROLES
        for backend in Backend
    }
    for backend in (Backend.API, Backend.OPENBAO):
        assert len({frozenset(by_role[power, backend]) for power in POWERS}) == len(POWERS)
    others = [c for c in cells if c.subject.way is not Way.HOME or c.subject.role not in POWERS]
    assert {c.operation.backend for c in others if c.allowed} == {Backend.GATEWAY}
