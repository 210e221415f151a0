"""Read runs from the database as findings."""
