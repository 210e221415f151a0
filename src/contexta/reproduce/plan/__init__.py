"""Plan the installation of a recorded environment, and find packages that cannot be installed."""
