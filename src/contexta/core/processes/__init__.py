"""Child processes: run them, read /proc, supervise trials, and find interpreters."""
