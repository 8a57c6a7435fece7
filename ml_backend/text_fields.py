"""The separator between the fields of a text that is made of several fields."""

FIELD_SEPARATOR = "\x1f"
"""ASCII's unit separator. An embedder replaces it by the separator that its model was trained with."""
