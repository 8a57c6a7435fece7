"""Descriptions of classes: forms of the file, and what is said of classes on one side only."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import pytest

from ml_backend.learning.embedding.class_texts import class_texts
from simulator.data.class_descriptions import BUILT_IN, read_descriptions
from simulator.data.data_error import DataError
from simulator.data.registry import CARDS

SENTENCES = {"bill": "About an invoice.", "bug": "The app crashes.", "ship": "Where a parcel is."}
CLASSES = ("bill", "bug", "ship")


def written(folder: Path, content: object, name: str = "classes.json") -> str:
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("one.json", SENTENCES),
        ("several.json", {"chat": {"bill": "Something else."}, "mail": SENTENCES}),
        ("table.csv", "class,description\n" + "".join(f'{name}," {text} "\n' for name, text in SENTENCES.items())),
        ("table.tsv", "class\tdescription\n" + "".join(f"{name}\t{text}\n" for name, text in SENTENCES.items())),
    ],
)
def test_each_form_of_the_file_gives_the_same_descriptions(tmp_path: Path, name: str, content: object):
    described, notes = read_descriptions(written(tmp_path, content, name)).of("mail", CLASSES, may_lack=False)
    assert described == SENTENCES
    assert notes == []


def test_a_class_without_a_description_is_known_by_its_name_and_the_note_says_so(tmp_path: Path):
    path = written(tmp_path, {"bill": "About an invoice."})
    described, notes = read_descriptions(path).of("mail", CLASSES, may_lack=False)
    assert described == {"bill": "About an invoice."}
    assert notes == [f"{path} has no description of bug, ship: the name of each of these classes is used"]


def test_a_misspelt_class_is_refused_with_the_classes_that_it_could_be(tmp_path: Path):
    path = written(tmp_path, {"bill": "About an invoice.", "bugs": "The app crashes."})
    with pytest.raises(DataError, match=r"the class 'bugs', which mail does not have: .* description: bug, ship"):
        read_descriptions(path).of("mail", CLASSES, may_lack=False)
    described, notes = read_descriptions(path).of("mail", CLASSES, may_lack=True)
    assert described == {"bill": "About an invoice."}
    assert notes[0] == f"{path} describes bugs too, which the data does not have"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"bill": "a", "bill ": "b"}', "describes 'bill' twice"),
        ('{"bill": ""}', "the description of 'bill' must be a sentence, not ''"),
        ('{"bill": "\\ud800"}', "the description of 'bill' must be a sentence"),
        ('{"mail": {"bill": 3}}', "the description of 'bill' must be a sentence, not '3'"),
        ('{"bill": "a", "mail": {"bug": "b"}}', "must be .* or such an object for each dataset"),
        ("[1]", "must be "),
        ("{", "is not valid JSON"),
    ],
)
def test_a_file_of_another_form_is_refused_with_the_reason(tmp_path: Path, content: str, reason: str):
    with pytest.raises(DataError, match=reason):
        read_descriptions(written(tmp_path, content))


def test_a_table_needs_its_two_columns_and_a_file_a_known_ending(tmp_path: Path):
    with pytest.raises(DataError, match="has no column 'description'"):
        read_descriptions(written(tmp_path, "class,text\nbug,crash\n", "table.csv"))
    with pytest.raises(DataError, match=r"a file that ends in .json, .csv or .tsv, or one of the words builtin"):
        read_descriptions("descriptions.txt")
    with pytest.raises(DataError, match="no such file"):
        read_descriptions(str(tmp_path / "none.json"))


def test_descriptions_of_one_dataset_are_not_used_for_several(tmp_path: Path):
    one = read_descriptions(written(tmp_path, SENTENCES))
    one.check(["mail"])
    with pytest.raises(DataError, match=r'this command has mail, chat: give it as .*\{"mail": \{"spam"'):
        one.check(["mail", "chat"])


def test_a_file_of_other_datasets_only_is_refused_with_their_names(tmp_path: Path):
    others = read_descriptions(written(tmp_path, '{"male": {"bill": "a"}, "chat": {"bill": "b"}}'))
    others.check(["mail", "chat"])
    with pytest.raises(DataError, match=r'classes of male, chat, and this command has mail: .*\{"mail": \{"spam"'):
        others.check(["mail"])
    read_descriptions("builtin").check(["mail"])


def test_every_class_of_the_benchmark_is_described_in_one_sentence():
    described = json.loads(files("simulator.data").joinpath(BUILT_IN["builtin"]).read_text(encoding="utf-8"))
    built_in = read_descriptions("builtin")
    for name, card in CARDS.items():
        sentences, notes = built_in.of(name, tuple(described[name]), may_lack=False)
        assert (len(sentences), notes) == (card.n_classes, [])
        assert all(sentence.endswith(".") and len(sentence) < 120 for sentence in sentences.values())
    assert built_in.of("mail", CLASSES, may_lack=False) == ({}, [])


def test_codes_of_the_benchmark_have_readable_names_too():
    codes = ("ABBR", "DESC", "ENTY", "HUM", "LOC", "NUM")
    assert not class_texts(codes).texts
    readable, _ = read_descriptions("builtin-names").of("trec6", codes, may_lack=False)
    assert class_texts(codes, readable).texts[3] == "person"
