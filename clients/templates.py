"""A role's templates outside of Ansible: for a server that runs on this host with the machine's own configuration."""

from __future__ import annotations

import jinja2
import yaml

from clients.ansible import ROLES


def render(role: str, path: str, **values: object) -> str:
    """A template of a role, with its defaults beneath `values`. Raises jinja2.UndefinedError for what neither says."""
    defaults = yaml.safe_load((ROLES / role / "defaults/main.yml").read_text()) or {}
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(ROLES / role / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        autoescape=False,  # noqa: S701 - configuration of a machine, not HTML
    )
    return environment.get_template(path).render({"ansible_managed": "Ansible", **defaults, **values})
