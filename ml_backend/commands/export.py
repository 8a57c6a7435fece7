"""Write a project's head, and a program that classifies texts with it, for use without this service."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from ml_backend.commands.failure import CommandFailed, connected_project, errors_as_command_failed
from ml_backend.learning.embedding.names import RANDOM_PROJECTION, EmbeddingName, parse
from ml_backend.learning.embedding.registry import registered
from ml_backend.learning.head.files import HeadInfo, from_bytes, save
from ml_backend.settings import Settings
from ml_backend.store import Store

PROGRAM = '''"""Classify texts given as arguments: python classify.py "first text" "second text".

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
    print({prediction}, "|", text)
'''
ONE_CLASS = 'info["classes"][int(np.argmax(row))]'
SEVERAL_CLASSES = '[name for name, logit in zip(info["classes"], row) if logit > 0]'
RANDOM_PROJECTION_SOURCE = """from sklearn.feature_extraction.text import HashingVectorizer

signs = 2.0 * np.random.default_rng(0).integers(0, 2, size=(2**15, 384), dtype=np.int8) - 1


def embed(texts):
    vectors = HashingVectorizer(n_features=2**15).transform(texts) @ signs
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-30)
"""


class NothingToExport(CommandFailed):
    """The project has no head yet."""


def export_head(settings: Settings, project_id: int, folder: Path) -> str:
    """Write head.safetensors, head.json and classify.py into the folder; returns a sentence about them.

    Raises NotConnected, NothingToExport, and CommandFailed for settings that cannot be used.
    """
    with errors_as_command_failed(), closing(Store(settings.database_url)) as store:
        store.create()
        connected_project(store, project_id)
        record = store.current_head(project_id)
    if record is None:
        raise NothingToExport(f"project {project_id} has no head yet: label tasks of at least two classes first")
    info = HeadInfo(record.classes, record.multi_label, record.embedding_model, record.n_labels)
    save(folder, from_bytes(record.blob), info)
    (folder / "classify.py").write_text(program(record.embedding_model, record.multi_label), encoding="utf-8")
    return f"{record.version}: {len(record.classes)} classes, in {folder} as head.safetensors, head.json, classify.py"


def program(embedding: str, multi_label: bool) -> str:
    """The source of a Python program that classifies texts with the exported head, without this service.

    embedding: name of the embedding that the head was fitted on. Raises ModelNotAvailable for a name that cannot be
    read.
    """
    name = parse(embedding)
    hashed = name.model == RANDOM_PROJECTION
    return PROGRAM.format(
        package="scikit-learn" if hashed else "sentence-transformers",
        note="" if hashed else _note(name),
        model=RANDOM_PROJECTION_SOURCE if hashed else _sentence_model_source(name),
        prediction=SEVERAL_CLASSES if multi_label else ONE_CLASS,
    )


def _note(name: EmbeddingName) -> str:
    lines = ["\nEMBEDDING_MODEL may name a folder with the model, for machines without a network."]
    if name.precision is not None:
        lines.append(f"The head was fitted on {name.precision} vectors; these here are float32 and nearly the same.")
    if name.long_texts == "chunks":
        lines.append("The head was fitted on means over chunks of long texts; here they are cut at the model's length.")
    return "\n".join(lines)


def _sentence_model_source(name: EmbeddingName) -> str:
    model = registered(name.model)
    hub_id = model.hub_id if model is not None else name.model
    trust = ", trust_remote_code=True" if model is not None and model.remote_code else ""
    lines = [
        "from sentence_transformers import SentenceTransformer",
        "",
        f'model = SentenceTransformer(os.environ.get("EMBEDDING_MODEL", {hub_id!r}){trust})',
    ]
    arguments = ""
    if name.layer:
        lines.append(f"model[0].auto_model.encoder.layer = model[0].auto_model.encoder.layer[:{name.layer}]")
    if name.normalize is False or (name.layer and not name.normalize):
        lines.append('model = SentenceTransformer(modules=[m for m in model if type(m).__name__ != "Normalize"])')
    if name.normalize:
        arguments += ", normalize_embeddings=True"
    if name.max_length:
        lines.append(f"model.max_seq_length = {name.max_length}")
    ending = repr(model.ending) if model is not None else "''"
    if model is not None and model.ends_in_eos:
        lines.append('model.tokenizer.padding_side = "right"')
        ending += " + model.tokenizer.eos_token"
    if name.prompt_name:
        arguments += f", prompt_name={name.prompt_name!r}"
    elif model is not None and model.prompt:
        arguments += f", prompt={model.prompt!r}"
    texts = "texts" if ending == "''" else f"[text + {ending} for text in texts]"
    return "\n".join([*lines, "", "", "def embed(texts):", f"    return model.encode({texts}{arguments})", ""])
