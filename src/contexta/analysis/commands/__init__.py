"""Commands that a user can paste: install a package, run a training again."""
