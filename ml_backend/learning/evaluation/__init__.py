"""How good a head is, as far as its own labels tell."""
