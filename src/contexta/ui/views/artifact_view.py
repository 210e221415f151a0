"""Download a stored file of a run, by its digest: never opened in the browser."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from shutil import rmtree

from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import FileResponse, Response

from contexta.client.contexta import Contexta
from contexta.core.errors import NotFound, shown

SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""The content policy of everything that is not a page: a browser runs nothing in it."""


def artifact(workspace: Contexta, request: Request) -> Response:
    """The verified bytes of a kept artifact, by ``run`` and ``digest``; a directory as a tar file."""
    name, digest = request.query_params.get("run", ""), request.query_params.get("digest", "")
    run = workspace.get_run(name)
    matches = [item for item in run.artifacts if item.kept and digest and item.digest == digest]
    if not matches:
        raise NotFound(f"{run.run_ref} has no kept file with the digest {shown(digest)}")
    directory = Path(tempfile.mkdtemp(prefix="contexta-download-"))
    path = directory / "artifact"
    try:
        workspace.copy_artifact(str(run.run_ref), str(matches[-1].artifact_ref), path)
    except BaseException:  # also an interrupt leaves no copy behind
        rmtree(directory, ignore_errors=True)
        raise
    ending = ".tar" if (matches[-1].digest or "").startswith("tree-") else ""
    return FileResponse(
        path,
        media_type="application/octet-stream",
        filename=_file_name(matches[-1].name) + ending,
        headers={"content-security-policy": SANDBOX},
        background=BackgroundTask(rmtree, directory, ignore_errors=True),
    )


def _file_name(name: str) -> str:
    """The last part of a name, of characters that every system has in file names."""
    return re.sub(r"[^\w.+-]+", "_", name.replace("\\", "/").rpartition("/")[2])[-100:].lstrip(".") or "artifact"


__all__ = ["SANDBOX", "artifact"]
