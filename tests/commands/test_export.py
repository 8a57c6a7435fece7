"""What `export` writes predicts, without this package, what the service predicts."""

from __future__ import annotations

import ast
import importlib.util
import json
import os
import pty
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import evaluations
import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from ml_backend.commands.export import export_model
from ml_backend.commands.failure import CommandFailed, NotConnected
from ml_backend.exported_program import hub_model
from ml_backend.exported_program.classify import mean_of_chunks
from ml_backend.labelstudio.label_config import parse
from ml_backend.labelstudio.texts import task_text
from ml_backend.learning.embedding.embedder import load
from ml_backend.learning.embedding.minilm import packaged_folder
from ml_backend.learning.embedding.names import parse as parse_embedding
from ml_backend.learning.embedding.registry import MODELS, RegisteredModel
from ml_backend.learning.embedding.sentence_models import SentenceModel
from ml_backend.learning.head import Head
from ml_backend.learning.head.files import to_bytes
from ml_backend.pipeline.export import write as exporting
from ml_backend.pipeline.export.encoders import exported_encoder
from ml_backend.pipeline.export.errors import ExportFailed
from ml_backend.settings import Settings
from ml_backend.store import Store
from ml_backend.store.learning_records import (
    Agreement,
    HeadRecord,
    LabelStudioUse,
    PriorRecord,
    RunRecord,
)
from ml_backend.store.records import ClassNamesUse, ProjectCounts

CARDS = ["my card is lost", "the card was stolen", "card not working", "where is my new card"]
WEATHER = ["it rains today", "sunny in spring", "snow and wind tomorrow", "a storm is coming"]
CLASSES = ["Karte", "Wetter – draußen", "never | labelled"]
CONTROL = "".join(f'<Choice value="{name}"/>' for name in CLASSES)
ONE_TEXT = f'<View><Text name="t" value="$text"/><Choices name="c" toName="t">{CONTROL}</Choices></View>'
SEVERAL_CLASSES = ONE_TEXT.replace("<Choices", '<Choices choice="multiple"')
STOLEN, RAIN = "they stole my bank card", "heavy rain and wind"
SENTENCES = ["bank cards", "the weather", "other"]
BOTH, NEITHER = "a storm took my card, and it rains", "abc"


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """The products here are small: more threads would only wait for each other on a busy machine."""
    with threadpool_limits(1):
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(model_dir=tmp_path / "data")


def keep_head(
    settings: Settings,
    embedding: str = "minilm",
    config: str = ONE_TEXT,
    several: bool = False,
    temperature: float = 1,
    classes: list[str] = CLASSES,
) -> Head:
    """A project with a head for cards and weather, as a run of the service leaves it."""
    embedder = load(embedding)
    texts, y = CARDS + WEATHER, np.repeat([0, 1], 4)
    if several:
        texts, y = [*texts, BOTH, NEITHER], np.r_[np.eye(3, dtype=np.int64)[y], [[1, 1, 0], [0, 0, 0]]]
    head = Head(C=30.0).fit(embedder.encode(texts), y, 3)
    head.temperature = temperature
    settings.model_dir.mkdir()
    store = Store(settings.database_url)
    store.create()
    store.ensure_project(7, title="Cards & weather", label_config=config, settings={"strategy": "margin"})
    store.put_head(HeadRecord("v1", 7, classes, several, embedder.name, 8, to_bytes(head), Agreement(), time.time()))
    store.close()
    return head


@pytest.fixture(scope="module")
def one_class(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported folder of a project with one text and one class per text."""
    folder = tmp_path_factory.mktemp("one")
    settings = Settings(model_dir=folder / "data")
    keep_head(settings)
    export_model(settings, 7, folder / "model")
    return folder / "model"


WITHOUT_THIS_REPOSITORY = "sys.modules['ml_backend'] = None"


def classify(
    folder: Path, *arguments: str | Path, stdin: bytes = b"", cwd: Path | str = "/", python: Sequence[str] = ("-I",)
) -> subprocess.CompletedProcess[str]:
    """Run classify.py where nothing of this repository can be imported."""
    code = (
        f"import runpy, sys; {WITHOUT_THIS_REPOSITORY}; del sys.argv[0]; runpy.run_path(sys.argv[0], None, '__main__')"
    )
    environment = {"HF_HUB_OFFLINE": "1", "LC_ALL": "C", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, *python, "-c", code, folder / "classify.py", *arguments],
        check=False, capture_output=True, input=stdin, env=environment, cwd=cwd, timeout=300,
    )  # fmt: skip
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def classifier(folder: Path) -> Any:
    """The Classifier of an exported folder, in this process."""
    spec = importlib.util.spec_from_file_location(f"exported_{folder.parent.name}", folder / "classify.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module.Classifier()


def classes_and_probabilities(output: str) -> list[tuple[str, ...]]:
    return [tuple(line.split("\t")) for line in output.splitlines()]


LONG = " ".join(f"{word} and rain" for word in CARDS * 18)
TEXTS = [
    STOLEN,
    f"  {RAIN}\n",
    LONG,
    "ctrl\x00\x07 card \x1f\ud83d lost",
    "Привет 🌧 naïve",
    "<b>card</b> &amp; wind",
    "word",
]


@pytest.mark.parametrize(
    "embedding",
    ["minilm", "minilm:layer3", "minilm:layer2:unit", "minilm:max16:chunks", "minilm:raw:max8", "random-projection"],
)
def test_embeddings_and_probabilities_equal_those_of_the_service(settings, tmp_path, embedding):
    head = keep_head(settings, embedding, temperature=1.7)
    message = export_model(settings, 7, tmp_path / "model")
    assert message.startswith("v1 of project 7, 3 classes, is in ")
    exported = classifier(tmp_path / "model")
    vectors = load(embedding).encode([task_text({"text": text}, parse(ONE_TEXT)) for text in TEXTS])
    np.testing.assert_allclose(exported.encode(TEXTS), vectors, atol=1e-5)
    probabilities = head.predict_proba(vectors)
    np.testing.assert_allclose(exported.probabilities(TEXTS), probabilities, atol=1e-5)
    assert [CLASSES.index(name) for [(name, _)] in exported.predict(TEXTS)] == probabilities.argmax(axis=1).tolist()


def test_a_text_has_the_same_vector_alone_and_among_others(one_class):
    exported = classifier(one_class)
    together = exported.encode(TEXTS)
    np.testing.assert_allclose(together, np.concatenate([exported.encode([text]) for text in TEXTS]), atol=1e-5)
    assert exported.encode([]).shape == (0, 384)
    assert exported.predict([]) == []


PAIR = f"""<View><Header value="Book: $title ($year)"/>
<HyperText name="b" value="&lt;i&gt;$body&lt;/i&gt; by $author."/>
<Choices name="c" toName="b">{CONTROL}</Choices></View>"""
BOOKS = [
    {"title": "My card", "year": "1999", "body": "<p>they stole</p><script>x</script>it &amp; ran", "author": "A. B."},
    {"title": "", "year": "", "body": "<b>heavy</b> rain\x07", "author": ""},
    {"title": "Wind", "year": "", "body": " ", "author": "C"},
]


def test_several_texts_templates_and_markup_are_read_as_by_the_service(settings, tmp_path):
    head = keep_head(settings, config=PAIR)
    export_model(settings, 7, tmp_path / "model")
    exported = classifier(tmp_path / "model")
    assert exported.fields == ["title", "year", "body", "author"]
    texts = [task_text(book, parse(PAIR)) for book in BOOKS]
    assert [exported.ready_text(list(book.values())) for book in BOOKS] == [t.replace("\x1f", " [SEP] ") for t in texts]
    assert exported.ready_text(list(BOOKS[0].values())) == "Book: My card (1999) [SEP] they stole\nit & ran by A. B."
    (tmp_path / "books.jsonl").write_text("".join(json.dumps({**book, "n": 1}) + "\n" for book in BOOKS))
    done = classify(tmp_path / "model", tmp_path / "books.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    best = head.predict_proba(load("minilm").encode(texts)).argmax(axis=1)
    assert [row[0] for row in classes_and_probabilities(done.stdout)] == [CLASSES[k] for k in best]


def test_a_text_of_several_fields_needs_a_column_for_each(settings, tmp_path):
    keep_head(settings, "random-projection", config=PAIR)
    export_model(settings, 7, tmp_path / "model")
    done = classify(tmp_path / "model", stdin=b"a text")
    assert (done.returncode, done.stdout) == (2, "")
    assert "the model reads 4 fields (title, year, body, author), and a line is only one" in done.stderr
    columns = [argument for name in "tyba" for argument in ("--column", name)]
    done = classify(tmp_path / "model", "--format", "csv", *columns, stdin=b"a,b,t,y\n,rain,card,\n<b,,,\n,,,\n")
    assert done.stderr.splitlines()[:2] == [
        "line 3: its markup ends inside a tag or a comment",
        "line 4: the text is empty",
    ]
    assert done.stdout.splitlines()[0].split("\t")[0] in CLASSES
    exported = classifier(tmp_path / "model")
    with pytest.raises(ValueError, match="the model reads the fields title, year, body, author; got 1 strings"):
        exported.predict(["a text"])
    assert exported.predict([("", "", "", "<b"), ("", "", "", "")]) == [[], []]


def test_fields_named_in_the_settings_and_paths_of_classes_are_exported(settings, tmp_path):
    """A project with `text_fields` and a taxonomy, whose classes are paths."""
    taxonomy = "".join(f'<Choice value="{name}"><Choice value="in"/></Choice>' for name in "abc")
    config = f'<View><Text name="t" value="$x"/><Taxonomy name="c" toName="t">{taxonomy}</Taxonomy></View>'
    classes = ["a / in", "b / in", "c / in"]
    keep_head(settings, "random-projection", config, classes=classes)
    store = Store(settings.database_url)
    store.update_project(7, settings={"text_fields": ["my title", "x"]})
    store.close()
    export_model(settings, 7, tmp_path / "model")
    readme = (tmp_path / "model" / "README.md").read_text()
    assert "--column 'my title' --column x" in readme
    (tmp_path / "a.csv").write_text("x,my title\nis lost,my card\n")
    done = classify(tmp_path / "model", tmp_path / "a.csv")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("a / in\t")
    assert classifier(tmp_path / "model").ready_text(["my card", "is lost"]) == "my card\nis lost"


def test_several_classes_are_printed_with_their_probabilities(settings, tmp_path):
    keep_head(settings, config=SEVERAL_CLASSES, several=True)
    export_model(settings, 7, tmp_path / "model")
    texts = [STOLEN, RAIN, BOTH, NEITHER]
    done = classify(tmp_path / "model", stdin="\n".join(texts).encode())
    assert (done.returncode, done.stderr) == (0, "")
    rows = classes_and_probabilities(done.stdout)
    assert [row[::2] for row in rows] == [("Karte",), ("Wetter – draußen",), ("Karte", "Wetter – draußen"), ("",)]
    assert all(float(p) >= 0.5 for row in rows for p in row[1::2])
    done = classify(tmp_path / "model", "--json", stdin=texts[3].encode())
    answer = json.loads(done.stdout)
    assert answer["classes"] == []
    assert list(answer["probabilities"]) == CLASSES


def test_each_line_gives_a_class_and_its_probability(one_class, tmp_path):
    (tmp_path / "texts.txt").write_bytes(f"\ufeff{STOLEN}\r\n{RAIN}\u2028{RAIN}\n".encode())
    done = classify(one_class, tmp_path / "texts.txt")
    assert (done.returncode, done.stderr) == (0, "")
    rows = classes_and_probabilities(done.stdout)
    assert [name for name, _ in rows] == ["Karte", "Wetter – draußen"]
    assert all(0.5 < float(p) < 1 for _, p in rows)
    as_json = json.loads(classify(one_class, "--json", stdin=STOLEN.encode()).stdout)
    assert as_json["class"] == "Karte"
    assert sum(as_json["probabilities"].values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "content", "arguments"),
    [
        ("a.csv", 'id,text\n1,"they stole\nmy ""bank"" card"\n\n2,heavy rain\n', []),
        ("a.CSV", "\ufeffid;body\r\n1;they stole my card\r\n2;heavy rain\r\n", ["--column", "body"]),
        ("a.tsv", "text\tid\nthey stole my card\t1\nheavy rain\t2\n", []),
        ("a.jsonl", '{"text": "they stole my card"}\n\n"heavy rain \\ud83d"\n', []),
        ("a.txt", "they stole my card\nheavy rain", ["--encoding", "utf-16"]),
    ],
)
def test_files_of_every_format_are_read(one_class, tmp_path, name, content, arguments):
    (tmp_path / name).write_bytes(content.encode("utf-16" if "utf-16" in arguments else "utf-8"))
    done = classify(one_class, tmp_path / name, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    assert [row[0] for row in classes_and_probabilities(done.stdout)] == ["Karte", "Wetter – draußen"]


@pytest.mark.parametrize(
    ("name", "content", "sentences"),
    [
        ("a.txt", b"my card\n \n\xff\xfe card\nrain", ["line 2: the text is empty", "line 3: it is not UTF-8"]),
        ("b.txt", b"my card\n" + b"word " * 20_001 + b"\nrain", ["line 2: the text is longer than 100,000 characters"]),
        ("a.csv", b"text,n\nmy card,1\n,2\n\xe4,3\nrain,4", ["line 3: the text is empty", "line 4: it is not UTF-8"]),
        ("b.csv", b"n,text\n1,card\n2\n3,rain", ["line 3: it has 1 cell, and the header 2"]),
        ("c.csv", b'text\ncard\nrain\n"open\nmore', ["line 4: a quoted cell has no proper end"]),
        ("a.jsonl", b'{"text": "card"}\n{"text": null}\n{"t": "x"}\n[1]\n{"text"\n"rain"', [
            "line 2: the text is empty", "line 3: it has no 'text' but 't'", "line 4: it is not a JSON object but",
            "line 5: it is not JSON",
        ]),
    ],
)  # fmt: skip
def test_rows_that_cannot_be_used_are_named_and_stop_no_other(one_class, tmp_path, name, content, sentences):
    (tmp_path / name).write_bytes(content)
    done = classify(one_class, tmp_path / name)
    assert done.returncode == 2
    *problems, summary = done.stderr.splitlines()
    assert len(problems) == len(sentences)
    assert all(problem.startswith(sentence) for problem, sentence in zip(problems, sentences, strict=True))
    rows = done.stdout.splitlines()
    assert summary == f"classify.py: {len(sentences)} of {len(rows)} rows have no prediction"
    assert [row.split("\t")[0] for row in rows if row] == ["Karte", "Wetter – draußen"]
    errors = [
        json.loads(row).get("error") for row in classify(one_class, "--json", tmp_path / name).stdout.splitlines()
    ]
    assert [error for error in errors if error] == problems


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["missing.txt"], "missing.txt cannot be read: No such file or directory"),
        (["/"], "/ cannot be read: Is a directory"),
        (["a.csv"], "the header, the first line, has no column 'text' but 'body', 'n'; name yours with --column"),
        (["empty.csv"], "the input has no header"),
        (["a.csv", "--column", "body", "--column", "n"], "the model reads 1 field (text)"),
        (["--column", "body"], "--column is for CSV, TSV and JSON lines: name the format"),
        (["texts.xlsx"], ".xlsx files cannot be read: save the texts as .csv"),
        (["a.csv", "--encoding", "klingon"], "there is no encoding 'klingon'"),
    ],
)
def test_input_that_cannot_be_read_is_refused_with_a_sentence(one_class, tmp_path, arguments, sentence):
    (tmp_path / "a.csv").write_text("body,n\nx,1\n")
    (tmp_path / "empty.csv").write_text("")
    done = classify(one_class, *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"classify.py: {sentence}")
    assert len(done.stderr.splitlines()) == 1


def test_a_missing_package_is_named_with_the_command_that_installs_it(one_class):
    done = classify(one_class, stdin=b"x", python=("-I", "-S"))
    assert (done.returncode, done.stdout) == (2, "")
    sentence = f"the package numpy is missing: run `pip install -r {one_class / 'requirements.txt'}`"
    assert done.stderr == f"classify.py: {sentence}\n"
    assert "--column" in classify(one_class, "--help", python=("-I", "-S")).stdout


def test_files_of_another_version_are_refused(one_class, tmp_path):
    shutil.copytree(one_class, tmp_path / "model")
    info = json.loads((one_class / "model.json").read_text())
    (tmp_path / "model" / "model.json").write_text(json.dumps({**info, "format": 2}))
    done = classify(tmp_path / "model", stdin=b"x")
    assert (done.returncode, done.stdout) == (2, "")
    assert "model.json has format 2, and this classify.py reads format 1" in done.stderr


@pytest.mark.parametrize("file", ["head.npz", "minilm.npz", "tokenizer.json", "encoder.py", "input_texts.py"])
@pytest.mark.parametrize("cut", [True, False])
def test_a_file_that_is_missing_or_cut_short_is_said(one_class, tmp_path, file, cut):
    if cut and file.endswith(".py"):
        pytest.skip("a program that is cut short is no input")
    folder = tmp_path / "model"
    folder.mkdir()
    for path in one_class.iterdir():
        if path.is_file() and path.name != file:
            (folder / path.name).symlink_to(path)
    if cut:
        (folder / file).write_bytes((one_class / file).read_bytes()[:1000])
    (folder / "classify.py").unlink()
    shutil.copyfile(one_class / "classify.py", folder / "classify.py")  # a link would be followed to the whole folder
    done = classify(folder, stdin=b"x")
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert "copy the whole folder" in done.stderr or file in done.stderr


def test_progress_is_shown_on_a_terminal(one_class, tmp_path):
    terminal, child = pty.openpty()
    with (tmp_path / "out").open("wb") as out:
        subprocess.run(
            [sys.executable, one_class / "classify.py"], input=b"card\n" * 300, stdout=out, stderr=child, check=True
        )
    os.close(child)
    shown = os.read(terminal, 10_000).decode()
    os.close(terminal)
    assert "256 texts, " in shown
    assert "300 texts, " in shown
    assert len((tmp_path / "out").read_text().splitlines()) == 300


def test_the_commands_in_the_readme_work(one_class, tmp_path):
    folder = shutil.copytree(one_class, tmp_path / "model")
    (folder / "texts.txt").write_text("my card")
    (folder / "texts.csv").write_text("text\nmy card\n")
    (folder / "texts.jsonl").write_text('{"text": "my card"}\n')
    readme = (folder / "README.md").read_text()
    commands = [line.strip() for line in readme.splitlines() if line.startswith("    ") and "classify.py" in line]
    assert len(commands) >= 4
    for command in commands:
        in_shell = command.replace("python", sys.executable)
        done = subprocess.run(["bash", "-c", in_shell], cwd=folder, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), command
    assert json.loads((folder / "classes.jsonl").read_text())["class"] == "Karte"
    code = "\n".join(line[4:] for line in readme.split("from classify")[1].splitlines()[1:] if line.startswith("    "))
    program = f"from classify import Classifier\n{code}\nprint(classifier.predict(['my card'])[0][0][0])"
    done = subprocess.run([sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "Karte\n", "")


@pytest.mark.parametrize(
    ("labels", "known", "words", "texts"),
    [
        (8, None, "8 labels", []),
        (8, PriorRecord(12.5, 3.0, 2, 1), "8 labels and the class names and descriptions (strength 12.5)", SENTENCES),
        (0, PriorRecord(20.0, 0.0, 3, 0), "the class names", SENTENCES),
    ],
)
def test_the_folder_says_what_the_model_was_made_from(settings, tmp_path, labels, known, words, texts):
    keep_head(settings)
    store = Store(settings.database_url)
    head = store.current_head(7)
    store.put_head(replace(head, version="v2", n_labels=labels, class_prior=known))
    store.update_project(7, class_names=ClassNamesUse(SENTENCES))
    store.close()
    message = export_model(settings, 7, tmp_path / "model")
    readme = (tmp_path / "model" / "README.md").read_text()
    info = json.loads((tmp_path / "model" / "model.json").read_text())
    assert f"it is made from {words}, and" in message
    assert f"| made from | {words}, on " in readme
    assert ("It has not seen a label" in readme) == (labels == 0)
    assert (info["made_from"], info["class_texts"], info["labels"]) == (words, texts, labels)
    assert classify(tmp_path / "model", stdin=b"my card").stdout.startswith("Karte\t")


def test_the_readme_says_how_good_the_model_is(settings: Settings, tmp_path: Path):
    keep_head(settings)
    store = Store(settings.database_url)
    store.update_project(7, counts=ProjectCounts(labeled=8, embedded=11))
    known = [evaluations.class_quality(CLASSES[0], 5, 0.9, 0.6), evaluations.class_quality(CLASSES[1], 3, None, None)]
    body = evaluations.body("v1", 8, classes=[*known, evaluations.class_quality(CLASSES[2], 0, None, None)])
    store.put_evaluation(evaluations.record(7, body))
    store.close()
    export_model(settings, 7, tmp_path / "model")
    readme = (tmp_path / "model" / "README.md").read_text()
    for part in [
        "| data | 0 tasks in Label Studio, 11 with a usable text, 8 labelled |",
        "| accuracy | 83% of the texts that were not labelled, 78 to 88% (95% interval) |",
        "It rests on 31 tasks drawn at random.",
        "Weak classes, the weakest first: Karte.",
        "Confused most: labelled praise, predicted bug: 5 of 30 labels.",
        "| Karte | 5 | 90%, 80 to 100% | 60%, 50 to 70% |",
        "| never \\| labelled | 0 | too few | too few |",
    ]:
        assert part in readme
    info = json.loads((tmp_path / "model" / "model.json").read_text())["evaluation"]
    unnamed = {"annotators": {name: body["annotators"][name] for name in ("alpha", "tasks")}}
    (pair,) = body["confusions"]
    unnamed["confusions"] = [{name: part for name, part in pair.items() if name != "examples"}]
    names_tasks_or_people = {"look_again", "people", "disagreements"}
    assert info == {name: part for name, part in body.items() if name not in names_tasks_or_people} | unnamed


def test_the_readme_says_what_the_model_is(settings, tmp_path):
    keep_head(settings)
    store = Store(settings.database_url)
    use = LabelStudioUse(0, 0)
    for method, right, asked in [("typiclust", 1, 20), ("badge", 15, 20), ("margin", 30, 40)]:
        store.add_run(RunRecord(7, 0, 1, "b", method, "", 8, [], {}, use, right, asked, 0, 0))
    store.close()
    export_model(settings, 7, tmp_path / "model")
    readme = (tmp_path / "model" / "README.md").read_text()
    packages = (tmp_path / "model" / "requirements.txt").read_text().split()
    assert [package.split("==")[0] for package in packages] == ["numpy", "tokenizers"]
    for part in [
        "# Cards & weather\n",
        "Karte, Wetter – draußen, never \\| labelled",
        "8 labels",
        time.strftime("%B %Y", time.gmtime()),
        "| texts chosen by | `typiclust`, then `badge` |",
        "| accuracy | not known |",
        "Not evaluated yet",
        "| never \\| labelled | 0 | – | – |",
        "all-MiniLM-L6-v2",
        f"pip install {' '.join(packages)}",
    ]:
        assert part in readme


@pytest.mark.parametrize(
    ("file", "packages"),
    [
        ("classify.py", {"numpy"}),
        ("command_line.py", set()),
        ("input_texts.py", set()),
        ("minilm.py", {"numpy", "tokenizers"}),
        ("random_projection.py", {"numpy", "sklearn"}),
        ("hub_model.py", {"numpy", "sentence_transformers", "torch", "huggingface_hub", "transformers"}),
    ],
)
def test_the_program_imports_only_the_packages_that_it_names(file, packages):
    tree = ast.parse((exporting.PROGRAM / file).read_text())
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in ([node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names])
    }
    assert imported - sys.stdlib_module_names == packages


def test_exporting_without_a_project_or_a_head_says_what_is_missing(settings, tmp_path):
    settings.model_dir.mkdir()
    with pytest.raises(NotConnected, match=r"project 7 is not connected.*none"):
        export_model(settings, 7, tmp_path / "out")
    store = Store(settings.database_url)
    store.ensure_project(7)
    store.close()
    with pytest.raises(CommandFailed, match="label tasks"):
        export_model(settings, 7, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_is_replaced_only_if_it_is_an_export_and_force_is_given(settings, tmp_path):
    keep_head(settings, "random-projection")
    export_model(settings, 7, tmp_path / "model")
    (tmp_path / "model" / "old").write_text("")
    with pytest.raises(CommandFailed, match="exists: choose another folder, or replace it with --force"):
        export_model(settings, 7, tmp_path / "model")
    export_model(settings, 7, tmp_path / "model", force=True)
    assert not (tmp_path / "model" / "old").exists()
    (tmp_path / "photos").mkdir()
    export_model(settings, 7, tmp_path / "photos")
    shutil.rmtree(tmp_path / "photos")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "one.jpg").write_text("")
    with pytest.raises(CommandFailed, match="is not an exported model"):
        export_model(settings, 7, tmp_path / "photos", force=True)
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["one.jpg"]


def test_a_failed_export_leaves_nothing_and_keeps_the_earlier_one(settings, tmp_path, monkeypatch):
    keep_head(settings, "random-projection")
    export_model(settings, 7, tmp_path / "models" / "one")
    before = sorted(path.name for path in (tmp_path / "models" / "one").iterdir())

    def no_space(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "_write_head", no_space)
    for folder, force in [("one", True), ("two", False)]:
        with pytest.raises(CommandFailed, match="cannot be written: No space left on device"):
            export_model(settings, 7, tmp_path / "models" / folder, force)
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["one"]
    assert sorted(path.name for path in (tmp_path / "models" / "one").iterdir()) == before


@pytest.mark.parametrize("embedding", ["tfidf", "tfidf:0123456789ab", "/data/vectors.parquet", "minilm:colour"])
def test_an_embedding_that_cannot_be_exported_is_refused_by_name(embedding):
    with pytest.raises(ExportFailed, match=embedding.split(":")[-1]):
        exported_encoder(embedding, trust_remote_code=False)


def hub_vectors(name: str, texts: list[str], **changed: Any) -> Any:
    """What the exported program makes of the texts with a hub model of that name, and with these options changed."""
    options = {**exported_encoder(name, trust_remote_code=False).options, **changed}
    encoder = hub_model.Encoder(Path(), options)
    return mean_of_chunks(encoder, texts) if options["long_texts"] == "chunks" else encoder.encode(texts)


@pytest.mark.parametrize("options", ["", ":max16:chunks", ":raw:max16", ":unit:bf16:max16"])
def test_a_hub_model_gives_the_vectors_of_the_service(options):
    name, texts = f"{packaged_folder()}{options}", [*CARDS, LONG]
    np.testing.assert_allclose(hub_vectors(name, texts), load(name).encode(texts), atol=1e-5)


@pytest.mark.parametrize("options", [":max16", ":max16:chunks"])
def test_a_hub_model_has_the_prompt_and_the_ending_of_the_service(options):
    name, texts = f"{packaged_folder()}{options}", [*CARDS, LONG]
    registered = RegisteredModel(
        "word", str(packaged_folder()), 384, "mit", "query: ", ending=" the end", ends_in_eos=False
    )
    service = SentenceModel(parse_embedding(name), registered, None, trust_remote_code=False)
    vectors = hub_vectors(name, texts, prompt="query: ", ending=" the end")
    np.testing.assert_allclose(vectors, service.encode(texts), atol=1e-5)
    assert np.abs(vectors - hub_vectors(name, texts)).max() > 0.01


def test_a_hub_model_that_cannot_be_reached_is_named_with_a_remedy(monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(RuntimeError, match=r"'nobody/nothing' is not on this machine.*EMBEDDING_MODEL name a folder"):
        hub_vectors("nobody/nothing", ["x"])
    monkeypatch.setenv("EMBEDDING_MODEL", str(packaged_folder()))
    assert hub_vectors("nobody/nothing", ["x"]).shape == (1, 384)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.short_name)
def test_a_registered_model_is_exported_with_its_prompt_and_packages(model):
    encoder = exported_encoder(model.short_name, trust_remote_code=False)
    options = encoder.options
    assert (options["model"], options["prompt"], options["ending"]) == (model.hub_id, model.prompt, model.ending)
    assert options["trust_remote_code"] == model.remote_code == any("code from its hub" in t for t in encoder.limits)
    assert {"sentence-transformers", "torch"} <= {line.split("==")[0] for line in encoder.requirements}
    assert model.hub_id in encoder.description
