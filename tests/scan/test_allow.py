"""The allow-list: reasons, exact values, and no way to hide a secret that is made tomorrow."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.errors import BadInputError
from scan import allow
from scan.types import Finding

GOOD = """
- place: logs
  rule: generic-api-key
  where: "*:journal*"
  matches: pod-template-hash=[a-z0-9]{8,10}$
  reason: the hash of a pod's template, made by Kubernetes and public
"""


def load(tmp_path: Path, text: str) -> tuple[allow.Entry, ...]:
    path = tmp_path / "allowed.yaml"
    path.write_text(text)
    return allow.load(path)


def finding(
    form: str = "pattern", match: str = "pod-template-hash=5d8f7c9b4d", where: str = "anhui-1:journal"
) -> Finding:
    return Finding("logs", where, "generic-api-key", form, "0123456789abcdef", match)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("pod-template-hash=[a-z0-9]{8,10}$", ".*", "fresh secret"),
        ("pod-template-hash=[a-z0-9]{8,10}$", "'[0-9a-f]{30}'", "fresh secret"),
        ("pod-template-hash=[a-z0-9]{8,10}$", "token", "fresh secret"),
        ("pod-template-hash=[a-z0-9]{8,10}$", "hvs[.]", "fresh secret"),
        ("pod-template-hash=[a-z0-9]{8,10}$", "(", "no expression"),
        ("rule: generic-api-key", "{", "not YAML"),
        ("the hash of a pod's template, made by Kubernetes and public", "false positive", "says nothing"),
        ("  matches: pod-template-hash=[a-z0-9]{8,10}$\n", "", "exactly one"),
        ("  rule: generic-api-key\n", "", "missing"),
        ("place: logs", "place: everywhere", "no such place"),
        ("rule:", "rules: all\n  rule:", "unknown"),
    ],
)
def test_an_entry_that_is_too_wide_or_says_nothing_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(BadInputError, match=said):
        load(tmp_path, GOOD.replace(old, new))


def test_an_entry_hides_what_it_names_and_says_how_often(tmp_path: Path) -> None:
    (entry,) = load(tmp_path, GOOD)
    others = [finding(match="token=5d8f7c9b4d", where="b:journal"), finding(where="anhui-1:/var/log/pods")]
    left, hid = allow.sift((entry,), [finding(), *others])
    assert hid == {entry: 1} and len(left) == 2


def test_a_known_value_is_never_hidden(tmp_path: Path) -> None:
    (entry,) = load(tmp_path, GOOD)
    left, hid = allow.sift((entry,), [finding(form="base64")])
    assert left and hid == {entry: 0}


def test_the_list_that_is_used_is_a_good_one() -> None:
    assert allow.load()
