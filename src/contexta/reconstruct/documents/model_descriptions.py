"""Texts next to saved models and runs: config.json, model cards, and what W&B and MLflow kept of an environment."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timezone

from contexta.reconstruct.documents import requirement_files
from contexta.reconstruct.trace_values import PYTHON, Document, Trace, Traces, collected

_CONFIGS = re.compile(r"(?:^|/)(?:\w*config\w*|model_index|wandb-metadata)\.json$")
_CARDS = re.compile(r"(?:^|/)(?:README|MODEL_CARD|model_card)\.md$", re.IGNORECASE)
_WANDB = re.compile(
    r"(?:^|/)(?:offline-)?run-(?P<day>\d{8})_(?P<time>\d{6})-\w+/files/(?:requirements\.txt|wandb-metadata\.json)$"
)
_MLFLOW = re.compile(r"(?:^|/)artifacts/(?:.+/)?(?:requirements\.txt|python_env\.yaml)$")
_KEYS = {
    "transformers_version": "transformers",
    "_diffusers_version": "diffusers",
    "peft_version": "peft",
    "sentence_transformers": "sentence-transformers",
    "transformers": "transformers",
    "pytorch": "torch",
    "python": PYTHON,
}
_FRAMEWORK = re.compile(r"^\s*[-*]\s+\**(?P<name>[A-Za-z][\w -]*?)\**:?\s+(?P<version>\d+\.\d[\w.+-]*)\s*$")
_NAMES = {"pytorch": "torch", "scikit learn": "scikit-learn", "sentence transformers": "sentence-transformers"}


def recognises(name: str) -> bool:
    return any(pattern.search(name) for pattern in (_CONFIGS, _CARDS, _WANDB, _MLFLOW))


def read(document: Document) -> Traces:
    if document.name.endswith("requirements.txt"):
        return _requirements(document)
    if document.name.endswith("python_env.yaml"):
        match = re.search(r"^python:\s*['\"]?(3\.\d+\.\d+)", document.text, re.MULTILINE)
        return Traces(collected(document.evidence(PYTHON, match[1])) if match else ())
    if document.name.endswith(".json"):
        return Traces(collected(*_config(document)))
    return Traces(collected(*_card(document)))


def _requirements(document: Document) -> Traces:
    """The packages that a run of a tracker had installed, at the time in the name of its directory."""
    when = _started(document)
    evidence = []
    for number, line in requirement_files.logical_lines(document.text):
        name, _, version = line.partition("==")
        evidence.append(document.evidence(name.strip(), version.strip(), number, when) if version else None)
    return Traces(collected(*evidence))


def _started(document: Document) -> datetime | None:
    match = _WANDB.search(document.name)
    try:
        return (
            datetime.strptime(match["day"] + match["time"], "%Y%m%d%H%M%S").replace(tzinfo=timezone.utc)
            if match
            else None
        )
    except ValueError:
        return None


def _config(document: Document) -> Iterator[Trace | None]:
    table = json.loads(document.text)
    for values in (table, table.get("__version__")):
        for key, package in _KEYS.items():
            version = values.get(key) if isinstance(values, dict) else None
            if isinstance(version, str) and (key.endswith("_version") or values is not table or package == PYTHON):
                yield document.evidence(
                    package,
                    version.removeprefix("CPython ").split("+")[0] if package == PYTHON else version,
                    when=_started(document),
                )


def _card(document: Document) -> Iterator[Trace | None]:
    """The list below the heading "Framework versions"."""
    is_inside = False
    for number, line in enumerate(document.text.splitlines(), start=1):
        if line.lstrip().startswith("#"):
            is_inside = "framework versions" in line.lower()
        elif is_inside and (match := _FRAMEWORK.match(line)):
            name = match["name"].strip().lower()
            yield document.evidence(_NAMES.get(name, name.replace(" ", "-")), match["version"], number)
