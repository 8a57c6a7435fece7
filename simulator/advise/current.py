"""What a project uses today, with which advice compares everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ml_backend.learning.defaults import DEFAULT_INITIAL, DEFAULT_STRATEGY
from ml_backend.learning.embedding.names import PACKAGED, canonical_name
from simulator.advise.combination import Combination
from simulator.experiment.connect_line import is_usable_live
from simulator.experiment.grid import HeadKind

SETTINGS = ("strategy", "initial", "embedding_model", "class_names")


@dataclass(frozen=True)
class CurrentSettings:
    """Settings of a project as in `connect --set`; None: the default of the live service.

    uses_class_names: whether its setting class_names is `auto`.
    """

    strategy: str | None = None
    initial: str | None = None
    embedding_model: str | None = None
    uses_class_names: bool = True

    @classmethod
    def parsed(cls, pairs: Sequence[str]) -> CurrentSettings:
        """From `name=value` pairs. Raises ValueError, listing what there is, for another name or value."""
        values = {}
        for pair in pairs:
            name, equals, value = (part.strip() for part in pair.partition("="))
            if name not in SETTINGS or not equals or not value:
                raise ValueError(f"--current takes name=value with one of {', '.join(SETTINGS)}; got {pair!r}")
            values[name] = value
        class_names = values.pop("class_names", "auto")
        if class_names not in ("auto", "off"):
            raise ValueError(f"--current class_names= takes auto or off; got {class_names!r}")
        return cls(**values, uses_class_names=class_names == "auto")

    def strategies(self, others: Sequence[str]) -> list[str]:
        """The names with the strategy in use, without duplicates."""
        return _with(others, self.strategy or DEFAULT_STRATEGY)

    def initials(self, others: Sequence[str]) -> list[str]:
        """The names with the start in use if it is not the default, which a comparison may leave out."""
        return _with(others, self.initial)

    def embeddings(self, others: Sequence[str]) -> list[str]:
        """The names with the embedding in use if it is not the default, which a comparison may leave out."""
        known = [canonical_name(name) for name in others]
        is_there = self.embedding_model is None or canonical_name(self.embedding_model) in known
        return list(others) if is_there else _with(others, self.embedding_model)

    def heads(self, others: Sequence[HeadKind]) -> list[HeadKind]:
        """The heads with the plain one, if it is in use."""
        return list(others) if self.uses_class_names or HeadKind.PLAIN in others else [*others, HeadKind.PLAIN]

    def not_compared(self, embeddings: Sequence[str], initials: Sequence[str], heads: Sequence[HeadKind]) -> list[str]:
        """A sentence for each default that is in use and is not compared, for which another one stands, see `among`."""
        has_model = self.embedding_model is not None or PACKAGED in map(canonical_name, embeddings)
        has_initial = self.initial is not None or DEFAULT_INITIAL in initials
        has_head = not self.uses_class_names or HeadKind.NAMED in heads
        defaults = [
            ("embedding minilm", "--embeddings", has_model),
            (f"start {DEFAULT_INITIAL}", "--initial", has_initial),
            (f"head {HeadKind.NAMED}", "--heads", has_head),
        ]
        return [
            f"The {what}, a default of the live service, is not compared, and another one is taken for what is in use: "
            f"add it to {option}, or say with --current what is in use."
            for what, option, is_compared in defaults
            if not is_compared
        ]

    def among(self, tried: Sequence[Combination]) -> Combination:
        """The combination in use.

        tried: all that were tried, in the order of the command. Where the default embedding or start was not tried, the
        first one stands for it, and the plain head where there are no class names to use.
        """
        embedding = self._embedding([c.embedding for c in tried])
        rest = [c for c in tried if c.embedding == embedding and c.strategy == (self.strategy or DEFAULT_STRATEGY)]
        initials = [c.initial for c in rest]
        initial = _first_of(self.initial or DEFAULT_INITIAL, initials)
        head = HeadKind.NAMED if self.uses_class_names else HeadKind.PLAIN
        heads = [c.head for c in rest if c.initial == initial]
        return Combination(embedding, rest[0].strategy, initial, _first_of(head.value, heads))

    def _embedding(self, tried: Sequence[str]) -> str:
        wanted = canonical_name(self.embedding_model or PACKAGED)
        same = next((name for name in tried if canonical_name(name) == wanted), None)
        return same or next((name for name in tried if is_usable_live(name)), tried[0])


def _with(names: Sequence[str], name: str | None) -> list[str]:
    return list(dict.fromkeys([*names, *([name] if name else [])]))


def _first_of(wanted: str, tried: Sequence[str]) -> str:
    return wanted if wanted in tried else tried[0]
