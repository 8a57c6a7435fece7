"""What a run knows of the meaning of its project's classes before their labels: texts, vectors and the class prior."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml_backend.labelstudio.described_classes import described_classes
from ml_backend.labelstudio.label_config import LabelConfig
from ml_backend.labelstudio.unforeseen import unforeseen
from ml_backend.learning import Head
from ml_backend.learning.embedding.class_texts import ClassTexts, class_text_key, class_texts, encode_class_texts
from ml_backend.learning.embedding.embedder import ModelNotAvailable
from ml_backend.learning.head.class_prior import ClassPrior, class_prior
from ml_backend.pipeline.context import RunContext
from ml_backend.pipeline.learning_data import LearningData
from ml_backend.project_settings import ClassNames, ProjectSettings
from ml_backend.store.failures import NOT_THE_DATA
from ml_backend.store.learning_records import PriorRecord
from ml_backend.store.records import ClassNamesUse, ProjectRecord

logger = logging.getLogger(__name__)

SWITCHED_OFF = ClassTexts((), "The class names are not used, since the setting `class_names` is off.")


@dataclass(frozen=True)
class KnownClasses:
    """What a fit knows of the meaning of the classes.

    use: what the project stores of it; prior: None where class names are not used; descriptions: number of classes that
    are known by a description; the others are known by their names.
    """

    use: ClassNamesUse
    prior: ClassPrior | None
    descriptions: int

    def of_head(self, head: Head) -> PriorRecord | None:
        """What a head that was fitted with the prior has from the class names; None without a prior."""
        if self.prior is None:
            return None
        names = len(self.use.texts) - self.descriptions
        return PriorRecord(head.prior_strength, head.prior_evidence, names, self.descriptions)


class NoVectors(Exception):
    """The model has no vectors for the class texts; the message is a sentence for people."""


def texts_of_classes(settings: ProjectSettings, config: LabelConfig) -> ClassTexts:
    """A description or the name of each class, in the order of the config's classes, or why they are not used."""
    if settings.class_names is ClassNames.OFF:
        return SWITCHED_OFF
    described = described_classes(config, settings.class_descriptions)
    return class_texts(described.names, described.descriptions)


def class_texts_changed(project: ProjectRecord, settings: ProjectSettings, config: LabelConfig) -> bool:
    """Whether the classes are known by other texts than at the last fit."""
    used = () if project.class_names is None else tuple(project.class_names.texts)
    return used != texts_of_classes(settings, config).texts


def known_classes(run: RunContext, data: LearningData) -> KnownClasses:
    """The class prior of the project by its class texts and all its embedded texts.

    A model that has no vectors for the class texts leads to no prior, a warning in the log, and the reason in `use`.
    """
    texts = texts_of_classes(run.settings, run.config)
    use = ClassNamesUse(list(texts.texts), texts.why_off)
    if not texts.texts or not data.pool.embedded.any():
        return KnownClasses(use, None, 0)
    try:
        # The simulator draws the sample from the same rows: the first of each different text, with a label or without.
        prior = data.kept_prior.get(
            (texts.texts, run.settings.seed),
            lambda: class_prior(
                _vectors(run, texts.texts, data.pool.embeddings.shape[1]),
                data.pool.embeddings,
                data.pool.first_of_each_text,
                run.settings.seed,
            ),
        )
    except NoVectors as problem:
        logger.warning("project %s: %s", run.id, problem)
        return KnownClasses(ClassNamesUse(use.texts, str(problem)), None, 0)
    descriptions = described_classes(run.config, run.settings.class_descriptions).descriptions
    return KnownClasses(use, prior, len(descriptions))


def _vectors(run: RunContext, texts: Sequence[str], dimensions: int) -> NDArray[np.float32]:
    """(K, D) float32, in the order of the texts: those that are stored, or new ones. Raises NoVectors."""
    keys = [class_text_key(run.embedding, text) for text in texts]
    stored = run.store.class_vectors(run.id)
    # A model that was replaced under its name may give vectors of another length.
    if all(key in stored and len(stored[key]) == dimensions for key in keys):
        return np.stack([stored[key] for key in keys])
    vectors = _encoded(run, texts)
    if vectors.shape[1] != dimensions:
        raise NoVectors(
            f"The class names are not used, since {run.model} gives them {vectors.shape[1]} dimensions, and the texts "
            f"of this project have {dimensions}."
        )
    run.store.put_class_vectors(run.id, keys, vectors)
    return vectors


def _encoded(run: RunContext, texts: Sequence[str]) -> NDArray[np.float32]:
    try:
        return encode_class_texts(run.services.embedder(run.model), texts)
    except NOT_THE_DATA:
        raise
    except ModelNotAvailable as problem:
        raise NoVectors(f"The class names are not used, since they have no vectors: {problem}") from problem
    except Exception as error:
        sentence = unforeseen(error, f"the embedding of the class names by {run.model}", f"project {run.id}")
        raise NoVectors(f"The class names are not used: {sentence}.") from error
