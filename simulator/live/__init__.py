"""Simulated annotators who label in a running Label Studio."""
