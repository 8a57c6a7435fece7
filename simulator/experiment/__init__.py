"""A grid of simulated runs: what is run, how each run goes, and its results on disk."""
