"""Write a run of another tool as a journal, the form in which all runs enter a workspace.

Secrets are replaced here, as the recorder replaces them in a live run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from itertools import islice
from typing import Any, BinaryIO

from contexta.contract.environment import UNKNOWN, normal_name, same_version
from contexta.core.errors import InvalidInput
from contexta.core.references import slug
from contexta.core.validation import MAX_NAME
from contexta.findings.runs import IMPORT_TOPIC, IMPORTED
from contexta.importers.readers import KINDS
from contexta.importers.reading.description import LATEST, ForeignEnvironment, ForeignRun, MetricPoint
from contexta.recorder.journal.objects import Objects
from contexta.recorder.redaction import cutting, redact
from contexta.recorder.session.artifacts import INPUT
from contexta.recorder.source.patches import without_secrets

_MOST_PARAMS, _MOST_TAGS, _MOST_NOTES, _MOST_LINES_NAMED = 10_000, 1_000, 500, 10


class JournalWriter:
    """Writes one run to a file."""

    def __init__(self, file: BinaryIO, objects: Objects, salt: bytes) -> None:
        self._file = file
        self._objects = objects
        self._salt = salt
        self._number = 0
        self._digest = sha256()

    def write(self, run: ForeignRun, project: str) -> str:
        """Write all lines of a run, and return the digest of its content."""
        start = min(max(run.started_at, 0), LATEST)
        self._at = start
        project_name, name = redact.name(project, self._salt), redact.name(run.name, self._salt)
        ref = f"{slug(project_name) or 'project'}.{slug(name) or 'run'}"
        description = {"description": self._clean(run.description)[:10_000]} if run.description else {}
        self._line("run", run=ref, name=name or "run", project_name=project_name or "project", **description)
        self._digest = sha256()  # the user may import into another project, or rename the run
        notes = list(run.notes)
        if run.environment is not None:
            self._line("environment", digest=self._objects.put(self._environment(run.environment)))
        self._params(run.params, notes)
        for tag, value in islice(run.tags.items(), _MOST_TAGS):
            clean = redact.parameters({tag: value}, self._salt)[0]
            for key, text in clean.items():
                self._line("tag", k=key[:MAX_NAME], x=str(text)[:10_000])
        self._facts(run, notes)
        if run.output:
            self._text_artifact(
                "output", "log", cutting.with_short_lines(run.output)[0], len(run.output.encode("utf-8", "replace"))
            )
        for artifact, text in run.attachments.items():
            self._text_artifact(artifact, "attachment", text, len(text.encode("utf-8", "replace")))
        for path, source in run.inputs.items():
            clean = self._clean(path)
            values = {"digest": source.digest, "size": source.size}
            fields = {name: value for name, value in values.items() if value is not None}
            self._line("artifact", name=clean, kind=INPUT, location=clean, attributes={"path": clean}, **fields)
        for key, points in sorted(run.metrics.items()):
            self._points(key, points)
        self._at = max(start, min(run.ended_at, LATEST))
        for note in notes[:_MOST_NOTES]:
            self._line("note", topic=IMPORT_TOPIC, text=self._clean(note)[:10_000])
        digest = self._digest.hexdigest()
        origin = {"kind": run.kind, "tool": KINDS[run.kind].TITLE, "version": run.tool_version}
        place = {"path": self._clean(str(run.path)), "identity": self._clean(run.identity), "digest": digest}
        self._line("fact", facts={IMPORTED: {**origin, **place}})
        self._line("end", status=run.status)
        return digest

    def _line(self, kind: str, /, **values: Any) -> None:
        head = {"s": self._number, "t": kind, "at": self._at}
        self._write(json.dumps({**head, **values}, separators=(",", ":")).encode() + b"\n")
        self._number += 1

    def _write(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)

    def _clean(self, text: str) -> str:
        return redact.inside(text, self._salt)

    # ------------------------------------------------------------------------------------------ parts

    def _points(self, key: str, points: list[MetricPoint]) -> None:
        """The lines of one series, in the layout that is ingested fastest."""
        number = self._number
        name = json.dumps(redact.name(key, self._salt))
        lines = []
        for step, at, value in points:
            text = repr(value) if isinstance(value, int) or value - value == 0 else json.dumps(value)
            tail = "" if step is None else f',"i":{step}'
            lines.append(f'{{"s":{number},"t":"metric","at":{at},"k":{name},"x":{text}{tail}}}\n')
            number += 1
        self._number = number
        self._write("".join(lines).encode())

    def _params(self, params: Mapping[str, Any], notes: list[str]) -> None:
        if len(params) > _MOST_PARAMS:
            notes.append(f"only the first {_MOST_PARAMS} of {len(params)} parameters were read")
        clean, hidden = redact.parameters(dict(islice(params.items(), _MOST_PARAMS)), self._salt)
        notes += [entry["text"] for entry in hidden]
        for name, value in clean.items():
            self._line("param", k=name, x=json.loads(json.dumps(value, default=str)))

    def _facts(self, run: ForeignRun, notes: list[str]) -> None:
        facts: dict[str, Any] = {}
        if run.command:
            argv, hidden = redact.argv(run.command[:1_000], self._salt)
            notes += [entry["text"] for entry in hidden]
            facts["invocation"] = {"argv": argv}
            if run.directory:
                facts["invocation"]["directory"] = self._clean(run.directory)
        if run.commit:
            source: dict[str, Any] = {"commit": run.commit, "branch": run.branch}
            source["remote"] = redact.clean_url(run.remote) if run.remote else None
            if run.patch:
                patch, touched = without_secrets(run.patch, self._salt)
                source |= {"patch": self._objects.put(patch), "patch_applies": not touched, "dirty": True}
                notes.append("the patch holds changes of tracked files only: new files are unknown")
            facts["source"] = {name: value for name, value in source.items() if value is not None}
        if facts:
            self._line("fact", facts=facts)

    def _text_artifact(self, name: str, kind: str, text: str, size: int) -> None:
        """Store a text without its secrets. size: of the text as the tool wrote it, in bytes."""
        clean = self._clean(text).encode("utf-8", "replace")
        digest = self._objects.put(clean)
        place = {"location": f"object:{digest}", "digest": f"sha256:{digest}", "size": len(clean)}
        self._line("artifact", name=name, kind=kind, attributes={"bytes_written": size}, **place)

    def _environment(self, environment: ForeignEnvironment) -> bytes:
        """The body of the snapshot, with notes about everything that the tool did not record."""
        packages: dict[str, str] = {}
        notes = [
            f"read from {environment.source}: names and versions only; builds, origins and their order are unknown"
        ]
        refused = []
        for name, version in environment.packages.items():
            try:
                normal = normal_name(name)
            except InvalidInput:
                refused.append(name)
                continue
            if not version.strip() or len(version) > MAX_NAME:
                refused.append(name)
            elif not same_version(packages.setdefault(normal, version), version):
                notes.append(f"{normal} is listed twice: {packages[normal]}, which was taken, and {version}")
        if not environment.is_complete:
            notes.append("the list names only a part of the installed packages: all others are unknown")
        if environment.python_version is None:
            notes.append("the Python version was not recorded")
        if environment.platform is None:
            notes.append("the platform was not recorded")
        notes += list(_named("no exact version", environment.unpinned)) + list(_named("no package name", refused))
        body: dict[str, Any] = {
            "python_version": environment.python_version or UNKNOWN,
            "platform": (environment.platform or UNKNOWN)[:MAX_NAME],
            "packages": {name: self._clean(version) for name, version in packages.items()},
            "notes": [{"topic": IMPORT_TOPIC, "text": self._clean(note)[:10_000]} for note in notes],
        }
        return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def _named(fault: str, lines: list[str]) -> Iterator[str]:
    """A note about lines of a list that were left out."""
    if lines:
        more = f" and {len(lines) - _MOST_LINES_NAMED} more" if len(lines) > _MOST_LINES_NAMED else ""
        yield f"left out, {fault}: {', '.join(lines[:_MOST_LINES_NAMED])}{more}"
