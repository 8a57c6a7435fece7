"""A strategy in a Python file of its own, which is neither part of this package nor installed."""

from __future__ import annotations

import hashlib
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from ml_backend.learning.catalogue import BrokenStrategy, StrategyInfo, strategy_names


@dataclass(frozen=True)
class StrategyFile:
    """A strategy by the text of its file: a function `select(pool, batch_size, rng)` and, if it likes, `INFO`.

    The text goes with it to worker processes and other machines, so that all of them run the same strategy. As a
    string it is the name of the strategy, that of the file without `.py`.
    """

    path: str
    source: str

    @classmethod
    def read(cls, path: Path) -> StrategyFile:
        """Raises BrokenStrategy for a file that cannot be read, is no Python, or has the name of a known strategy."""
        try:
            file = cls(str(path), path.read_text(encoding="utf-8"))
            file.compiled()
        except (OSError, UnicodeDecodeError) as problem:
            raise BrokenStrategy(f"the strategy {path} cannot be read: {problem}") from None
        except (SyntaxError, ValueError) as problem:
            raise BrokenStrategy(f"the strategy {path} is not valid Python: {problem}") from None
        if file.name in strategy_names():
            raise BrokenStrategy(f"{path} has the name of the strategy {file.name!r}: give the file another name")
        return file

    @property
    def name(self) -> str:
        """The name of the strategy."""
        return Path(self.path).stem

    @property
    def sha256(self) -> str:
        """Hash of the text, hexadecimal."""
        return hashlib.sha256(self.source.encode()).hexdigest()

    def __str__(self) -> str:
        return self.name

    def compiled(self) -> CodeType:
        """The code of the file. Raises SyntaxError and ValueError."""
        # Without dont_inherit, the file would get the `from __future__` imports of this module.
        return compile(self.source, self.path, "exec", dont_inherit=True)

    def load(self) -> Any:
        """The module, with `INFO`. Raises BrokenStrategy if it cannot be imported or lacks a function `select`."""
        return _load(self)


@cache
def _load(file: StrategyFile) -> ModuleType:
    module = ModuleType(f"{__name__}.{file.name}")
    module.__file__ = file.path
    # Dataclasses look for the module that defines them there.
    sys.modules[module.__name__] = module
    try:
        exec(file.compiled(), module.__dict__)
    except Exception as error:
        raise BrokenStrategy(f"the strategy {file.path} cannot be loaded: {error!r}") from error
    if not callable(getattr(module, "select", None)):
        raise BrokenStrategy(f"the strategy {file.path} must define a function select(pool, batch_size, rng)")
    info = module.__dict__.setdefault("INFO", _default_info(file))
    if not isinstance(info, StrategyInfo):
        raise BrokenStrategy(f"INFO in {file.path} must be a StrategyInfo; leave it out if you are not sure")
    return module


def _default_info(file: StrategyFile) -> StrategyInfo:
    # A strategy may use the head, so that it is only called when there is one.
    what = f"From the file {file.path}."
    return StrategyInfo(needs_head=True, multi_label=False, paper=file.path, summary=what, when="", cost="unknown")
