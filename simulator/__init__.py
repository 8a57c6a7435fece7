"""Replays gold labels through the code of the live service, and compares embeddings, initial pools and strategies."""
