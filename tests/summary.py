"""Add up the result files of several pytest runs: `python tests/summary.py build/tests/*.xml`.

Prints one line, as `612 passed, 0 failed, 3 skipped`; an error in a fixture counts as a failure.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree


def summary(files: Iterable[Path]) -> str:
    """The line for these JUnit files."""
    passed = failed = skipped = 0
    for file in files:
        for suite in ElementTree.parse(file).iter("testsuite"):
            tests, failures, errors, skips = (int(suite.get(n, 0)) for n in ("tests", "failures", "errors", "skipped"))
            passed += tests - failures - errors - skips
            failed += failures + errors
            skipped += skips
    return f"{passed} passed, {failed} failed, {skipped} skipped"


if __name__ == "__main__":
    print(summary(map(Path, sys.argv[1:])))
