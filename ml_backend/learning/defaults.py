"""What a project or a simulated run uses where nothing else is named: strategy, initial pool, penalty of the head.

No imports, so that the server, which does not load numpy, reads them too. `Cycle`, `ProjectSettings` and the
simulator follow these constants, and nothing else decides the defaults.
"""

from __future__ import annotations

DEFAULT_STRATEGY = "uherding"
DEFAULT_INITIAL = "typiclust"
DEFAULT_C = 30.0
"""Inverse strength of the head's penalty in `Cycle`, for embeddings scaled to a mean square norm of 1.

One number suits every embedding model thanks to the scaling. `Head(C=1.0)`, the default of scikit-learn, is for those
who fit a head by themselves: on unit vectors it lets few labels say next to nothing."""
