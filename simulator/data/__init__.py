"""Datasets: loading them, changing them on purpose, and embedding them."""
