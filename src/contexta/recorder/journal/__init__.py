"""What a live run writes to disk: journals of JSON lines, and objects stored by digest."""
