"""Decides when to stop labelling."""
