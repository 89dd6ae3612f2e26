"""Who there is in the identity centre, and how its realms behave: the files below `region/identity/`. No password is in any."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from model.base import Label, Model, Text, Validity

#: GB/T 2260 code of a county or of what is above it; townships and villages append six digits of GB/T 10114.
PLACE_PATTERN = r"^[1-9][0-9]{5}([0-9]{6})?$"
#: Number of an identity document (GB 11643): 17 digits and a check character.
DOCUMENT_PATTERN = r"^[1-9][0-9]{16}[0-9X]$"
#: Unified social credit code (GB 32100).
CREDIT_PATTERN = r"^[0-9A-HJ-NPQRTUWXY]{18}$"

Level = Literal["province", "city", "county", "township", "village"]
Power = Literal["system-administrator", "security-administrator", "audit-administrator"]
Seconds = Annotated[int, Field(ge=1)]


class Identity(Model):
    """Where people log in: one Keycloak in the hub with every realm (D13), or one in each province and the hub's."""

    placement: Literal["hub", "province"] = "hub"
    hosts: dict[str, str] = Field(
        default_factory=dict,
        description="realm to public host name; without one a realm is reached by its machine's address",
    )
    samples: bool = Field(
        default=False,
        description="made-up citizens and officials, and second factors that tests can read; never where people are real",
    )


class Tokens(Model):
    """Lives in seconds. A refresh token works once: the next use of it ends the session."""

    access: int = Field(ge=30, le=300, description="an access token")
    idle: int = Field(ge=60, le=1800, description="a session that nobody uses")
    session: int = Field(ge=600, le=43200, description="any session")
    login: int = Field(ge=60, le=1800, description="from the first page of a login to its end")


class Passwords(Model):
    """CE-09: length, kinds of characters, and not one of the last few."""

    length: int = Field(ge=10, le=64)
    history: int = Field(ge=3, le=24)
    days: int = Field(ge=1, le=90, description="until it must be changed")


class Lockout(Model):
    """Brute force: after some failures an account waits, longer each time."""

    failures: int = Field(ge=1, le=10)
    wait: int = Field(ge=60, description="seconds of the first wait")
    longest: int = Field(ge=300, description="seconds of the longest wait")


class OneTimePassword(Model):
    """RFC 6238."""

    digits: Literal[6, 8] = 6
    period: int = Field(default=30, ge=15, le=60)
    window: int = Field(default=1, ge=0, le=1, description="neighbouring periods that are accepted too")


class LevelAges(Model):
    """Seconds for which a level holds before a step-up asks again."""

    L1: Seconds
    L2: Seconds
    L3: Annotated[int, Field(ge=1, le=3600)]
    L4: Annotated[int, Field(ge=1, le=3600)]


class RealmSettings(Model):
    """`region/identity/realms/<name>.yaml`: `common` holds for every realm."""

    name: Label
    tokens: Tokens
    passwords: Passwords
    lockout: Lockout
    otp: OneTimePassword = OneTimePassword()
    levels: LevelAges
    event_days: int = Field(ge=180, description="login and admin events in the database (CE-15: at least half a year)")


class Administrator(Model):
    """`region/identity/administrators/<name>.yaml`: one person with one of the three powers."""

    name: Label
    title: Text
    province: Label
    organ: Label
    power: Power
    staff: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-[0-9]{4,8}$")] = Field(
        description="staff number of the person: one person has one power"
    )
    secret_ref: str = Field(alias="secretRef", description="path of the first password in the province's OpenBao")


class Person(Model):
    """`region/identity/people/<name>.yaml`: a made-up citizen or official, for environments with `samples`."""

    name: Label
    title: Text
    province: Label
    role: Literal["citizen", "official"]
    level: Level
    place: Annotated[str, StringConstraints(pattern=PLACE_PATTERN)] = Field(description="GB/T 2260 code")
    document: Annotated[str, StringConstraints(pattern=DOCUMENT_PATTERN)] = Field(description="made up, of year 1900")
    verified: bool = Field(description="whether somebody has compared the person with the document")


class Delegation(Model):
    """A person acts for a legal person, for a time."""

    person: Label
    valid: Validity


class LegalPerson(Model):
    """`region/identity/legal-persons/<name>.yaml`: an enterprise and who may act for it."""

    name: Label
    title: Text
    province: Label
    code: Annotated[str, StringConstraints(pattern=CREDIT_PATTERN)]
    delegations: tuple[Delegation, ...] = ()


__all__ = ["Administrator", "Delegation", "Identity", "LegalPerson", "Person", "RealmSettings"]
