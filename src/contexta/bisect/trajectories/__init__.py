"""The series that a trial logs while it runs, and early verdicts from them."""
