"""Known values in bytes: all of them in all their forms at once (Aho and Corasick 1975). In memory, nothing is written. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ahocorasick_rs import BytesAhoCorasick

from scan.forms import forms
from scan.types import Finding, Known, Piece


class Matcher:
    """Built once from everything that is known to be secret."""

    def __init__(self, known: Iterable[Known]) -> None:
        means: dict[bytes, tuple[Known, str]] = {}
        for one in known:
            for form, name in forms(one.value).items():
                means.setdefault(form, (one, name))
        self._means = list(means.values())
        self._automaton = BytesAhoCorasick(list(means)) if means else None

    def search(self, piece: Piece) -> Iterator[Finding]:
        """Each known value once per form."""
        if self._automaton is None:
            return
        hits = self._automaton.find_matches_as_indexes(piece.data, overlapping=True)
        for index in sorted({hit[0] for hit in hits}):
            known, form = self._means[index]
            yield Finding(piece.place, piece.where, known.name, form, known.fingerprint)
