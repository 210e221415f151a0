"""Read runs that other tools recorded, and write them as journals."""
