"""Resources: runs and studies under addresses, each with the JSON of a tool."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from contexta.cli.agents.tools import Reply, Toolbox, failure
from contexta.client.contexta import Contexta
from contexta.store.backends.engine import exists

SCHEME = "contexta://"
JSON = "application/json"
_RUNS = 20  # the latest ones that are listed, as `contexta runs` lists them


class Template(NamedTuple):
    """Addresses of one form."""

    form: str
    """With ``{name}`` for the value of the argument."""
    tool: str
    argument: str
    description: str


TEMPLATES = (
    Template("runs/{name}", "show", "run", "One run: status, metrics, parameters, environment."),
    Template("studies/{name}/status", "bisect_status", "study", "The state of a bisect, also while it runs."),
    Template("studies/{name}/report", "bisect_report", "study", "The report of a bisect: verdict, proof, trials."),
)
_ALL_RUNS = {"uri": f"{SCHEME}runs", "name": "runs", "description": "The latest runs.", "mimeType": JSON}


class Resources:
    """The resources of one workspace."""

    def __init__(self, workspace: str | None, toolbox: Toolbox) -> None:
        self._workspace = workspace
        self._toolbox = toolbox

    def templates(self) -> list[dict[str, Any]]:
        """The forms of addresses, as ``resources/templates/list`` describes them."""
        return [
            {
                "uriTemplate": f"{SCHEME}{template.form.replace('{name}', f'{{{template.argument}}}')}",
                "name": template.tool,
                "description": template.description,
                "mimeType": JSON,
            }
            for template in TEMPLATES
        ]

    def listed(self) -> list[dict[str, Any]]:
        """The latest runs and all studies, as ``resources/list`` describes them."""
        with Contexta(workspace=self._workspace) as ctx:
            if ctx.is_local and not exists(ctx.root):
                return [_ALL_RUNS]
            names = [(TEMPLATES[0], str(run.run_ref.value)) for run in ctx.list_runs(limit=_RUNS)]
            names += [(template, study.name) for study in ctx.list_bisects() for template in TEMPLATES[1:]]
        return [_ALL_RUNS, *(_resource(template, name) for template, name in names)]

    def read(self, uri: str) -> Reply:
        """The answer of the tool that an address names."""
        address = uri.removeprefix(SCHEME).rstrip("/")
        if address == "runs":
            return self._toolbox.call("runs", {}, threading.Event())
        for template in TEMPLATES:
            before, after = template.form.split("{name}")
            if address.startswith(before) and address.endswith(after):
                name = unquote(address[len(before) : len(address) - len(after)])
                arguments = {template.argument: self._value(template, name)}
                return self._toolbox.call(template.tool, arguments, threading.Event())
        forms = ", ".join(f"{SCHEME}{template.form.replace('name', template.argument)}" for template in TEMPLATES)
        return failure(f"there is no resource {uri}", f"the addresses are {SCHEME}runs, {forms}")

    def _value(self, template: Template, name: str) -> str:
        if template.argument != "study":
            return name
        with Contexta(workspace=self._workspace) as ctx:
            return str(next((study for study in ctx.list_bisects() if study.name == name), name))


def _resource(template: Template, name: str) -> dict[str, Any]:
    uri = SCHEME + template.form.replace("{name}", quote(name, safe=""))
    label = f"{template.form.rpartition('/')[2]} of study {name}" if template.argument == "study" else name
    return {"uri": uri, "name": label, "description": template.description, "mimeType": JSON}
