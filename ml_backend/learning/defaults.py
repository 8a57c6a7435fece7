"""Defaults of projects and simulated runs: the strategy, the initial pool and the penalty of the head.

The file imports nothing, so that the server, which does not load numpy, can read it too. `Cycle`, `ProjectSettings`
and the simulator take their defaults from here; they are defined nowhere else.
"""

from __future__ import annotations

DEFAULT_STRATEGY = "uherding"
DEFAULT_INITIAL = "typiclust"
DEFAULT_C = 30.0
"""Inverse strength of the head's penalty in `Cycle`, for embeddings scaled to a mean square norm of 1.

Because of the scaling, one number suits every embedding model. `Head` by itself has the default of scikit-learn,
C=1.0; on vectors of length 1 its penalty is so strong that a few labels have almost no effect."""
