"""Which strategy and embedding suit the labels that a project has so far."""
