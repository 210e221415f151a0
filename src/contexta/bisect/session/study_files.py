"""Files of a study: the last request, the initial source, the report. Written atomically, checked when read."""

from __future__ import annotations

import contexta.core.check_requirements  # noqa: F401  # before pydantic, which may be too old

# isort: split
import json
from pathlib import Path
from typing import Any, TypeVar

from contexta.bisect.inputs.judgement import Choice
from contexta.bisect.inputs.request import BisectRequest
from contexta.bisect.option_names import resume_call, usage
from contexta.core.errors import DamagedData, InvalidInput, NotFound
from contexta.core.files import atomic_files, digested_files
from contexta.core.model import Value
from contexta.core.own_source import upgrade_hint
from contexta.findings.bisect import BisectReport, BisectStatus, digest_of
from contexta.recorder.journal.processes import alive
from contexta.recorder.redaction import redact

LAST, BEGINNING, REPORT, STATUS = "last.json", "study.json", "report.json", "status.json"
_FORMAT = 1  # format of LAST and BEGINNING; a reader refuses a higher number
_TO_BEGIN = "start the bisect again with OLD, NEW and the command: finished trials count"

_Stored = TypeVar("_Stored", bound="_StoredValue")


class _StoredValue(Value):
    format: int = _FORMAT


class LastStudy(_StoredValue):
    """The last study of a workspace, so that it can be resumed without arguments."""

    request: dict[str, Any]
    """Fields of ``BisectRequest`` that were set, without secrets."""
    choice: Choice | None
    folder: str
    """Directory in which the command ran."""
    study: Path
    """Its directory; relative to that of all studies if it is in there, so that both can be moved and restored."""
    hidden: bool
    """Whether the request had a secret, which is not stored."""


class StudyBeginning(_StoredValue):
    """The source at the start of a study. The study resumes only with the same source."""

    source: str
    """Digest of the files."""
    own: tuple[str, ...]
    """States of the user's own packages."""
    since: str
    """Trials before this moment do not count; "" for all."""
    files: tuple[str, ...]


def remember(at: Path, request: BisectRequest, choice: Choice | None, folder: str, study: Path) -> None:
    """at: the directory of all studies. folder: where the command runs."""
    at.mkdir(parents=True, exist_ok=True)
    fields = request.model_dump(mode="json", exclude_unset=True, exclude={"fresh", "outputs"})
    safe, hidden = redact.parameters(fields, None)
    below = study.relative_to(at.absolute()) if study.is_relative_to(at.absolute()) else study
    write(at / LAST, LastStudy(request=safe, choice=choice, folder=folder, study=below, hidden=bool(hidden)))


def read_last(at: Path) -> LastStudy:
    """Raises NotFound without a study, DamagedData, InvalidInput for a file of a newer version."""
    if not (at / LAST).exists():
        raise NotFound("there is no study here", hint=f"begin one: {usage()}")
    last = read(at / LAST, LastStudy)
    try:
        BisectRequest(**last.request)
    except InvalidInput as error:
        raise DamagedData(f"{at / LAST} is damaged: {error.what}", hint=_TO_BEGIN) from error
    return last.model_copy(update={"study": at / last.study})


def request_of(last: LastStudy, changes: dict[str, Any]) -> BisectRequest:
    """The request of the last study. changes: fields that the user sets now.

    Raises InvalidInput in another directory, or where the command had a secret.
    """
    if last.folder != str(Path.cwd()):
        raise InvalidInput(f"the last study ran in {last.folder}", hint="resume it from there")
    if last.hidden:
        raise InvalidInput(
            "the command of the last study holds a secret, and secrets are not stored",
            hint="give the complete command again: finished trials count",
        )
    return BisectRequest(**{**last.request, **changes})


def write(path: Path, content: _StoredValue) -> None:
    """Replace a file in one step. Raises OSError; then the old file is unchanged."""
    digested_files.write(str(path), content.model_dump_json().encode())


def read(path: Path, kind: type[_Stored]) -> _Stored:
    """Raises DamagedData for a file that does not match its digest, InvalidInput for a newer format."""
    try:
        fields = json.loads(digested_files.read(str(path)))
    except (DamagedData, ValueError) as error:
        raise DamagedData(f"{path} is damaged: it does not match its digest", hint=_TO_BEGIN) from error
    except OSError as error:
        raise DamagedData(f"{path} cannot be read: {error.strerror}", hint=_TO_BEGIN) from error
    version = fields.get("format") if isinstance(fields, dict) else None
    if isinstance(version, int) and version > _FORMAT:
        raise InvalidInput(f"{path} has format {version}, which is newer than {_FORMAT}", hint=upgrade_hint())
    try:
        return kind.model_validate(fields)
    except InvalidInput as error:
        raise DamagedData(f"{path} is damaged: {error.what}", hint=_TO_BEGIN) from error


def write_report(study: Path, report: BisectReport) -> None:
    """Replace the report of a study in one step."""
    atomic_files.write(study / REPORT, report.model_dump_json(indent=2).encode())


def read_report(study: Path) -> BisectReport:
    """Raises NotFound without a report, DamagedData where it does not match its digest."""
    path = study / REPORT
    if not path.is_file():
        raise NotFound(f"the study in {study} has no report yet", hint=f"{resume_call()} continues it")
    hint = f"{resume_call()} writes it again from the trials"
    try:
        body = json.loads(path.read_bytes())
        if not isinstance(body, dict) or body.get("digest") != digest_of(body):
            raise DamagedData(f"{path} is damaged: its content does not match its digest", hint=hint)
        return BisectReport.model_validate(body)
    except (ValueError, OSError, RecursionError) as error:
        raise DamagedData(f"{path} is damaged: {error}", hint=hint) from error


def studies(at: Path) -> list[Path]:
    """The directories of the studies of a workspace, the latest first. at: the directory of all studies."""
    folders = [path.parent for name in (BEGINNING, STATUS, REPORT) for path in at.glob(f"*/{name}")]
    return sorted(set(folders), key=lambda folder: (_latest(folder), folder.name), reverse=True)


def _latest(folder: Path) -> float:
    """When the study last wrote one of its files."""
    paths = [folder / name for name in (BEGINNING, STATUS, REPORT)]
    return max(path.stat().st_mtime for path in paths if path.exists())


def write_status(study: Path, status: BisectStatus) -> None:
    atomic_files.write(study / STATUS, status.model_dump_json().encode())


def read_status(study: Path) -> BisectStatus:
    """Raises NotFound before the first trial, DamagedData."""
    try:
        status = BisectStatus.model_validate_json((study / STATUS).read_bytes())
    except FileNotFoundError as error:
        raise NotFound(f"no trial of the study in {study} has begun yet") from error
    except (ValueError, OSError) as error:
        raise DamagedData(f"{study / STATUS} is damaged: {error}", hint="the next trial writes it again") from error
    if status.is_running and alive(status.process) is False:
        return status.model_copy(update={"state": "killed", "running": None})
    return status
