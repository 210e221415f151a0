"""Words that a live run accepts, those of ``contexta.contract``. Standard library only, Python 3.8."""

from __future__ import annotations

from contexta.core.errors import InvalidInput, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Tuple

STATUSES = ("open", "completed", "failed", "cancelled", "crashed")
EVENT_LEVELS = ("debug", "info", "warning", "error", "critical")
SPAN_STATUSES = ("ok", "error", "cancelled", "timeout", "unset", "completed", "failed", "crashed")
SPAN_KINDS = (
    *("internal", "client", "server", "producer", "consumer"),
    *("llm", "prompt", "chain", "retriever", "reranker", "embedding", "tool", "agent", "guardrail", "evaluator"),
    *("operation", "process", "io", "network", "database", "compute", "preprocessing", "training", "evaluation"),
    *("inference", "retrieval", "reranking", "generation"),
)


def one_of(value: Any, words: Tuple[str, ...], field: str) -> str:
    """The word itself. Raises InvalidInput with the list if it is another one."""
    if not isinstance(value, str) or value not in words:
        raise InvalidInput(f"{field} {shown(value)} is unknown", hint=f"it is one of {', '.join(words)}")
    return str.__str__(value)
