"""One module per kind of document: bytes in, traces out. Nothing is executed or unpickled."""
