"""Which mixes cannot run, and the risk of untested mixes to fail. Pure."""
