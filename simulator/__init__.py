"""Runs the live service's active learning on texts whose labels are known, and compares embeddings, initial pools and
strategies."""

from importlib.util import find_spec

ONLY_HERE = {
    "pandas": "pandas",
    "matplotlib": "matplotlib",
    "plotly": "plotly",
    "scikit_posthocs": "scikit-posthocs",
}
"""Packages that only the simulator imports: module → package. The import of the simulator checks them."""

_missing = [package for module, package in ONLY_HERE.items() if find_spec(module) is None]
if _missing:
    # With this name in the error, `python -m simulator` prints the message without a traceback.
    raise ImportError(
        f"the simulator needs {', '.join(_missing)}: run `pip install 'label-studio-active-learning[simulator]'`",
        name=__name__,
    )
