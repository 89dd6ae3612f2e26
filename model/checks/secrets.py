"""What looks like a secret in plain text (E160). The value is never printed, not by this fault and not by another."""

from __future__ import annotations

import base64
import binascii
import itertools
import math
import re
from collections import Counter
from dataclasses import dataclass

from model.codes import Words
from model.document import Loc, Mark, Scalar, fault_at
from model.faults import HIDDEN, Fault

#: Forms of secrets that are recognised by themselves, wherever they stand: also in a comment or in broken YAML.
KNOWN = re.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----|PuTTY-User-Key-File|AGE-SECRET-KEY-1[0-9A-Z]+"
    r"|\bhv[sbr]\.[A-Za-z0-9_-]{20,}|\b[sbr]\.[A-Za-z0-9]{24,}|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"
    r"|\b(?:AKIA|ASIA|LTAI)[0-9A-Za-z]{12,}|\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}"
    r"|\bxox[abeoprs]-[\w-]{10,}|\bpul-[0-9a-f]{40}\b|://[^/\s:@]+:[^/\s@]+@"
)
#: Words of a key's name that announce a secret. A name that ends in `ref` announces the path of one, which is right.
TELLING = frozenset(
    ("password", "passwd", "pwd", "passphrase", "secret", "token", "credential", "credentials", "apikey")
)
TELLING_PAIRS = frozenset((("private", "key"), ("api", "key"), ("access", "key"), ("seal", "key"), ("unseal", "key")))
TELLING_ZH = ("口令", "密码", "私钥", "密钥", "令牌")

#: SSH public keys and digests are public; they are taken out before what remains is measured.
SSH_TYPE = r"ssh-ed25519|ssh-rsa|ecdsa-sha2-nistp(?:256|384|521)|sk-[a-z0-9-]+@openssh\.com"
PUBLIC_KEY = re.compile(rf"\b({SSH_TYPE}) ([A-Za-z0-9+/]+=*)")
PUBLIC = re.compile(r"\b(?:sha256:[0-9a-f]{64}|SHA256:[A-Za-z0-9+/]{43}=?)")
RUN = re.compile(r"[A-Za-z0-9+/=_-]{20,}")
#: Bits per character. Names and sentences of one run stay below, 20 random characters of any alphabet lie above.
ENTROPY = 3.0


def in_text(path: str, text: str) -> tuple[tuple[Fault, ...], frozenset[str]]:
    """Secrets of a known form in the raw text; the second result is what no message may contain."""
    faults, secrets = [], set()
    for number, line in enumerate(text.split("\n"), start=1):
        for found in KNOWN.finditer(line):
            faults.append(_fault(path, Mark(number, found.start() + 1), "its form is well known", "其格式众所周知"))
            secrets.add(found.group())
    return tuple(faults), frozenset(secrets)


def in_scalars(path: str, scalars: tuple[Scalar, ...]) -> tuple[tuple[Fault, ...], frozenset[str]]:
    """Secrets by the name of their key or by their entropy."""
    found = [(scalar, reason) for scalar in scalars if (reason := _reason(scalar))]
    faults = tuple(_fault(path, scalar.mark, reason.en, reason.zh) for scalar, reason in found)
    return faults, frozenset(scalar.text for scalar, _ in found)


@dataclass(frozen=True)
class SshKey:
    """An SSH public key: the type that stands before it, the one inside of it, and its binary form."""

    stated: str
    inside: str
    blob: bytes


def ssh_key(text: str) -> SshKey | None:
    """None for what is no SSH public key of a known type."""
    found = PUBLIC_KEY.search(text)
    if not found:
        return None
    try:
        blob = base64.b64decode(found.group(2), validate=True)
    except binascii.Error:
        return None
    inside = blob[4 : 4 + int.from_bytes(blob[:4], "big")].decode("ascii", "replace")
    return SshKey(found.group(1), inside, blob) if re.fullmatch(SSH_TYPE, inside) else None


def _reason(scalar: Scalar) -> Words | None:
    if KNOWN.search(scalar.text):
        # `in_text` reports it; here the whole value is added to what must not be printed.
        return Words("其格式众所周知", "its form is well known")
    if not scalar.is_key and scalar.text.strip() and _told(scalar.loc):
        return Words("键名表明这是秘密", "its key says that it is a secret")
    if _random(scalar.text):
        return Words("熵高，像私钥或令牌", "high entropy, like a private key or a token")
    return None


def _told(loc: Loc) -> bool:
    """Whether the innermost named key announces a secret."""
    name = next((str(step) for step in reversed(loc) if isinstance(step, str)), "")
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name)
    words = [word for word in re.split(r"[^A-Za-z0-9]+", spaced.lower()) if word]
    if words and words[-1] in ("ref", "path", "name", "file"):
        return False
    pairs = set(itertools.pairwise(words))
    return bool(TELLING & set(words) or TELLING_PAIRS & pairs or any(word in name for word in TELLING_ZH))


def _random(text: str) -> bool:
    rest = PUBLIC.sub(" ", PUBLIC_KEY.sub(lambda m: " " if ssh_key(m.group()) else m.group(), text))
    return any(_entropy(run) >= ENTROPY and _changes(run) * 4 >= len(run) for run in RUN.findall(rest))


def _entropy(run: str) -> float:
    counts = Counter(run).values()
    return -sum(n / len(run) * math.log2(n / len(run)) for n in counts)


def _changes(run: str) -> int:
    """How often the class of the character changes: random text does it about every second character, words do not."""
    classes = ["digit" if c.isdigit() else "upper" if c.isupper() else "lower" for c in run if c.isalnum()]
    return sum(a != b for a, b in itertools.pairwise(classes))


def _fault(path: str, mark: Mark, reason_en: str, reason_zh: str) -> Fault:
    return fault_at(
        "E160",
        path,
        mark,
        HIDDEN,
        Words(f"{reason_zh}；文件会进入版本库", f"{reason_en}; the file goes into version control"),
        Words(
            "把值存入 OpenBao，这里只写 secretRef: <路径>；已提交过的要作废重发",
            "store it in OpenBao and write `secretRef: <path>` here; if it was ever committed, revoke and replace it",
        ),
    )
