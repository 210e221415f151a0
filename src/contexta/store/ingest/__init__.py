"""Write journals and hand-written records to the database, each line exactly once."""
