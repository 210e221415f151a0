"""Files: write them atomically, lock them, and compute and check their digests."""
