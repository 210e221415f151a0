"""Numbers, moments and durations as a screen writes them: as every face does."""

from contexta.reports.document.formatting import amount, count, moment, signed, size, span

__all__ = ["amount", "count", "moment", "signed", "size", "span"]
