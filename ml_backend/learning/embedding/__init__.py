"""Turns texts into vectors with frozen embedding models, which are chosen by name."""
