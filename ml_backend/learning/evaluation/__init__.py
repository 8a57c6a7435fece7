"""Judges a head while there are few labels."""
