"""Executors, which run trials: one module each."""
