"""Compare the records of runs besides their metrics, and name the unknown aspects."""
