"""Folders of the form in which large embedding models come: pooling by code of their own, instructions, an ending.

The models are tiny and random; what is tested is that their parts are loaded and what text they read.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from ml_backend.learning.embedding.embedder import Embedder, ModelNotAvailable
from ml_backend.learning.embedding.names import parse, problem_in_live_project
from ml_backend.learning.embedding.registry import INSTRUCTION, MODELS

TEXTS = ["my card is lost", "where is my new card and when will it come", "bye"]
WORDS = sorted({word for text in [*TEXTS, INSTRUCTION, "Instruct Query : query passage"] for word in text.split()})
VOCABULARY = {word: number for number, word in enumerate(["[PAD]", "[UNK]", "<s>", "</s>", *WORDS])}
OWN_POOLING = '''
import torch
from sentence_transformers.models import Module


class LastTokens(Module):
    """The mean over the last two tokens, twice as long."""

    def forward(self, features, **kwargs):
        states, mask = features["token_embeddings"], features["attention_mask"]
        ends = mask.sum(dim=1) - 1
        rows = torch.arange(len(ends))
        features["sentence_embedding"] = states[rows, ends] + states[rows, (ends - 1).clamp_min(0)]
        return features

    def save(self, output_path, *args, safe_serialization=True, **kwargs):
        pass

    @classmethod
    def load(cls, model_name_or_path, **kwargs):
        return cls()
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A decoder with the tokenizer of one, whose pooling is code in the folder."""
    from transformers import MistralConfig, MistralModel, PreTrainedTokenizerFast

    tokenizer = Tokenizer(WordLevel(VOCABULARY, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", VOCABULARY["<s>"])])
    path = tmp_path / "model"
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", bos_token="<s>", eos_token="</s>"
    ).save_pretrained(path)
    config = MistralConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=64,
    )
    MistralModel(config).save_pretrained(path)
    (path / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 32}))
    (path / "own_pooling.py").write_text(OWN_POOLING)
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "", "type": "own_pooling.LastTokens"},
        {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
    ]
    (path / "modules.json").write_text(json.dumps(modules))
    (path / "2_Normalize").mkdir()
    return path


def expected(folder: Path, texts: list[str]) -> np.ndarray:
    """The vectors by transformers alone, one text at a time."""
    import torch
    from transformers import AutoTokenizer, MistralModel

    tokenizer, model = AutoTokenizer.from_pretrained(folder), MistralModel.from_pretrained(folder).eval()
    vectors = []
    for text in texts:
        with torch.inference_mode():
            states = model(**tokenizer(text, return_tensors="pt", return_token_type_ids=False)).last_hidden_state[0]
        vectors.append((states[-1] + states[-2]).numpy())
    return np.array([vector / np.linalg.norm(vector) for vector in vectors])


def test_a_copy_of_a_registered_model_gets_its_instruction_and_its_ending(folder: Path):
    from transformers import PreTrainedTokenizerFast

    embedder = Embedder(f"nv-embed-v2={folder}", trust_remote_code=True)
    prompt = f"Instruct: {INSTRUCTION}\nQuery: "
    read = [f"{prompt}{text}</s>" for text in TEXTS]
    assert embedder.dimensions == 16
    np.testing.assert_allclose(embedder.encode(TEXTS), expected(folder, read), atol=1e-5)
    np.testing.assert_allclose(embedder.encode_class_texts(["card"]), expected(folder, ["card</s>"]), atol=1e-5)
    room = 32 - len(PreTrainedTokenizerFast.from_pretrained(folder)(f"{prompt}</s>")["input_ids"])
    cut = f"{prompt}{'card ' * room}</s>"
    np.testing.assert_allclose(embedder.encode(["card " * 100]), expected(folder, [cut]), atol=1e-5)


def test_without_the_name_of_a_registered_model_a_folder_gets_no_instruction(folder: Path):
    for name in (str(folder), f"mine={folder}"):
        embedder = Embedder(name, trust_remote_code=True)
        np.testing.assert_allclose(embedder.encode(TEXTS), expected(folder, TEXTS), atol=1e-5)
        assert embedder.name == str(folder)
    e5 = Embedder(f"e5-base-v2={folder}", trust_remote_code=True)
    np.testing.assert_allclose(e5.encode(TEXTS), expected(folder, [f"query: {text}" for text in TEXTS]), atol=1e-5)


def test_code_in_the_folder_runs_only_if_it_is_allowed(folder: Path):
    with pytest.raises(ModelNotAvailable, match="EMBEDDING_TRUST_REMOTE_CODE=1"):
        Embedder(f"nv-embed-v2={folder}")
    with pytest.raises(ModelNotAvailable, match="cannot be loaded"):
        Embedder(str(folder))


def test_half_precision_and_unnormalised_vectors_of_such_a_model(folder: Path):
    exact = Embedder(f"nv-embed-v2={folder}", trust_remote_code=True).encode(TEXTS)
    rounded = Embedder(f"nv-embed-v2={folder}:bf16", trust_remote_code=True).encode(TEXTS)
    raw = Embedder(f"nv-embed-v2={folder}:raw", trust_remote_code=True).encode(TEXTS)
    assert (rounded * exact).sum(axis=1).min() > 0.99
    np.testing.assert_allclose(raw / np.linalg.norm(raw, axis=1, keepdims=True), exact, atol=1e-5)
    assert np.linalg.norm(raw, axis=1).min() > 1.5


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.short_name)
def test_every_registered_model_can_be_a_folder(model):
    copy = parse(f"{model.short_name}=/models/it:bf16")
    assert (copy.model, copy.registered, copy.precision) == ("/models/it", model, "bfloat16")
    assert parse(str(copy)) == copy
    assert parse(f"{model.short_name}={model.hub_id}") == parse(model.short_name)
    assert problem_in_live_project(str(copy)) is None
