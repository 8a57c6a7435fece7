"""Any sentence-transformers model, from the hub or a folder; it runs on the GPU if there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ml_backend.learning.embedding.long_texts import first_tokens, mean_of_chunks, text_tokens, without_truncation
from ml_backend.learning.embedding.names import EmbeddingName, ModelNotAvailable
from ml_backend.learning.embedding.progress import Report, silent
from ml_backend.learning.embedding.registry import RegisteredModel, short_names

BATCH = {"cpu": 16, "cuda": 64}
"""Texts per batch."""
SLICE = {"cpu": 64, "cuda": 1024}
"""Texts that are encoded between two progress reports; long ones take a CPU a quarter of a second each."""
QUERY_PROMPTS = ("query", "search_query", "s2p_query", "s2s_query", "retrieval_query", "Retrieval-query")
DOCUMENT_PROMPTS = ("document", "passage", "search_document", "retrieval_document", "Retrieval-document")
"""Names that models of the hub give to their prompts for queries and for what is found by them."""
HUB_SECONDS = 10.0
"""Timeout of the request to the hub, in seconds."""


Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class _Around:
    """What is put before and after every text of a kind."""

    prompt: str
    ending: str


class SentenceModel:
    """A sentence-transformers model with its prompt, precision and limit of tokens."""

    def __init__(
        self, name: EmbeddingName, registered: RegisteredModel | None, prompt: str | None, trust_remote_code: bool
    ) -> None:
        """Load the model.

        name: the parsed name; registered: its entry in the registry, if any; prompt: instead of the model's own.

        Raises ModelNotAvailable if the model cannot be loaded, needs code that is not trusted, or lacks the prompt.
        """
        _silence_hub()
        self._model = _load(name, registered, trust_remote_code)
        if name.max_length:
            self._model.max_seq_length = name.max_length
        ending = registered.ending if registered is not None else ""
        eos = ""
        if registered is not None and registered.ends_in_eos:
            eos = self._model.tokenizer.eos_token
            self._model.tokenizer.padding_side = "right"
        self._parsed_name = name
        if name.prompt_name is not None and name.prompt_name not in self._model.prompts:
            prompts = ", ".join(self._model.prompts) or "none"
            raise ModelNotAvailable(f"{name.model} has no prompt {name.prompt_name!r}; its prompts: {prompts}")
        text_prompt, class_prompt = _prompts(self._model, name, registered, prompt)
        self._texts = _Around(text_prompt, ending + eos)
        self._class_texts = _Around(class_prompt, eos)
        self.dimensions = self.encode(["x"]).shape[1]

    def encode(self, texts: Sequence[str], report: Report = silent) -> Vectors:
        """Returns vectors (N, D) float32; report is called with the number of texts done since the last call.

        Raises ModelNotAvailable if the model's limit leaves no token for a text.
        """
        return self._encode_any_length(texts, self._texts, report)

    def encode_class_texts(self, texts: Sequence[str]) -> Vectors:
        """Returns vectors (N, D) float32 of texts that describe classes. Raises ModelNotAvailable as `encode` does."""
        return self._encode_any_length(texts, self._class_texts, silent)

    def _encode_any_length(self, texts: Sequence[str], around: _Around, report: Report) -> Vectors:
        if self._parsed_name.long_texts == "cut":
            # The model cuts a text at its end, where the ending is; so the text is shortened before.
            shortened = first_tokens(texts, self._tokenizer, self._text_tokens(around)) if around.ending else texts
            return self._encode(shortened, around, report)
        unit = bool(self._parsed_name.normalize) or _normalizes(self._model)
        vectors = mean_of_chunks(
            texts,
            self._tokenizer,
            self._text_tokens(around),
            lambda pieces: self._encode(pieces, around, silent),
            unit,
        )
        report(len(texts))
        return vectors

    @cached_property
    def _tokenizer(self) -> Any:
        """The model's tokenizer, set to read texts of any length."""
        return without_truncation(self._model.tokenizer.backend_tokenizer)

    def _text_tokens(self, around: _Around) -> int:
        try:
            return text_tokens(self._tokenizer, int(self._model.max_seq_length), around.prompt, around.ending)
        except ValueError as error:
            raise ModelNotAvailable(f"{self._parsed_name}: {error}") from error

    def _encode(self, texts: Sequence[str], around: _Around, report: Report) -> Vectors:
        order = np.argsort([-len(text) for text in texts], kind="stable")
        device = "cuda" if self._model.device.type == "cuda" else "cpu"
        parts = []
        for start in range(0, len(order), SLICE[device]):
            rows = order[start : start + SLICE[device]]
            part = self._model.encode(
                [texts[row] + around.ending for row in rows],
                batch_size=BATCH[device],
                show_progress_bar=False,
                convert_to_tensor=True,
                normalize_embeddings=bool(self._parsed_name.normalize),
                prompt=around.prompt,
            )
            parts.append(part.float().cpu().numpy())
            report(len(rows))
        vectors: Vectors = np.empty((len(texts), parts[0].shape[1]), dtype=np.float32)
        vectors[order] = np.concatenate(parts)
        return vectors


def _prompts(
    model: Any, name: EmbeddingName, registered: RegisteredModel | None, prompt: str | None
) -> tuple[str, str]:
    """The prompts for texts and for class texts.

    prompt: instead of the model's own. A model whose prompts tell queries from documents was trained to find the one
    for the other: beside texts as queries, class texts are documents, and the other way round.
    """
    prompt_name = name.prompt_name
    if prompt_name is None and prompt is None and registered is None:
        prompt_name = model.default_prompt_name
    if prompt_name is not None:
        own = {own_name: text or "" for own_name, text in model.prompts.items()}
        text_prompt = own.get(prompt_name, "")
        for names, counterparts in ((QUERY_PROMPTS, DOCUMENT_PROMPTS), (DOCUMENT_PROMPTS, QUERY_PROMPTS)):
            if prompt_name in names:
                return text_prompt, next((own[other] for other in counterparts if other in own), "")
        return text_prompt, text_prompt
    if registered is None:
        return prompt or "", prompt or ""
    return (registered.prompt or "") if prompt is None else prompt, registered.class_prompt


def _silence_hub() -> None:
    """Switch off telemetry and progress bars. Call this before the libraries of the hub are used."""
    from huggingface_hub import constants
    from huggingface_hub.utils.tqdm import disable_progress_bars

    constants.HF_HUB_DISABLE_TELEMETRY = True
    disable_progress_bars()


def _normalizes(model: Any) -> bool:
    return any(_is_normalize(module) for module in model)


def _is_normalize(module: Any) -> bool:
    # Compared by name, since the class is imported from a different place in each major version.
    return type(module).__name__ == "Normalize"


def _must_load_locally(hub_id: str) -> bool:
    """Returns whether to load the model from this machine: from a folder, or the cache if the hub is unreachable.

    It sends one request to the hub; without this check, the libraries would retry their requests for minutes.
    """
    from huggingface_hub import HfApi

    if Path(hub_id).is_dir():
        return True
    try:
        HfApi().model_info(hub_id, timeout=HUB_SECONDS)
    except Exception:
        return True
    return False


def _unavailable(hub_id: str, error: Exception) -> ModelNotAvailable:
    reason = (str(error) or type(error).__name__).splitlines()[0][:200].rstrip(".")
    return ModelNotAvailable(
        f"embedding model {hub_id!r} cannot be loaded: {reason}. Check that the name is not misspelt and that the "
        f"hub can be reached. These work without a network: minilm, random-projection and, for a fixed list of texts, "
        f"tfidf. Short names of hub models: {short_names()}"
    )


def _load(name: EmbeddingName, registered: RegisteredModel | None, trust_remote_code: bool) -> Any:
    import torch
    from sentence_transformers import SentenceTransformer

    from ml_backend.learning.embedding.linear_layers import warn_if_slow

    if registered is not None and registered.remote_code and not trust_remote_code:
        raise ModelNotAvailable(
            f"{registered.hub_id} runs code of its authors; allow it with EMBEDDING_TRUST_REMOTE_CODE=1 "
            f"(or Embedder(..., trust_remote_code=True)) if you trust its authors"
        )
    if name.precision == "int8":
        raise ModelNotAvailable(f"only minilm can be computed in int8; for {name.model} choose bf16 or fp16")
    dtype = {None: None, "float16": torch.float16, "bfloat16": torch.bfloat16}[name.precision]
    try:
        model = SentenceTransformer(
            name.model,
            trust_remote_code=trust_remote_code,
            local_files_only=_must_load_locally(name.model),
            model_kwargs={} if dtype is None else {"dtype": dtype},
        )
    except (OSError, ValueError, ImportError) as error:
        raise _unavailable(name.model, error) from error
    warn_if_slow(name.precision, str(model.device))
    if name.normalize is False:
        modules = [module for module in model if not _is_normalize(module)]
        model = SentenceTransformer(
            modules=modules,
            device=str(model.device),
            prompts={k: v for k, v in model.prompts.items() if v is not None},
            default_prompt_name=model.default_prompt_name,
        )
    return model
