"""How requests arrive: connections, bodies, bounds, logs, the headers of responses."""
