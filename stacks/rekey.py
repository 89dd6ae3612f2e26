"""New shares of a store's unseal key. They are written down before they count, so a kill never leaves a store without shares.

OpenBao makes new shares only for enough of the old ones, and with `require_verification` they open nothing until enough of
the new ones were shown. Until then the old ones count: a run that dies before leaves everything as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from clients.failpoint import failpoint
from clients.openbao import Data, OpenBao, OpenBaoError
from model.errors import YrdError
from model.secrets import SecretsSpec
from stacks.rotation.issuers import lent
from stacks.secrets_custody import RECOVERY_SHARES, RECOVERY_THRESHOLD, custody_held, custody_store, dealt, dealt_size

#: The custody file's name for shares that are written down and may not count yet.
NEXT = "next"
_ALL = ("create", "delete", "read", "sudo", "update")


def shares_of(custody: Path) -> list[str]:
    """The officers' shares, enough to make new ones. Raises YrdError (E316)."""
    held = custody_held(custody)
    officers = [str(s) for s in held.get("officers", ())]
    if len(officers) < int(held.get("threshold") or 99):
        raise YrdError(
            "E316",
            f"{custody.name} 中份额不足",
            f"{custody.name} holds too few shares",
            "请保管人把份额放回该文件后重试",
            "have the officers bring their shares back into that file, and repeat",
        )
    return officers


def renew(client: OpenBao, spec: SecretsSpec, custody: Path, keepers: Sequence[str], old: Sequence[str]) -> None:
    """Make new shares with the officers' `old` ones, and let them count. Does nothing where a killed run has done it."""
    held = custody_held(custody)
    if NEXT in held and not accepted(client, spec, old):
        # They count already: only the run that made them did not live to write that down.
        _store_current(custody, held, held[NEXT])
    elif held.get("officers") == list(old):
        _renew(client, spec, custody, keepers, old)


def _renew(client: OpenBao, spec: SecretsSpec, custody: Path, keepers: Sequence[str], old: Sequence[str]) -> None:
    path, held = _path(client), custody_held(custody)
    with lent(client, spec, _grants(path)):
        answer = _quorum(client, path, _sizes(client, keepers), old)
        fresh = _dealt(client, answer, keepers)
        custody_store(custody, {**held, NEXT: fresh})
        failpoint("rekey-written-down")
        for share in list(fresh["officers"])[: int(fresh["threshold"])]:
            body = {"key": share, "nonce": answer["verification_nonce"]}
            done = client.write(f"{path}/verify", body)
        if not done.get("complete"):
            raise YrdError("E345", f"{client.url} 未采用新份额", f"{client.url} did not take the new shares")
        failpoint("rekey-counts")
        _store_current(custody, held, fresh)


def _store_current(custody: Path, held: Data, fresh: Data) -> None:
    custody_store(custody, {name: value for name, value in {**held, **fresh}.items() if name != NEXT})


def accepted(client: OpenBao, spec: SecretsSpec, shares: Sequence[str]) -> bool:
    """Whether these shares still make new ones; what they would make is thrown away before it counts."""
    path = _path(client)
    with lent(client, spec, _grants(path)):
        try:
            _quorum(client, path, (len(shares), min(len(shares), 2)), shares)
        except OpenBaoError as refused:
            if "unseal" not in refused.en and "invalid" not in refused.en and "key" not in refused.en:
                raise
            return False
        finally:
            client.delete(f"{path}/init")
    return True


def _quorum(client: OpenBao, path: str, sizes: tuple[int, int], shares: Sequence[str]) -> Data:
    """Begin anew and show shares until OpenBao answers with new ones, which wait to be verified."""
    client.delete(f"{path}/init")
    shape = {"secret_shares": sizes[0], "secret_threshold": sizes[1], "require_verification": True}
    started = client.write(f"{path}/init", shape)
    answer: Data = {}
    for share in shares[: int(started["required"])]:
        answer = client.write(f"{path}/update", {"key": share, "nonce": started["nonce"]})
    if not answer.get("keys_base64"):
        raise YrdError("E345", f"{client.url} 未生成新份额", f"{client.url} made no new shares")
    return answer


def _path(client: OpenBao) -> str:
    """Where an HSM or another service opens the store, people's keys are recovery keys."""
    return "sys/rotate/recovery" if client.seals_itself() else "sys/rotate/root"


def _grants(path: str) -> dict[str, tuple[str, ...]]:
    return {f"{path}/{end}": _ALL for end in ("init", "update", "verify")}


def _sizes(client: OpenBao, keepers: Sequence[str]) -> tuple[int, int]:
    return (RECOVERY_SHARES, RECOVERY_THRESHOLD) if client.seals_itself() else dealt_size(keepers)


def _dealt(client: OpenBao, answer: Data, keepers: Sequence[str]) -> Data:
    pieces = list(answer["keys_base64"])
    if client.seals_itself():
        return {"officers": pieces, "threshold": RECOVERY_THRESHOLD}
    return dealt(pieces, keepers)
