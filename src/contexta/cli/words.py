"""Numbers, moments and durations as a screen writes them: as every face does."""

from contexta.reports.words import amount, count, moment, signed, span

__all__ = ["amount", "count", "moment", "signed", "span"]
