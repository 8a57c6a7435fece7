"""Numerical routines on arrays: k-means, neighbours, coverage, Fisher information, ranking, threads."""
