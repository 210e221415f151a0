"""What every answer is."""

from __future__ import annotations

from pydantic import ConfigDict

from contexta.values import Value


class Finding(Value):
    """An answer. Its JSON reads back, also when it holds fields that only a newer Contexta knows."""

    model_config = ConfigDict(extra="ignore")
