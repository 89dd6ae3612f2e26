"""What the deployment tells the page: its own address, the broker, who lives where, what may be applied for."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

CONFIGURATION = Path("/etc/yrd/affairs/affairs.json")


@dataclass(frozen=True)
class Words:
    """One text in both languages."""

    zh: str
    en: str


@dataclass(frozen=True)
class Home:
    """A province whose people may log in, and the realm that knows them."""

    name: str
    title: Words
    issuer: str


@dataclass(frozen=True)
class Item:
    """One thing that may be applied for."""

    name: str
    title: Words


@dataclass(frozen=True)
class Settings:
    """`levels` from weakest to strongest; a login asks for `ordinary`, an application needs `protected`. Times in seconds."""

    public: str
    issuer: str
    client: str
    ca: str
    key: Path
    province: str
    title: Words
    levels: tuple[str, ...]
    ordinary: str
    protected: str
    fresh: int
    homes: tuple[Home, ...]
    items: tuple[Item, ...]

    def url(self, path: str) -> str:
        return f"{self.public}{path}"

    def enough(self, acr: str, wanted: str) -> bool:
        """Whether `acr` is at least `wanted`; a word that is no level is below every level."""
        return acr in self.levels and self.levels.index(acr) >= self.levels.index(wanted)

    @property
    def origins(self) -> tuple[str, ...]:
        """Where a person's browser is sent during login and logout."""
        found = {f"{u.scheme}://{u.netloc}" for u in map(urlsplit, (self.issuer, *(h.issuer for h in self.homes)))}
        return tuple(sorted(found))


def read(path: Path) -> Settings:
    """Settings from a file. Raises KeyError or ValueError for one that does not hold them."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    homes = tuple(Home(h["name"], Words(**h["title"]), h["issuer"]) for h in raw["homes"])
    items = tuple(Item(i["name"], Words(**i["title"])) for i in raw["items"])
    own = {"title": Words(**raw["title"]), "levels": tuple(raw["levels"]), "homes": homes, "items": items}
    return Settings(**{**raw, **own, "key": Path(raw["key"])})
