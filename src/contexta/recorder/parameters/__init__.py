"""Read parameters from command lines and configuration files, and from argparse, click and absl."""
