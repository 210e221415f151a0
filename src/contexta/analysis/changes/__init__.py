"""What differs between the records of runs besides their metrics, and what is unknown."""
