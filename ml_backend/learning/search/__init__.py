"""Search among embeddings: the nearest rows, the farthest from labelled ones, and groups of near-duplicates."""
