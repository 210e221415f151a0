"""Hide secrets in everything that is written."""
