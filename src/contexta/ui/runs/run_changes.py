"""Change notes and tags, archive runs, and lead the selected runs to another page."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from contexta.client.contexta import Contexta
from contexta.core.errors import InvalidInput
from contexta.ui.frame.submitted import Submitted, local_path

_LONGEST_ADDRESS = 6_000


def annotate(workspace: Contexta, form: Submitted) -> Response:
    """Replace the note and the tags of a run."""
    name = form.get("run", "")
    tags: dict[str, str] = {}
    for line in form.get("tags", "").splitlines():
        tag, _, value = line.strip().partition("=")
        if tag.strip():
            tags[tag.strip()] = value.strip()
    run = workspace.get_run(name)
    removed = [tag for tag in run.tags if tag not in tags]
    changed = {tag: value for tag, value in tags.items() if run.tags.get(tag) != value}
    if removed or changed:
        workspace.tag_run(name, changed, remove=removed)
    note = form.get("note", "").replace("\r\n", "\n").strip()
    if note != (run.note or ""):
        workspace.note_run(name, note)
    return RedirectResponse(local_path(form.get("back", "/")), 303)


def archive(workspace: Contexta, form: Submitted) -> Response:
    """Archive the selected runs, or list them again."""
    is_restored = form.get("restore") == "yes"
    references = _references(form.getlist("run"))
    for reference in references:
        workspace.archive_run(reference, archived=not is_restored)
    back = local_path(form.get("back", "/"))
    if is_restored:
        return RedirectResponse(back, 303)
    undo = f"{back}{'&' if '?' in back else '?'}{urlencode([('undo', ' '.join(references))])}"
    return RedirectResponse(undo if len(undo) < _LONGEST_ADDRESS else back, 303)


def choose(_: Contexta, request: Request) -> Response:
    """Lead the selected rows to a comparison or an export. The first run of a group represents it."""
    values = [value.split()[0] for value in request.query_params.getlist("run") if value.strip()]
    target = "/export" if request.query_params.get("do") == "export" else "/compare"
    return RedirectResponse(f"{target}?{urlencode([('run', value) for value in values])}", 303)


def _references(values: list[str]) -> list[str]:
    references = list(dict.fromkeys(reference for value in values for reference in value.split()))
    if not references:
        raise InvalidInput("no run is selected", hint="select runs on the page Runs")
    return references


__all__ = ["annotate", "archive", "choose"]
