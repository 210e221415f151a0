"""Compare recorded environments, and check how complete a record is."""
