"""Datasets: where they come from, what is changed in them, and their embeddings."""
