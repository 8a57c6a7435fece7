"""Texts to vectors by frozen embedding models, known by their names."""
