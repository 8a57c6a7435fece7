"""Write a project's head for use without this service."""

from __future__ import annotations

from pathlib import Path

from ml_backend.learning.embedding.names import RANDOM_PROJECTION, EmbeddingName, parse
from ml_backend.learning.embedding.registry import registered
from ml_backend.learning.head.files import HeadInfo, from_bytes, save
from ml_backend.settings import Settings
from ml_backend.store import Store

EXAMPLE = '''"""Classify texts given as arguments: python classify.py "first text" "second text".

Needs: pip install numpy safetensors {package}{note}
"""

import json
import os
import sys

import numpy as np
from safetensors.numpy import load_file
{model}

os.chdir(os.path.dirname(os.path.abspath(__file__)))
info, head = json.load(open("head.json", encoding="utf-8")), load_file("head.safetensors")
logits = embed(sys.argv[1:]) @ head["weights"].T + head["bias"]
for text, row in zip(sys.argv[1:], logits):
    print({answer}, "|", text)
'''
ONE_ANSWER = 'info["classes"][int(np.argmax(row))]'
SEVERAL_ANSWERS = '[name for name, logit in zip(info["classes"], row) if logit > 0]'


class NothingToExport(Exception):
    """There is no head to write; the message says what is missing."""


def export_head(settings: Settings, project_id: int, folder: Path) -> str:
    """Write head.safetensors, head.json and classify.py; answers a sentence. Raises NothingToExport."""
    store = Store(settings.database_url)
    store.create()
    if store.project(project_id) is None:
        known = ", ".join(str(p.id) for p in store.projects()) or "none"
        raise NothingToExport(f"project {project_id} is not connected to this backend; connected: {known}")
    record = store.current_head(project_id)
    if record is None:
        raise NothingToExport(f"project {project_id} has no head yet: label tasks of at least two classes first")
    info = HeadInfo(record.classes, record.multi_label, record.embedding_model, record.n_labels)
    save(folder, from_bytes(record.blob), info)
    (folder / "classify.py").write_text(example(record.embedding_model, record.multi_label), encoding="utf-8")
    return f"{record.version}: {len(record.classes)} classes, in {folder} as head.safetensors, head.json, classify.py"


def example(embedding: str, multi_label: bool) -> str:
    """A program that classifies texts with the exported head; it needs no part of this service."""
    wanted = parse(embedding)
    hashed = wanted.model == RANDOM_PROJECTION
    return EXAMPLE.format(
        package="scikit-learn" if hashed else "sentence-transformers",
        note="" if hashed else _note(wanted),
        model=_PROJECTION if hashed else _sentence_model(wanted),
        answer=SEVERAL_ANSWERS if multi_label else ONE_ANSWER,
    )


_PROJECTION = """from sklearn.feature_extraction.text import HashingVectorizer

signs = 2.0 * np.random.default_rng(0).integers(0, 2, size=(2**15, 384), dtype=np.int8) - 1


def embed(texts):
    vectors = HashingVectorizer(n_features=2**15).transform(texts) @ signs
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
"""


def _note(wanted: EmbeddingName) -> str:
    lines = ["\nEMBEDDING_MODEL may name a folder with the model, for machines without a network."]
    if wanted.precision is not None:
        lines.append(f"The head was fitted on {wanted.precision} vectors; these here are float32 and nearly the same.")
    if wanted.long_texts == "chunks":
        lines.append("The head was fitted on means over chunks of long texts; here they are cut at the model's length.")
    return "\n".join(lines)


def _sentence_model(wanted: EmbeddingName) -> str:
    known = registered(wanted.model)
    hub_id = known.hub_id if known is not None else wanted.model
    trust = ", trust_remote_code=True" if known is not None and known.remote_code else ""
    lines = [
        "from sentence_transformers import SentenceTransformer",
        "",
        f'model = SentenceTransformer(os.environ.get("EMBEDDING_MODEL", {hub_id!r}){trust})',
    ]
    arguments = ""
    if wanted.layer:
        lines.append(f"model[0].auto_model.encoder.layer = model[0].auto_model.encoder.layer[:{wanted.layer}]")
    if wanted.normalize is False or (wanted.layer and not wanted.normalize):
        lines.append('model = SentenceTransformer(modules=[m for m in model if type(m).__name__ != "Normalize"])')
    if wanted.normalize:
        arguments += ", normalize_embeddings=True"
    if wanted.max_length:
        lines.append(f"model.max_seq_length = {wanted.max_length}")
    ending = repr(known.ending) if known is not None else "''"
    if known is not None and known.ends_in_eos:
        lines.append('model.tokenizer.padding_side = "right"')
        ending += " + model.tokenizer.eos_token"
    if wanted.prompt_name:
        arguments += f", prompt_name={wanted.prompt_name!r}"
    elif known is not None and known.prompt:
        arguments += f", prompt={known.prompt!r}"
    texts = "texts" if ending == "''" else f"[text + {ending} for text in texts]"
    return "\n".join([*lines, "", "", "def embed(texts):", f"    return model.encode({texts}{arguments})", ""])
