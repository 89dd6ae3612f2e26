"""Login flows of the realms: which steps, under which condition, and which level of assurance they give. Pure.

A flow is a tree of steps; Keycloak's own words for a step's requirement are kept, since its console shows them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from model.identity import POWERS
from model.people import RealmSettings

Requirement = Literal["REQUIRED", "ALTERNATIVE", "CONDITIONAL", "DISABLED"]

#: Attribute of an account whose person was compared with the document.
VERIFIED = "verified"

BROWSER, FIRST_LOGIN = "yrd-browser", "yrd-first-login"


@dataclass(frozen=True)
class Step:
    """An authenticator, or with `steps` a flow of its own, whose `name` is unique in the realm."""

    name: str
    requirement: Requirement
    config: dict[str, str] = field(default_factory=dict)
    steps: tuple[Step, ...] = ()

    def plain(self) -> list[Any]:
        """For comparison: what a look at the live flow gives too. Names of inner flows do not count."""
        own: list[Any] = ["" if self.steps else self.name, self.requirement, dict(self.config)]
        return [*own, [step.plain() for step in self.steps]]


@dataclass(frozen=True)
class Flow:
    """A flow that a realm binds to logins in the browser, or to the first login through a provider."""

    name: str
    steps: tuple[Step, ...]

    def plain(self) -> list[Any]:
        return [step.plain() for step in self.steps]


def home(settings: RealmSettings) -> Flow:
    """A province's people: each level is asked for once per session and age, and only when somebody asks for it.

    An administrator needs a second factor whatever was asked for, and without one sets it up before anything else.
    """
    ages = settings.levels
    first = _level(1, ages.L1, _required("auth-username-password-form"))
    verified = _conditional("conditional-user-attribute", attribute_name=VERIFIED, attribute_expected_value="true")
    second = _level(2, ages.L2, verified, _required("allow-access-authenticator"))
    configured = _conditional("conditional-user-configured")
    third = _level(3, ages.L3, configured, _required("auth-otp-form"))
    fourth = _level(4, ages.L4, configured, _required("webauthn-authenticator"))
    powers = tuple(step for power in POWERS for step in _administrator(power))
    # Whoever asks for more than somebody can give gets the person with what the session has, and judges by `acr`.
    last = _required("allow-access-authenticator")
    return Flow(
        BROWSER,
        (
            Step("auth-cookie", "ALTERNATIVE"),
            Step("forms", "ALTERNATIVE", steps=(first, second, third, fourth, *powers, last)),
        ),
    )


def _administrator(power: str) -> tuple[Step, Step]:
    """Who has a power shows a factor unless this very login did already; who has none yet gets one now."""
    role = _conditional("conditional-user-role", condUserRole=power)
    shown = tuple(_not_done(name) for name in ("level-3", "level-4"))
    has = (
        role,
        *shown,
        _conditional("conditional-user-configured"),
        Step("auth-otp-form", "ALTERNATIVE"),
        Step("webauthn-authenticator", "ALTERNATIVE"),
    )
    none = (role, *shown, _not_done(power), _required("auth-otp-form"))
    return Step(power, "CONDITIONAL", steps=has), Step(f"{power}-enrol", "CONDITIONAL", steps=none)


def broker() -> Flow:
    """The choice of the home province: no form for a password leads anywhere, since nobody has one here."""
    return Flow(
        BROWSER,
        (
            Step("auth-cookie", "ALTERNATIVE"),
            Step("identity-provider-redirector", "ALTERNATIVE"),
            Step("forms", "ALTERNATIVE", steps=(_required("auth-username-password-form"),)),
        ),
    )


def first_login() -> Flow:
    """One person in two provinces is one account: the name is the digest that both of them vouch for."""
    create = Step("idp-create-user-if-unique", "ALTERNATIVE", {"require.password.update.after.registration": "false"})
    return Flow(FIRST_LOGIN, (create, Step("idp-auto-link", "ALTERNATIVE")))


def _level(level: int, age: int, *steps: Step) -> Step:
    reached = {"loa-condition-level": str(level), "loa-max-age": str(age)}
    condition = Step("conditional-level-of-authentication", "REQUIRED", reached)
    return Step(f"level-{level}", "CONDITIONAL", steps=(condition, *steps))


def _required(name: str) -> Step:
    return Step(name, "REQUIRED")


def _conditional(name: str, **config: str) -> Step:
    return Step(name, "REQUIRED", config)


def _not_done(flow: str) -> Step:
    return Step("conditional-sub-flow-executed", "REQUIRED", {"flow_to_check": flow, "check_result": "not-executed"})
