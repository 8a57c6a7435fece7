"""What is embedded for a class, and how."""

import re

import numpy as np
import pandas as pd
import pytest

from ml_backend.learning import Embedder
from ml_backend.learning.embedding.class_texts import class_text_key, class_texts, encode_class_texts
from ml_backend.learning.embedding.minilm import packaged_folder
from ml_backend.learning.embedding.names import ModelNotAvailable, NeedsCorpus, parse
from ml_backend.learning.embedding.registry import MODELS, RegisteredModel, registered
from ml_backend.learning.embedding.sentence_models import SentenceModel


def test_a_description_comes_before_the_name():
    described = class_texts(["card_arrival", "age_limit", "pin"], {"pin": " The PIN\n is blocked. ", "age_limit": " "})
    assert (described.texts, described.why_off) == (("card arrival", "age limit", "The PIN is blocked."), "")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["1", "2", "3"], "all of them say nothing about the texts ('1', '2', '3')"),
        (["ABBR", "DESC", "human", "LOC"], "3 of 4 of them say nothing about the texts ('ABBR', 'DESC', 'LOC')"),
        (["A", "other"], "1 of 2"),
        ([f"C{n}" for n in range(9)], "'C4' and 4 more)"),
        (["a_b", "a b"], "do not tell the classes apart"),
    ],
)
def test_names_that_say_nothing_are_not_used_and_a_sentence_says_what_helps(names: list[str], words: str):
    off = class_texts(names)
    assert off.texts == ()
    assert words in off.why_off
    assert 'describe each class in a sentence with the setting "class_descriptions"' in off.why_off


def test_one_code_among_good_names_and_a_repeated_text_change_nothing():
    assert class_texts(["billing", "C12", "shipping"]).texts == ("billing", "C12", "shipping")
    assert class_texts(["a_b", "a b", "c"]).texts == ("a b", "a b", "c")
    vectors = encode_class_texts(Embedder("minilm"), ["a b", "a b", "c"])
    np.testing.assert_array_equal(vectors[0], vectors[1])


def test_with_a_description_for_each_class_codes_are_used():
    assert class_texts(["1", "2"], {"1": "bad", "2": "good"}).texts == ("bad", "good")


def test_minilm_embeds_a_class_text_as_any_other_text():
    texts = ["card arrival", "The customer asks about a fee."]
    np.testing.assert_array_equal(encode_class_texts(Embedder("minilm"), texts), Embedder("minilm").encode(texts))


def prompts_read(model: SentenceModel) -> dict[str, str]:
    """What the model reads of a text and of a class text: prompt, text and ending."""
    read, encode = [], model._model.encode

    def recorded(texts, **how):
        read.extend(how["prompt"] + text for text in texts)
        return encode(texts, **how)

    model._model.encode = recorded
    model.encode(["text"])
    model.encode_class_texts(["class"])
    return dict(zip(("text", "class"), read, strict=True))


@pytest.mark.parametrize(
    ("short_name", "read"),
    [
        ("e5-base-v2", {"text": "query: text", "class": "query: class"}),
        ("bge-base-en", {"text": "text", "class": "class"}),
        ("bge-en-icl", {"text": "{prompt}text\n<response>", "class": "class"}),
        ("e5-mistral", {"text": "{prompt}text", "class": "class"}),
    ],
)
def test_models_that_take_an_instruction_read_class_texts_without_it(short_name: str, read: dict[str, str]):
    known = registered(short_name)
    assert known is not None
    folder = str(packaged_folder())
    like_it = RegisteredModel(short_name, folder, 384, "mit", known.prompt, ending=known.ending)
    model = SentenceModel(parse(f"{folder}:max64"), like_it, None, trust_remote_code=False)
    assert prompts_read(model) == {kind: text.replace("{prompt}", known.prompt or "") for kind, text in read.items()}


@pytest.mark.parametrize(
    ("prompt_name", "class_prompt"),
    [("query", "passage: "), ("document", "query: "), ("classification", "classify: "), (None, "")],
)
def test_named_prompts_make_class_texts_the_counterpart_of_the_texts(
    prompt_name: str | None, class_prompt: str, monkeypatch: pytest.MonkeyPatch
):
    from ml_backend.learning.embedding import sentence_models

    load = sentence_models._load
    prompts = {"query": "query: ", "document": "passage: ", "classification": "classify: "}

    def with_prompts(*args):
        model = load(*args)
        model.prompts = prompts
        return model

    monkeypatch.setattr(sentence_models, "_load", with_prompts)
    name = f"{packaged_folder()}:prompt={prompt_name}" if prompt_name else str(packaged_folder())
    model = SentenceModel(parse(name), None, None, trust_remote_code=False)
    assert prompts_read(model) == {"text": f"{prompts.get(prompt_name or '', '')}text", "class": f"{class_prompt}class"}


def test_tfidf_embeds_class_texts_once_it_is_fitted():
    embedder = Embedder("tfidf")
    with pytest.raises(NeedsCorpus):
        encode_class_texts(embedder, ["card"])
    vectors = encode_class_texts(
        embedder.fit(["a lost card", "a blocked card", "the fee", "a fee"]), ["card", "unknown"]
    )
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0])


def test_a_matrix_embeds_class_texts_only_if_it_has_them(tmp_path):
    np.save(tmp_path / "x.npy", np.eye(2, dtype=np.float32))
    refusal = re.escape("has no vectors for 1 of 2 class names or descriptions, the first of which is 'billing'")
    with pytest.raises(ModelNotAvailable, match=refusal):
        encode_class_texts(Embedder(str(tmp_path / "x.npy")).fit(["one", "two"]), ["one", "billing"])
    pd.DataFrame({"text": ["one", "billing"], "embedding": [[1.0, 0.0], [0.0, 1.0]]}).to_parquet(tmp_path / "x.parquet")
    known = Embedder(str(tmp_path / "x.parquet"))
    np.testing.assert_array_equal(encode_class_texts(known, ["billing"]), [[0, 1]])


def test_the_key_of_a_class_text_tells_models_and_texts_apart():
    names = ["minilm", "minilm:layer3", "tfidf:0123456789ab", "x.npy", *(model.hub_id for model in MODELS)]
    keys = {class_text_key(name, text) for name in names for text in ("card", "card arrival", "", "\ud800")}
    assert len(keys) == 4 * len(names)
    assert class_text_key("minilm", "card") == class_text_key("minilm", "card")
