"""The commands of `python -m ml_backend`, one file each; the command line itself is `ml_backend.cli`."""
