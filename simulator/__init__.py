"""Runs the live service's active learning on texts whose labels are known, and compares embeddings, initial pools and
strategies."""

from importlib.util import find_spec

ONLY_HERE = {
    "jinja2": "jinja2",
    "joblib": "joblib",
    "matplotlib": "matplotlib",
    "openpyxl": "openpyxl",
    "pandas": "pandas",
    "plotly": "plotly",
    "pyarrow": "pyarrow",
    "scikit_posthocs": "scikit-posthocs",
}
"""Module → package, for the packages that only the simulator imports: the extra `simulator` of pyproject.toml."""

_missing = [package for module, package in ONLY_HERE.items() if find_spec(module) is None]
if _missing:
    # With this name in the error, `python -m simulator` prints the message without a traceback.
    raise ImportError(
        f"the simulator needs {', '.join(_missing)}, which the service's installation does not have: "
        'run `pip install "label-studio-active-learning[simulator]"`',
        name=__name__,
    )
