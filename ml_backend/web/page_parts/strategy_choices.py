"""The strategies as a list to choose from, the ones in common use first."""

from __future__ import annotations

from dataclasses import dataclass

from ml_backend.project_settings import ProjectSettings, strategy_summaries, strategy_uses
from ml_backend.web.page_parts.comparison import ComparedStrategies

IN_COMMON_USE = ("uherding", "margin", "badge", "entropy", "typiclust", "random")
BY_BENCHMARK = "Recommended: no strategy has a significantly higher mean accuracy in the benchmark of ten data sets."
"""Of the default; docs/benchmark has the numbers."""
BY_COMPARISON = "Recommended: the best on this project's labels, see below."
KEPT = "Recommended: nothing that was compared on this project's labels is clearly better, see below."


@dataclass(frozen=True)
class Choice:
    """A strategy to choose.

    summary, when: see `StrategyInfo`; recommended: why, as a sentence, empty where there is no evidence for it.
    """

    name: str
    summary: str
    when: str
    is_current: bool
    recommended: str


def choices(current: str, compared: ComparedStrategies | None) -> tuple[list[Choice], list[Choice]]:
    """The strategies in common use with the current one, and the others; `compared`: on this project's labels."""
    summaries, uses = strategy_summaries(), strategy_uses()
    recommended, why = ProjectSettings().strategy, BY_BENCHMARK
    if compared is not None and compared.recommended["strategy"] in summaries:
        recommended, why = compared.recommended["strategy"], BY_COMPARISON if compared.is_change else KEPT
    listed = [
        Choice(name, summary, uses[name], name == current, why if name == recommended else "")
        for name, summary in summaries.items()
    ]
    in_use = [*IN_COMMON_USE, current, recommended]
    first = sorted((c for c in listed if c.name in in_use), key=lambda choice: in_use.index(choice.name))
    return first, [choice for choice in listed if choice.name not in in_use]
