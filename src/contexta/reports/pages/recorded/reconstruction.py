"""A reconstructed environment: each package with the evidence for its version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from contexta.findings.reproduction import Confidence, EvidenceItem, ReconstructedPackage, Reconstruction
from contexta.reports.document.blocks import Block, Code, Paragraph, Report, Row, Section, Table, Tone
from contexta.reports.document.formatting import amount, count, moment
from contexta.reports.pages.common import notes

_TONES: dict[Confidence, Tone] = {"observed": "good", "unchanged": "good", "resolved": "warn", "unknown": "bad"}
_ITEMS = 2  # traces of one package on a screen


def reconstruction(finding: Reconstruction) -> Report:
    python = finding.python_version or "unknown"
    rows = [_python(finding), *map(_package, finding.packages)]
    table = Table(columns=("Package", "Version", "Confidence", "Evidence"), rows=tuple(rows))
    return Report(
        title=f"Environment as of {finding.as_of}: Python {python}, {count(len(finding.packages), 'package')}",
        sections=(
            Section(title="", blocks=(*_head(finding), table)),
            *notes((*_help(finding), *finding.notes)),
            *_next(finding),
        ),
    )


def _head(finding: Reconstruction) -> Iterator[Block]:
    counts = Counter(package.confidence for package in finding.packages)
    texts = [f"{counts[kind]} {kind}" for kind in _TONES if counts[kind]]
    yield Paragraph(text=f"reconstructed as of {moment(finding.at)} UTC: {', '.join(texts)}")
    if finding.expect:
        values = ", ".join(f"{metric} {amount(value)}" for metric, value in finding.expect.items())
        yield Paragraph(text=f"expected: {values}; `contexta bisect` compares the reruns of OLD with it")


def _python(finding: Reconstruction) -> Row:
    return Row(
        cells=("python", finding.python_version or "-", finding.python_confidence, _texts(finding.python_evidence)),
        tone=_TONES[finding.python_confidence],
    )


def _package(package: ReconstructedPackage) -> Row:
    text = _texts(package.evidence) if package.version is not None else "see the notes"
    return Row(cells=(package.name, package.version or "-", package.confidence, text), tone=_TONES[package.confidence])


def _texts(items: tuple[EvidenceItem, ...]) -> str:
    used = [_text(item) for item in items if item.used]
    others = [f"but {item.version}: {_text(item)}" for item in items if not item.used]
    more = [f"{len(used) - _ITEMS} more"] if len(used) > _ITEMS else []
    return "; ".join([*used[:_ITEMS], *more, *others[:_ITEMS]])


def _text(item: EvidenceItem) -> str:
    return item.where if item.when is None or item.kind == "resolved" else f"{item.where}, {item.when[:10]}"


def _help(finding: Reconstruction) -> Iterator[str]:
    for package in finding.packages:
        if package.help is not None:
            yield f"{package.name} is unknown: {package.help}"


def _next(finding: Reconstruction) -> Iterator[Section]:
    if finding.run_ref is not None:
        yield Section(title=f"Stored as {finding.run_ref.value}", blocks=(Code(text="\n".join(finding.next)),))
