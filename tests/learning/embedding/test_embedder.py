import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from ml_backend.learning.embedding import embedder as embedders
from ml_backend.learning.embedding import linear_layers, minilm
from ml_backend.learning.embedding.bert import batches
from ml_backend.learning.embedding.embedder import Embedder, ModelNotAvailable, NeedsCorpus, encode_layers, load
from ml_backend.learning.embedding.minilm import packaged_folder
from ml_backend.learning.embedding.names import parse
from ml_backend.learning.embedding.registry import MODELS, RegisteredModel, registered
from ml_backend.learning.embedding.sentence_models import SentenceModel
from ml_backend.learning.numerics.finite import NotFinite
from ml_backend.text_fields import FIELD_SEPARATOR

TEXTS = [
    "where is my card",
    "",
    "the quick brown fox jumps over the lazy dog",
    "Zürich, naïve café — 3,141!",
    "where is my card",
    "word " * 400,
    "a",
]


@pytest.fixture(scope="module")
def reference():
    """Mean-pooled hidden states by layer, and the model's vectors, both by sentence-transformers."""
    import torch
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(packaged_folder()), device="cpu", local_files_only=True)
    inputs = model.preprocess(TEXTS) if hasattr(model, "preprocess") else model.tokenize(TEXTS)
    inputs = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    with torch.inference_mode():
        states = model[0].auto_model(**inputs, output_hidden_states=True).hidden_states
    mask = inputs["attention_mask"][:, :, None]
    layers = {k: ((state * mask).sum(1) / mask.sum(1)).numpy() for k, state in enumerate(states)}
    return layers, model.encode(TEXTS)


def cosines(a, b):
    return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)


def test_minilm_gives_the_vectors_of_sentence_transformers(reference):
    vectors = load("minilm").encode(TEXTS)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, reference[1], atol=2e-6)


@pytest.mark.parametrize("layer", [1, 3, 6])
def test_a_layer_gives_the_mean_of_its_hidden_states(reference, layer):
    np.testing.assert_allclose(load(f"minilm:layer{layer}").encode(TEXTS), reference[0][layer], atol=2e-5)


def test_two_fields_are_joined_as_in_the_pairs_that_the_model_was_trained_on():
    fields = f"is it open{FIELD_SEPARATOR}it opens at nine"
    read = load("minilm").encode([fields, "is it open [SEP] it opens at nine", "is it open\nit opens at nine"])
    np.testing.assert_allclose(read[0], read[1], atol=2e-6)
    assert np.abs(read[0] - read[2]).max() > 0.01
    np.testing.assert_allclose(encode_layers([fields], ["minilm"])["minilm"][0], read[0], atol=2e-6)
    read = load("random-projection").encode([fields, "is it open\nit opens at nine"])
    np.testing.assert_array_equal(read[0], read[1])


def test_one_pass_gives_all_layers(reference):
    vectors = encode_layers(TEXTS, [1, 2, 4, 5, "minilm"])
    assert list(vectors) == ["minilm:layer1", "minilm:layer2", "minilm:layer4", "minilm:layer5", "minilm"]
    for layer in (1, 2, 4, 5):
        np.testing.assert_allclose(vectors[f"minilm:layer{layer}"], reference[0][layer], atol=2e-5)
    np.testing.assert_allclose(vectors["minilm"], reference[1], atol=2e-6)


def test_layers_above_the_requested_one_are_not_run(monkeypatch):
    from ml_backend.learning.embedding import bert

    run, layers = bert._run, []
    monkeypatch.setattr(bert, "_run", lambda layer, *arguments: layers.append(layer) or run(layer, *arguments))
    load("minilm:layer2").encode(["x"])
    assert len(layers) == 2


def test_the_same_embedding_is_one_object_under_all_its_names():
    assert load("minilm") is load("sentence-transformers/all-MiniLM-L6-v2") is load("minilm:layer6:unit")
    assert load("minilm:raw") is load("minilm:layer6")
    assert load("minilm").name == "sentence-transformers/all-MiniLM-L6-v2"


def test_a_vector_does_not_depend_on_the_other_texts_of_the_call(reference):
    alone = np.concatenate([load("minilm").encode([text]) for text in TEXTS])
    np.testing.assert_allclose(alone, reference[1], atol=2e-6)


def test_a_repeated_text_is_embedded_once(monkeypatch):
    embedder = Embedder("minilm")
    encode, texts_read = embedder._encoder.encode, []
    monkeypatch.setattr(
        embedder._encoder, "encode", lambda texts, report: texts_read.extend(texts) or encode(texts, report)
    )
    vectors = embedder.encode(["a", "b", "a", "a"])
    assert texts_read == ["a", "b"]
    np.testing.assert_array_equal(vectors[0], vectors[2])


def test_no_texts_give_an_empty_matrix_with_the_models_dimensions():
    assert load("minilm").encode([]).shape == (0, 384)
    assert encode_layers([], [1])["minilm:layer1"].shape == (0, 384)


def test_a_value_that_is_no_text_is_refused_with_its_row():
    with pytest.raises(TypeError, match="row 1 is NoneType"):
        load("minilm").encode(["a", None])


def test_a_vector_that_is_not_finite_is_refused_with_text_and_model(monkeypatch):
    embedder = Embedder("random-projection")
    vectors = np.array([[1.0], [np.nan]], dtype=np.float32)
    monkeypatch.setattr(embedder._encoder, "encode", lambda texts, report: vectors)
    with pytest.raises(NotFinite, match=r"row 3 .*by random-projection holds NaN.*'hello'"):
        embedder.encode(["a", "a", "a", "hello", "hello"])


@pytest.mark.parametrize(("precision", "least"), [("bf16", 0.9995), ("int8", 0.98)])
def test_low_precision_stays_close_to_float32(reference, precision, least):
    vectors = load(f"minilm:{precision}").encode(TEXTS)
    assert cosines(vectors, reference[1]).min() > least
    assert np.abs(vectors - reference[1]).max() > 1e-5, "it must not be float32"


@pytest.mark.parametrize(("fast", "warnings"), [(True, 0), (False, 2)])
def test_a_precision_that_this_processor_lacks_is_warned_of(monkeypatch, caplog, fast, warnings):
    monkeypatch.setattr(linear_layers, "_is_fast", lambda precision: fast)
    minilm.shared.cache_clear()
    for name in ("minilm:max99:bf16", f"{packaged_folder()}:bf16", "minilm:max99", str(packaged_folder())):
        Embedder(name)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * warnings
    assert all("leave :bf16 out" in record.message for record in caplog.records)


def test_int8_vectors_do_not_depend_on_the_other_texts_of_the_call():
    embedder = load("minilm:int8")
    together = embedder.encode(TEXTS)
    np.testing.assert_allclose(np.concatenate([embedder.encode([t]) for t in TEXTS]), together, atol=0.02)


def test_long_texts_are_cut_unless_chunks_are_requested():
    start, end = "my card was stolen yesterday. " * 60, "the weather is lovely in spring. " * 60
    cut, chunks = load("minilm"), load("minilm:chunks")
    assert cosines(cut.encode([start + end]), cut.encode([start]))[0] > 0.999
    tail = cosines(chunks.encode([start + end]), cut.encode([end]))[0]
    assert tail > cosines(cut.encode([start + end]), cut.encode([end]))[0] + 0.2
    np.testing.assert_allclose(np.linalg.norm(chunks.encode([start + end])), 1, atol=1e-5)
    short = ["a text that fits"]
    np.testing.assert_allclose(chunks.encode(short), cut.encode(short), atol=2e-6)


PROMPT = "instruct: represent this text so that it can be classified. query: "


def record_texts(model: SentenceModel) -> list[str]:
    """A list to which every text that the model reads from now on is added, with its prompt and ending."""
    texts_read, encode = [], model._model.encode

    def recorded(texts, **how):
        texts_read.extend(how["prompt"] + text for text in texts)
        return encode(texts, **how)

    model._model.encode = recorded
    return texts_read


def test_chunks_leave_room_for_the_prompt_so_that_the_whole_text_is_read():
    folder = str(packaged_folder())
    embedder = Embedder(f"{folder}:chunks:max32", prompt=PROMPT)
    text = " ".join(f"word{number}" for number in range(60))
    texts_read = record_texts(embedder._encoder)
    vectors = embedder.encode([text, "short"])
    tokens = [len(ids) for ids in embedder._encoder._model.tokenizer(texts_read)["input_ids"]]
    assert max(tokens) <= 32
    assert sorted(tokens)[-2] >= 30, "a piece must not be much shorter than the limit"
    pieces = [read.removeprefix(PROMPT) for read in texts_read]
    assert all(any(f"word{number}" in piece.split() for piece in pieces) or number % 5 for number in range(60))
    np.testing.assert_allclose(vectors[1], Embedder(folder, prompt=PROMPT).encode(["short"])[0], atol=2e-6)


def test_a_models_ending_follows_texts_that_are_cut():
    folder = str(packaged_folder())
    registered = RegisteredModel("word", folder, 384, "apache-2.0", "query: ", ending=" this is the end")
    model = SentenceModel(parse(f"{folder}:max16"), registered, None, trust_remote_code=False)
    texts_read = record_texts(model)
    long, short = model.encode(["alpha beta gamma delta " * 20, "alpha"])
    assert max(len(ids) for ids in model._model.tokenizer(texts_read)["input_ids"]) == 16
    assert texts_read[0] == "query: alpha beta gamma delta alpha beta gamma delta this is the end"
    assert texts_read[1] == "query: alpha this is the end"
    assert np.abs(long - short).max() > 0.01


def test_a_prompt_that_leaves_no_room_for_a_text_is_refused():
    with pytest.raises(ModelNotAvailable, match="a limit of 8 tokens leaves none for the text: 17 are special tokens"):
        Embedder(f"{packaged_folder()}:chunks:max8", prompt=PROMPT)


def test_a_folder_is_loaded_as_a_sentence_transformers_model(reference):
    folder = str(packaged_folder())
    np.testing.assert_allclose(Embedder(folder).encode(TEXTS), reference[1], atol=2e-6)
    np.testing.assert_allclose(Embedder(f"{folder}:raw").encode(TEXTS), reference[0][6], atol=2e-5)
    prompted = Embedder(folder, prompt="query: ")
    np.testing.assert_allclose(prompted.encode(["x"]), Embedder(folder).encode(["query: x"]), atol=2e-6)
    assert prompted.name != Embedder(folder).name


def test_random_projection_needs_no_corpus_and_keeps_word_overlap():
    embedder = load("random-projection")
    a, b, c = embedder.encode(["my card is lost", "my card is stolen", "spring weather rocks"])
    assert a @ b > 0.5 > abs(a @ c)
    assert a.shape == (embedder.dimensions,)


def test_tfidf_must_be_fitted_and_is_the_same_for_the_same_texts():
    texts = ["my card is lost", "my card is stolen", "spring weather", "weather in spring", "lost card"]
    embedder = load("tfidf")
    assert embedder.needs_corpus
    with pytest.raises(NeedsCorpus, match="fit"):
        embedder.encode(texts)
    fitted, fitted_again = embedder.fit(texts), embedder.fit(texts)
    assert not fitted.needs_corpus
    assert embedder.needs_corpus, "fitting must not change the process's shared embedder"
    np.testing.assert_array_equal(fitted.encode(texts), fitted_again.encode(texts))
    assert fitted.name == fitted_again.name != embedder.fit(texts[:3]).name
    similar = fitted.encode(["lost my card", "spring weather"]) @ fitted.encode(["card"]).T
    assert similar[0] > similar[1] + 0.3


def test_tfidf_is_the_same_on_any_number_of_threads():
    rng = np.random.default_rng(0)
    words = np.array([f"w{number}" for number in range(3000)])
    texts = [" ".join(words[rng.zipf(1.3, size=12) % 3000]) for _ in range(1000)]
    vectors = [load("tfidf").fit(texts).encode(texts)]  # loads the libraries, so that the limits below reach them
    for threads in (1, 2):
        with threadpool_limits(threads):
            vectors.append(load("tfidf").fit(texts).encode(texts))
    np.testing.assert_array_equal(vectors[1], vectors[2])
    np.testing.assert_array_equal(vectors[0], vectors[1])


def test_tfidf_of_texts_without_words_is_refused():
    with pytest.raises(ValueError, match="vocabulary"):
        load("tfidf").fit(["", " "])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("minilm:layer7", "known: .*layer1 … layer6"),
        ("tfidf:int8", "no options"),
        ("bert-base:layer2", "only minilm"),
        ("minilm:max9000", "3 to 512"),
        ("nv-embed-v2", "EMBEDDING_TRUST_REMOTE_CODE=1"),
        ("bert-base:int8", "only minilm"),
        ("nobody/nothing", r"[^.]\. Check that the name is not misspelt.*minilm.*nv-embed-v2"),
    ],
)
def test_unknown_models_and_options_are_refused_with_a_remedy(name, message, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ModelNotAvailable, match=message):
        Embedder(name)


def test_names_with_options_in_any_order_are_normalised():
    assert str(parse("minilm:int8:layer3")) == str(parse("minilm:layer3:int8"))
    assert str(parse("BAAI/bge-m3:bf16:max128")) == "BAAI/bge-m3:bf16:max128"
    assert str(parse(str(parse("minilm:layer2:unit:chunks")))) == str(parse("minilm:layer2:unit:chunks"))


def test_a_short_name_and_its_hub_id_are_the_same_embedding():
    assert str(parse("bge-base-en:bf16")) == str(parse("BAAI/bge-base-en-v1.5:bf16")) == "BAAI/bge-base-en-v1.5:bf16"
    assert all(parse(model.short_name) == parse(model.hub_id) for model in MODELS)
    assert registered(parse("nv-embed-v2").model) is registered("nv-embed-v2")


def test_registered_models_have_different_short_names_and_hub_ids():
    assert len({model.short_name for model in MODELS}) == len({model.hub_id for model in MODELS}) == len(MODELS)
    assert registered("nv-embed-v2") is registered("nvidia/NV-Embed-v2")
    assert registered("nv-embed-v2").remote_code


def test_threads_that_load_the_same_name_get_the_same_embedder():
    embedders._loaded.cache_clear()
    loaded = []
    threads = [threading.Thread(target=lambda: loaded.append(load("minilm:layer1"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(embedder) for embedder in loaded}) == 1


def test_batches_hold_texts_of_similar_length_within_the_budget_of_tokens():
    lengths = [3, 50, 7, 300, 50, 4]
    batched_lengths = [[lengths[row] for row in rows] for rows in batches(lengths, 100)]
    assert batched_lengths == [[300], [50, 50], [7, 4, 3]]
