"""Options that go with any strategy, the same for all runs of a folder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_backend.learning.strategy_file import StrategyFile

if TYPE_CHECKING:
    from ml_backend.learning.cycle import Cycle


@dataclass(frozen=True)
class StrategyOptions:
    """`subpool`, `balance` and `random_share` of every cycle, see `Cycle`; None, or a share of 0: off."""

    subpool: int | None = None
    balance: int | None = None
    random_share: float = 0.0

    def cycle(self, strategy: str | StrategyFile, initial: str, seed: int) -> Cycle:
        """How a run of that strategy chooses; its batch size and C are the budget's, which `simulate` fills in."""
        from ml_backend.learning.cycle import Cycle

        return Cycle(
            strategy,
            initial,
            batch_size=1,
            seed=seed,
            random_share=self.random_share,
            subpool=self.subpool,
            balance=self.balance,
        )


OFF = StrategyOptions()
