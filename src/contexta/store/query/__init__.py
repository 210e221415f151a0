"""Filter, sort and page runs: the language of ``--where`` and its SQL."""
