"""The loop of a study: decide, run a trial, store it, decide again."""
