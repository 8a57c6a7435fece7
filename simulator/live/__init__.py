"""Simulated annotators that label in a running Label Studio."""
