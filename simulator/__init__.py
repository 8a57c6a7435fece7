"""Replays gold labels through the code of the live service, and compares embeddings, initial pools and strategies."""

from importlib.util import find_spec

ONLY_HERE = {
    "pandas": "pandas",
    "matplotlib": "matplotlib",
    "plotly": "plotly",
    "scikit_posthocs": "scikit-posthocs",
}
"""What the simulator needs and the service does not: module → package."""

_missing = [package for module, package in ONLY_HERE.items() if find_spec(module) is None]
if _missing:
    # With its name, `python -m simulator` prints the sentence alone and no traceback.
    raise ImportError(
        f"the simulator needs {', '.join(_missing)}: run `pip install 'label-studio-active-learning[simulator]'`",
        name=__name__,
    )
