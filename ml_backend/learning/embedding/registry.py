"""Short names for the models of the benchmark: hub id, dimensions, prompt, licence and training data of each.

Ids, dimensions, prompts, licences and, unless said otherwise, training data come from the model metadata of the mteb
package; values that are missing or contradictory there are left out. The leading mteb models expect an instruction; it
is not known which one the benchmark used.
"""

from __future__ import annotations

from dataclasses import dataclass

INSTRUCTION = "Represent this text so that it can be classified"


@dataclass(frozen=True)
class RegisteredModel:
    """A model on the hub.

    short_name: may be used instead of hub_id. dimensions: None if the model offers several. prompt: put before every
    text. remote_code: whether the model needs code from its hub page. ending: put after every text, not after class
    texts. ends_in_eos: whether the end-of-sequence token follows after the ending. trained_on: the benchmark's datasets
    whose training data the model was trained on, None if that is unknown; training_note: from where that is known.
    """

    short_name: str
    hub_id: str
    dimensions: int | None
    licence: str
    prompt: str | None = None
    remote_code: bool = False
    ending: str = ""
    ends_in_eos: bool = False
    trained_on: tuple[str, ...] | None = None
    training_note: str = ""

    @property
    def class_prompt(self) -> str:
        """What is put before every text that describes a class.

        Models that take an instruction were trained to find, for a text with it, the class without one.
        """
        return "" if self.prompt is None or INSTRUCTION in self.prompt else self.prompt


SBERT_DATA = ("mnli", "qnli")
SBERT_NOTE = (
    "The model's card: MultiNLI's training pairs, and SQuAD's training questions with their paragraphs, of which "
    "QNLI's training split was made."
)
"""Training data of the all-… models of sentence-transformers."""
_E5_NOTE = "The paper (arXiv 2212.03533): fine-tuned on NLI pairs, MS MARCO and Natural Questions."
_AT_LEAST = "At least; metadata of the mteb package, which covers the datasets of its own benchmark only."
_ICL = f"<instruct>{INSTRUCTION}\n<query>"
_INSTRUCT = f"Instruct: {INSTRUCTION}\nQuery: "

MODELS = (
    RegisteredModel(
        "nv-embed-v2",
        "nvidia/NV-Embed-v2",
        4096,
        "cc-by-nc-4.0",
        _INSTRUCT,
        remote_code=True,
        ends_in_eos=True,
        trained_on=("banking77",),
        training_note=_AT_LEAST,
    ),
    RegisteredModel("sfr-embedding-2", "Salesforce/SFR-Embedding-2_R", 4096, "cc-by-nc-4.0", _INSTRUCT),
    RegisteredModel("gte-qwen2-7b", "Alibaba-NLP/gte-Qwen2-7B-instruct", 3584, "apache-2.0", _INSTRUCT, True),
    RegisteredModel("stella-1.5b", "dunzhang/stella_en_1.5B_v5", None, "mit", _INSTRUCT, True),
    RegisteredModel(
        "bge-en-icl",
        "BAAI/bge-en-icl",
        4096,
        "apache-2.0",
        _ICL,
        ending="\n<response>",
        trained_on=("banking77", "qnli"),
        training_note=_AT_LEAST,
    ),
    RegisteredModel("e5-mistral", "intfloat/e5-mistral-7b-instruct", 4096, "mit", _INSTRUCT),
    RegisteredModel("linq-embed-mistral", "Linq-AI-Research/Linq-Embed-Mistral", 4096, "cc-by-nc-4.0", _INSTRUCT),
    RegisteredModel("qwen3-embedding-8b", "Qwen/Qwen3-Embedding-8B", 4096, "apache-2.0", _INSTRUCT.rstrip(" ")),
    RegisteredModel("qwen3-embedding-4b", "Qwen/Qwen3-Embedding-4B", 2560, "apache-2.0", _INSTRUCT.rstrip(" ")),
    RegisteredModel("qwen3-embedding-0.6b", "Qwen/Qwen3-Embedding-0.6B", 1024, "apache-2.0", _INSTRUCT.rstrip(" ")),
    RegisteredModel(
        "e5-large-v2", "intfloat/e5-large-v2", 1024, "mit", "query: ", trained_on=("mnli",), training_note=_E5_NOTE
    ),
    RegisteredModel(
        "e5-base-v2", "intfloat/e5-base-v2", 768, "mit", "query: ", trained_on=("mnli",), training_note=_E5_NOTE
    ),
    RegisteredModel("bge-large-en", "BAAI/bge-large-en-v1.5", 1024, "mit"),
    RegisteredModel("bge-base-en", "BAAI/bge-base-en-v1.5", 768, "mit"),
    RegisteredModel(
        "mpnet",
        "sentence-transformers/all-mpnet-base-v2",
        768,
        "apache-2.0",
        trained_on=SBERT_DATA,
        training_note=SBERT_NOTE,
    ),
    RegisteredModel(
        "multilingual-e5-small",
        "intfloat/multilingual-e5-small",
        384,
        "mit",
        "query: ",
        trained_on=("agnews", "dbpedia", "mnli", "qnli", "sst2", "trec6", "yelp5"),
        training_note="The paper (arXiv 2402.05672): fine-tuned on NLI pairs and SQuAD, of which QNLI was made; "
        "pre-trained on xP3, which holds AG News, DBPedia, TREC, Yelp and Rotten Tomatoes (SST-2's sentences) with "
        "their labels.",
    ),
    RegisteredModel(
        "bert-base",
        "google-bert/bert-base-uncased",
        768,
        "apache-2.0",
        trained_on=(),
        training_note="The paper (arXiv 1810.04805): books and Wikipedia, without labels.",
    ),
)
_BY_NAME = {model.short_name: model for model in MODELS} | {model.hub_id: model for model in MODELS}


def registered(name: str) -> RegisteredModel | None:
    """Returns the model with that short name or hub id, or None."""
    return _BY_NAME.get(name)


def short_names() -> str:
    """Returns all short names, separated by commas."""
    return ", ".join(model.short_name for model in MODELS)
