"""The first configuration of an OpenBao, the shares of its unseal key, and the credentials that it hands out.

Files in the site's folder, both mode 0600: `custody.json` holds the officers' shares, those of keepers until they are
handed over, and the root token while the first configuration is not finished; `deployer.json` the AppRole that every later
run uses. A run that dies anywhere in here is finished by the next one.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from enum import Enum
from pathlib import Path

from clients import state
from clients.failpoint import failpoint
from clients.openbao import AppRole, Data, OpenBao, SealedError, Token, connect, load, ready
from model import access
from model.custody import EACH, OFFICERS, THRESHOLD
from model.errors import YrdError
from model.secrets import SecretsSpec
from stacks.secrets_apply import Action, apply

#: Where an HSM or another service opens the store, people have recovery keys instead: any three of five.
RECOVERY_SHARES, RECOVERY_THRESHOLD = 5, 3


class Outcome(Enum):
    """What the caller does next."""

    READY = "the root token is at hand: configure"
    CONFIGURED = "configured before: the deployer's credential is used"
    NEEDS_RESET = "initialised by a run that died before it stored the keys; nothing is in it: wipe its data and repeat"


class CustodyError(YrdError):
    """Keys or credentials of a configured OpenBao are not where they belong."""

    def __init__(self, url: str, file: Path) -> None:
        zh, en = f"{url} 已配置，但缺少 {file.name}", f"{url} is configured, but {file.name} is missing or refused"
        super().__init__("E306", zh, en, *_FIX)


_FIX = (
    "取回该文件；若已丢失，按 docs/adr/0002-unseal.md 凭保管人的份额生成根令牌",
    "bring the file back; if it is lost, make a root token with the officers' shares (docs/adr/0002-unseal.md)",
)


def initialise(
    url: str, ca_file: Path, custody: Path, deployer: Path | None = None, keepers: Sequence[str] = ()
) -> Outcome:
    """Initialise the server unless it is, and store the shares before anything else happens.

    Raises CustodyError when the server is configured and nobody holds its shares or credential, SealedError when it is
    shut and too few shares are here.
    """
    server = OpenBao(url, ca_file)
    if not server.health().initialized:
        # Only who wrote this down may later say that an initialised server is its own unfinished work.
        custody_store(custody, {"initialising": True})
        held = _init(server, keepers)
        failpoint("openbao-initialised")
        custody_store(custody, held)
        failpoint("openbao-custody-stored")
    if custody_held(custody).get("initialising"):
        return Outcome.NEEDS_RESET
    if server.health().sealed and custody_held(custody).get("root_token"):
        unseal(url, ca_file, custody)
    if (deployer or custody.with_name("deployer.json")).exists() or custody_held(custody).get("root_token"):
        ready(url, ca_file)
        return Outcome.READY if custody_held(custody).get("root_token") else Outcome.CONFIGURED
    raise CustodyError(url, custody if not custody.exists() else custody.with_name("deployer.json"))


def _init(server: OpenBao, keepers: Sequence[str]) -> Data:
    """`sys/init`, and who is to hold which share."""
    if server.seals_itself():
        answer = server.initialise(RECOVERY_SHARES, RECOVERY_THRESHOLD, recovery=True)
        shares = {"officers": answer["recovery_keys_base64"], "threshold": RECOVERY_THRESHOLD}
    else:
        answer = server.initialise(*dealt_size(keepers))
        shares = dealt(answer["keys_base64"], keepers)
    return {**shares, **_root(answer)}


def dealt_size(keepers: Sequence[str]) -> tuple[int, int]:
    """How many shares are made, and how many of them open."""
    return len(keepers) * EACH + OFFICERS, THRESHOLD


def dealt(pieces: Sequence[str], keepers: Sequence[str]) -> Data:
    """Whose each new share is, as the custody file holds it."""
    own = {name: list(pieces[at * EACH : (at + 1) * EACH]) for at, name in enumerate(keepers)}
    return {"keepers": own, "officers": list(pieces[len(keepers) * EACH :]), "threshold": THRESHOLD}


def unseal(url: str, ca_file: Path, custody: Path, ask: Callable[[str], str] | None = None) -> None:
    """Open a sealed server with the shares that lie here, or with those that `ask` gets from people, one at a time.

    Raises SealedError when they are too few.
    """
    server = OpenBao(url, ca_file)
    for share in _shares(custody) or _asked(url, ask):
        if not server.glance().sealed or server.unseal(share):
            return
    raise SealedError(url)


def _asked(url: str, ask: Callable[[str], str] | None) -> Iterator[str]:
    """Shares of officers who took theirs away; an empty answer ends it."""
    while ask and (share := ask(url).strip()):
        yield share


def can_unseal(custody: Path) -> bool:
    """Whether enough shares lie here."""
    return len(_shares(custody)) >= int(custody_held(custody).get("threshold") or 99)


def _shares(custody: Path) -> list[str]:
    held = custody_held(custody)
    return [*held.get("officers", ()), *(s for own in dict(held.get("keepers") or {}).values() for s in own)]


def keeper_share(custody: Path, keeper: str) -> str:
    """The plain shares of a keeper, a blank between two, while they are not handed over; else empty."""
    return " ".join(dict(custody_held(custody).get("keepers") or {}).get(keeper, ()))


def forget_share(custody: Path, keeper: str) -> None:
    """After it was handed over: the keeper alone can read it now."""
    held = custody_held(custody)
    kept = {name: share for name, share in dict(held.get("keepers") or {}).items() if name != keeper}
    custody_store(custody, {**held, "keepers": kept})


def establish(spec: SecretsSpec, url: str, ca_file: Path, custody: Path, deployer: Path) -> tuple[Action, ...]:
    """Make OpenBao equal `spec`, with the root token if the first configuration is not finished, else as deployer.

    Returns what was changed. Afterwards no root token is alive. Raises CustodyError, LostError, errors of the client.
    """
    root = str(custody_held(custody).get("root_token") or "")
    actions = _first(spec, url, ca_file, custody, deployer, root) if root else ()
    if not deployer.exists():
        raise CustodyError(url, deployer)
    return (*actions, *apply(connect(url, ca_file, load(deployer)), spec))


def _first(spec: SecretsSpec, url: str, ca_file: Path, custody: Path, deployer: Path, root: str) -> tuple[Action, ...]:
    """Configure as root, store the deployer's credential, prove it, end the root token, prove that too, forget it."""
    client = connect(url, ca_file, Token(root))
    actions: tuple[Action, ...] = ()
    # A token that is dead already belongs to a run that died between ending and forgetting it.
    if client.alive():
        actions = apply(client, spec)
        failpoint("openbao-configured")
        state.write_atomic(deployer, json.dumps(credentials(client, spec, access.DEPLOYER)) + "\n")
        failpoint("openbao-deployer-stored")
        connect(url, ca_file, load(deployer))
        client.revoke_self()
        failpoint("openbao-root-revoked")
        if client.alive():
            raise YrdError("E309", f"{url} 根令牌注销后仍有效", f"{url}: the root token is alive after its revocation")
    elif not deployer.exists():
        raise CustodyError(url, deployer)
    custody_store(custody, {name: value for name, value in custody_held(custody).items() if name != "root_token"})
    return actions


def credentials(client: OpenBao, spec: SecretsSpec, service: str, holder: str = "") -> dict[str, str]:
    """A new `{"role_id", "secret_id"}` of a service; what the same holder had before ends.

    Call it when `holder` (a machine) has no usable credential. Raises KeyError for a service that is not planned.
    """
    path = {a.name: a for a in spec.approles}[service].path
    holder = holder or service
    earlier = _accessors(client, path, holder)
    role = client.read(f"{path}/role-id") or {}
    secret = client.write(f"{path}/secret-id", {"metadata": json.dumps({"holder": holder})})
    for accessor in earlier:
        client.write(f"{path}/secret-id-accessor/destroy", {"secret_id_accessor": accessor})
    return {"role_id": str(role["role_id"]), "secret_id": str(secret["secret_id"])}


def forget(client: OpenBao, spec: SecretsSpec, service: str, holder: str = "") -> None:
    """End the credentials that `holder` was given."""
    path = {a.name: a for a in spec.approles}[service].path
    for accessor in _accessors(client, path, holder or service):
        client.write(f"{path}/secret-id-accessor/destroy", {"secret_id_accessor": accessor})


def _accessors(client: OpenBao, path: str, holder: str) -> list[str]:
    """Credentials that `holder` was given before."""
    found = []
    for accessor in client.list(f"{path}/secret-id"):
        row = client.write(f"{path}/secret-id-accessor/lookup", {"secret_id_accessor": accessor})
        if (row.get("metadata") or {}).get("holder") == holder:
            found.append(accessor)
    return found


def reopen(url: str, ca_file: Path, custody: Path, deployer: Path) -> None:
    """Break the glass: put a new root token into the custody file, for the next `establish` to use and to end.

    Needs enough officers' shares in the custody file. Without the deployer's credential it also needs a server that was
    told to listen to people without one (`openbao_break_glass`). Every step is in the audit files.

    Raises YrdError (E316) when there are too few keys.
    """
    known = deployer.exists()
    client = connect(url, ca_file, load(deployer)) if known else OpenBao(url, ca_file)
    path, held = ("sys/generate-root-token" if known else "sys/generate-root"), custody_held(custody)
    client.delete(f"{path}/attempt")
    started: Data = client.write(f"{path}/attempt", {})
    answer: Data = {}
    for key in list(held["officers"])[: int(held["threshold"])]:
        answer = client.write(f"{path}/update", {"key": key, "nonce": started["nonce"]})
    if not answer.get("encoded_token"):
        raise YrdError("E316", f"{custody.name} 中份额不足", f"{custody.name} holds too few shares", *_FIX)
    # The answer is the token, XORed with the one-time password and base64 without padding.
    sent, otp = base64.b64decode(str(answer["encoded_token"]) + "=="), str(started["otp"]).encode()
    token = bytes(a ^ b for a, b in zip(sent, otp, strict=True)).decode()
    custody_store(custody, {**held, "root_token": token})


def usable(url: str, ca_file: Path, credential: AppRole) -> bool:
    """Whether a credential still opens a session from here."""
    try:
        connect(url, ca_file, credential)
    except YrdError as refused:
        if refused.code != "E302":
            raise
        return False
    return True


def _root(answer: Data) -> Data:
    return {"root_token": answer["root_token"]}


def custody_held(custody: Path) -> Data:
    """Content of the custody file; empty when it was taken away to a safe."""
    return dict(json.loads(custody.read_text())) if custody.exists() else {}


def custody_store(custody: Path, content: Data) -> None:
    state.write_atomic(custody, json.dumps(content, indent=1) + "\n")
