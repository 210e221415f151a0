"""Stored files of a run, by their digest: a download, or an image that a page shows."""

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
from contexta.findings import Artifact, RunDetails
from contexta.recorder.image_types import LARGEST, image_format

SANDBOX = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""The content policy of everything that is not a page: a browser runs nothing in it."""


def artifact(workspace: Contexta, request: Request) -> Response:
    """The verified bytes of a kept artifact, by ``run`` and ``digest``; a directory as a tar file."""
    run, item = _requested(workspace, request)
    directory = Path(tempfile.mkdtemp(prefix="contexta-download-"))
    path = directory / "artifact"
    try:
        workspace.copy_artifact(str(run.run_ref), str(item.artifact_ref), path)
    except BaseException:  # also an interrupt leaves no copy behind
        rmtree(directory, ignore_errors=True)
        raise
    ending = ".tar" if (item.digest or "").startswith("tree-") else ""
    return FileResponse(
        path,
        media_type="application/octet-stream",
        filename=_file_name(item.name) + ending,
        headers={"content-security-policy": SANDBOX},
        background=BackgroundTask(rmtree, directory, ignore_errors=True),
    )


def image(workspace: Contexta, request: Request) -> Response:
    """The verified bytes of a kept image, by ``run`` and ``digest``. Files of any other format are not found."""
    run, item = _requested(workspace, request)
    data = b""
    if (item.size_bytes or 0) <= LARGEST:
        data = workspace._opened().objects.get(item.location.partition(":")[2])
    name = image_format(data)
    if name is None:
        raise NotFound(f"{item.artifact_ref} of {run.run_ref} is no image of up to {LARGEST} bytes")
    headers = {"content-security-policy": SANDBOX, "cache-control": "private, max-age=3600"}
    return Response(data, media_type=f"image/{name}", headers=headers)


def _requested(workspace: Contexta, request: Request) -> tuple[RunDetails, Artifact]:
    name, digest = request.query_params.get("run", ""), request.query_params.get("digest", "")
    run = workspace.get_run(name)
    matches = [item for item in run.artifacts if item.kept and digest and item.digest == digest]
    if not matches:
        raise NotFound(f"{run.run_ref} has no kept file with the digest {shown(digest)}")
    return run, matches[-1]


def _file_name(name: str) -> str:
    """The last part of a name, of characters that every system has in file names."""
    return re.sub(r"[^\w.+-]+", "_", name.replace("\\", "/").rpartition("/")[2])[-100:].lstrip(".") or "artifact"


__all__ = ["SANDBOX", "artifact", "image"]
