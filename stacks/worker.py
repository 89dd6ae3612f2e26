"""One stack's operation in a process of its own: provinces are independent failure domains, and one's error is not another's.

Called by the driver; writes one JSON line per event to standard output.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from pulumi import automation
from pulumi.automation import events

from clients import state
from model.errors import YrdError
from stacks import launcher, locks
from stacks.program import run
from toolchain.install import engine_path
from toolchain.paths import cache_root

PROJECT = "yrd-govcloud"


def environment(name: str) -> dict[str, str]:
    """Variables of the engine. The passphrase may be empty: a state holds no secret (D15)."""
    folder = state.private(state.environment(name) / "pulumi")
    given = {k: os.environ[k] for k in ("PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE") if k in os.environ}
    return {
        "PULUMI_BACKEND_URL": f"file://{folder}",
        "PULUMI_CONFIG_PASSPHRASE": "",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_HOME": str(cache_root() / "pulumi"),
        "PULUMI_AUTOMATION_API_SKIP_VERSION_CHECK": "true",
        "PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS": "true",
        "PATH": engine_path(),
        **given,
    }


def select(name: str) -> automation.Stack:
    """The stack, made when it is not there."""
    env = name.partition(".")[0]
    variables = environment(env)
    os.environ.update(variables)
    settings = automation.ProjectSettings(
        name=PROJECT, runtime="python", backend=automation.ProjectBackend(url=variables["PULUMI_BACKEND_URL"])
    )
    work = state.private(state.environment(env) / "pulumi" / "work" / name)
    options = automation.LocalWorkspaceOptions(env_vars=variables, project_settings=settings, work_dir=str(work))
    return automation.create_or_select_stack(name, PROJECT, lambda: run(name), opts=options)


def say(kind: str, **facts: Any) -> None:
    print(json.dumps({"kind": kind, **facts}, ensure_ascii=False, default=str), flush=True)  # noqa: T201  (the driver reads it)


def forward(event: events.EngineEvent) -> None:
    """What the driver shows of an engine's event."""
    if event.resource_pre_event and not event.resource_pre_event.planning:
        meta = event.resource_pre_event.metadata
        say("begin", op=meta.op, urn=meta.urn)
    elif event.resource_pre_event:
        meta = event.resource_pre_event.metadata
        old, new = (meta.old.inputs if meta.old else None), (meta.new.inputs if meta.new else None)
        if str(meta.op) not in {"OpType.SAME", "same"}:
            say("plan", op=meta.op, urn=meta.urn, old=_plain(old), new=_plain(new))
    elif event.res_outputs_event:
        say("end", op=event.res_outputs_event.metadata.op, urn=event.res_outputs_event.metadata.urn)
    elif event.res_op_failed_event:
        say("failed", urn=event.res_op_failed_event.metadata.urn)
    elif event.diagnostic_event and event.diagnostic_event.severity == "error":
        say("error", text=event.diagnostic_event.message, urn=event.diagnostic_event.urn or "")
    elif event.summary_event:
        say("summary", changes=event.summary_event.resource_changes or {})


def _plain(inputs: Any) -> Any:
    return {k: v for k, v in dict(inputs or {}).items() if k != "__provider"}


def resume(stack: automation.Stack) -> None:
    """Forget what a killed run had begun: every create is safe to repeat, so an unfinished one is simply done again."""
    exported = stack.export_stack()
    deployment = dict(exported.deployment or {})
    if deployment.get("pending_operations"):
        kept = {**deployment, "pending_operations": []}
        stack.import_stack(automation.Deployment(version=exported.version, deployment=kept))


def operate(verb: str, name: str) -> None:
    stack = select(name)
    quiet = {"on_event": forward, "on_output": lambda _: None, "suppress_progress": True}
    if verb == "preview":
        stack.preview(**quiet)  # type: ignore[arg-type]
        return
    locks.release_dead(name.partition(".")[0], PROJECT, name, lambda text: say("note", text=text))
    resume(stack)
    if verb == "up":
        stack.up(refresh=bool(stack.info(False)), parallel=6, **quiet)  # type: ignore[arg-type]
    elif verb == "refresh":
        stack.refresh(**quiet)  # type: ignore[arg-type]
    else:
        stack.destroy(**quiet)  # type: ignore[arg-type]
        stack.workspace.remove_stack(name)


def main() -> int:
    verb, name = sys.argv[1:3]
    launcher.start()
    try:
        operate(verb, name)
    except YrdError as error:
        say("error", text=str(error), urn="")
        return error.exit_code
    except automation.CommandError as error:
        # The engine's own words came as events already; what it could not even begin is only here.
        say("error", text=str(error)[-1500:], urn="", fallback=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
