"""Replays gold labels through the code of the live service, and compares embeddings, initial pools and strategies."""

from importlib.util import find_spec

ONLY_HERE = {
    "jinja2": "jinja2",
    "joblib": "joblib",
    "matplotlib": "matplotlib",
    "pandas": "pandas",
    "plotly": "plotly",
    "pyarrow": "pyarrow",
    "scikit_posthocs": "scikit-posthocs",
}
"""What the simulator imports and the service does not, the extra of its name in pyproject.toml: module → package."""

_missing = [package for module, package in ONLY_HERE.items() if find_spec(module) is None]
if _missing:
    # With its name, `python -m simulator` prints the sentence alone and no traceback.
    raise ImportError(
        f"the simulator needs {', '.join(_missing)}, which the service's installation does not have: "
        'run `pip install "label-studio-active-learning[simulator]"`',
        name=__name__,
    )
