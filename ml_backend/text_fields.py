"""What stands between the fields of a text that has several, until a model reads it."""

FIELD_SEPARATOR = "\x1f"
"""ASCII's unit separator. An embedder replaces it by the separator that its model was trained with."""
