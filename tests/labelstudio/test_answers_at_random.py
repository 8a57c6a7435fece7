"""Random label configs and random annotations, compared with a small model of Label Studio's editor."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest

from ml_backend.annotation import Annotation
from ml_backend.labelstudio.answers import answer
from ml_backend.labelstudio.export_config import UnreadableExport, answers_of_cells, control_of_export
from ml_backend.labelstudio.label_config import LabelConfig, UnsupportedLabelConfig, parse
from ml_backend.labelstudio.labels import labels

Path = tuple[str, ...]
VALUES = ["a", "b", "a / b", "b / a", "ü", "c d", '"a / b"', "<x>", "1", "true"]
ANYTHING: list[Any] = [None, True, 5, -1.5, 10**400, "a", "", [], ["a"], [["a"]], [[1]], [None], {}, {"choices": ["a"]}]


@dataclass
class Node:
    """A choice; label: what results hold."""

    value: str
    alias: str | None = None
    children: list[Node] = field(default_factory=list)

    @property
    def label(self) -> str:
        return self.value if self.alias is None else self.alias


@dataclass
class Model:
    """A control, as the editor keeps it."""

    kind: str
    tree: list[Node]
    several: bool
    nested: bool = False
    leaves_only: bool = False
    stars: int = 5

    def nodes(self) -> list[tuple[Path, Node]]:
        """All nodes that the editor shows, from above."""

        def below(nodes: list[Node], path: Path) -> list[tuple[Path, Node]]:
            shown = []
            for node in nodes:
                here = (*path, node.label)
                shown.append((here, node))
                if self.kind == "taxonomy" or self.nested:
                    shown += below(node.children, here)
            return shown

        return below(self.tree, ())

    def classes(self) -> list[Path]:
        if self.kind == "rating":
            return [(str(n),) for n in range(1, self.stars + 1)]
        return [path for path, node in self.nodes() if not (self.leaves_only and node.children)]

    def result_of(self, clicked: list[Path]) -> Any:
        """What the editor stores after these nodes are clicked."""
        if self.kind == "rating":
            return int(clicked[-1][0])
        if self.kind == "taxonomy":
            return [list(path) for path in clicked]
        if not self.nested:
            return [path[0] for path in self.classes() if path in clicked]

        def is_selected(path: Path, node: Node) -> bool:
            if not node.children:
                return any(path[: len(click)] == click for click in clicked)
            return all(is_selected((*path, child.label), child) for child in node.children)

        return [list(path) for path, node in self.nodes() if is_selected(path, node)]

    def xml(self, name: str, rng: random.Random) -> str:
        def choices(nodes: list[Node]) -> str:
            written = []
            for node in nodes:
                alias = "" if node.alias is None else f" alias={quoteattr(node.alias)}"
                tag = rng.choice(["Choice", "choice", "CHOICE"])
                written.append(f"<{tag} value={quoteattr(node.value)}{alias}>{choices(node.children)}</{tag}>")
            return "".join(written)

        attributes = {
            "choices": f'choice="{rng.choice(["multiple", "Multiple"]) if self.several else "single"}" '
            f'{rng.choice(["allowNested", "allownested"])}="{str(self.nested).lower()}"',
            "taxonomy": ("" if self.several else 'maxUsages="1" ') + f'leafsOnly="{str(self.leaves_only).lower()}"',
            "rating": f'maxRating="{self.stars}"',
        }[self.kind]
        tag = rng.choice([self.kind, self.kind.capitalize(), self.kind.upper()])
        return f'<{tag} name="{name}" toName="t" {attributes}>{choices(self.tree)}</{tag}>'


def random_tree(rng: random.Random, depth: int) -> list[Node]:
    values = rng.sample(VALUES, rng.randint(2 if depth == 0 else 0, 3) if depth < 3 else 0)
    aliases = [None if rng.random() < 0.8 else f"alias {value}" for value in values]
    return [Node(v, a, random_tree(rng, depth + 1)) for v, a in zip(values, aliases, strict=True)]


def random_model(rng: random.Random) -> Model:
    kind = rng.choice(["choices", "choices", "taxonomy", "rating"])
    return Model(
        kind,
        tree=[] if kind == "rating" else random_tree(rng, 0),
        several=kind != "rating" and rng.random() < 0.5,
        nested=kind == "choices" and rng.random() < 0.6,
        leaves_only=kind == "taxonomy" and rng.random() < 0.3,
        stars=rng.randint(2, 12),
    )


def parsed(model: Model, rng: random.Random) -> LabelConfig:
    shown = '<Text name="t" value="$text"/>'
    return parse(f"<View>{shown}<View>{model.xml('c', rng)}</View></View>")


def item(kind: str, value: Any) -> dict[str, Any]:
    return {"from_name": "c", "to_name": "t", "type": kind, "value": {kind: value}}


def random_answer(model: Model, rng: random.Random) -> tuple[list[dict[str, Any]], set[Path]]:
    """A result that the editor can make, and the paths that it may mean: all of them if several may be chosen."""
    options = model.classes()
    clicked = rng.sample(options, rng.randint(1, min(3, len(options))) if model.several else 1)
    value = model.result_of(clicked)
    if model.kind == "rating":
        return [item("rating", value)], {(str(value),)}
    stored = {tuple(path) if isinstance(path, list) else (path,) for path in value}
    if model.several:
        return [item(model.kind, value)], stored
    return [item(model.kind, value)], {option for option in options if model.result_of([option]) == value}


@pytest.mark.parametrize("seed", range(150))
def test_an_answer_means_what_was_clicked(seed: int):
    rng = random.Random(seed)
    model = random_model(rng)
    if len(model.classes()) < 2:
        with pytest.raises(UnsupportedLabelConfig):
            parsed(model, rng)
        return
    config = parsed(model, rng)
    assert list(config.paths.values()) == model.classes()
    assert len(set(config.classes)) == len(model.classes())
    for _ in range(10):
        result, meant = random_answer(model, rng)
        given = answer(result, config)
        assert (given.problem, given.unknown) == (None, ())
        assert given.classes is not None
        paths = {config.paths[name] for name in given.classes}
        assert paths == meant if model.several else (len(paths) == 1 and paths <= meant)


@pytest.mark.parametrize("seed", range(100))
def test_an_export_without_its_label_config_means_the_same(seed: int):
    rng = random.Random(seed)
    model = random_model(rng)
    if len(model.classes()) < 2:
        return
    # Every class occurs once, as in an export that is large enough.
    results = [[item(model.kind, model.result_of([option]))] for option in model.classes()]
    results += [random_answer(model, rng)[0] for _ in range(10)]
    annotations = [Annotation(i, i, 1, False, result, "") for i, result in enumerate(results)]
    live, offline = parsed(model, rng), control_of_export(annotations)
    as_live = labels(annotations, live)
    if offline.multi_label == live.multi_label:
        as_offline = labels(annotations, offline)
        assert {task: {live.paths[n] for n in names} for task, names in as_live.by_task.items()} == {
            task: {offline.paths[n] for n in names} for task, names in as_offline.by_task.items()
        }
    cells = [result[0]["value"] for result in results]
    if not live.multi_label:
        names = [given.classes for given in answers_of_cells(cells)]
        of_cells = dict(enumerate(names))
        assert of_cells == labels(annotations, offline).by_task


def is_well_formed(result: Any, kind: str) -> bool:
    """Whether a result has the form that Label Studio's editor writes."""
    if not isinstance(result, list) or not all(isinstance(entry, dict) for entry in result):
        return False
    for entry in result:
        if "from_name" in entry and not isinstance(entry["from_name"], str):
            return False
        if entry.get("from_name") != "c":
            continue
        value = entry.get("value")
        if not isinstance(value, dict) or kind not in value:
            return False
        chosen = value[kind]
        if kind == "rating":
            if isinstance(chosen, bool) or chosen not in range(1_000_000):
                return False
        elif not isinstance(chosen, list) or not all(
            (isinstance(c, str) and kind == "choices")
            or (isinstance(c, list) and c and all(isinstance(p, str) for p in c))
            for c in chosen
        ):
            return False
    return True


def mutated(result: list[dict[str, Any]], kind: str, rng: random.Random) -> Any:
    """A result with anything in one place of it."""
    anything = rng.choice(ANYTHING)
    entry = dict(result[0])
    place = rng.randrange(6)
    if place == 0:
        return anything
    if place == 1:
        return [*result, anything]
    if place == 2:
        entry["from_name"] = anything
    elif place == 3:
        entry["value"] = anything
    elif place == 4:
        entry["value"] = {kind: anything}
    else:
        entry["value"] = {kind: [anything]}
    return [entry, *(result if rng.random() < 0.3 else [])]


@pytest.mark.parametrize("seed", range(100))
def test_an_annotation_that_has_another_form_is_listed_and_costs_nothing_else(seed: int):
    rng = random.Random(seed)
    model = random_model(rng)
    if len(model.classes()) < 2:
        return
    config = parsed(model, rng)
    good = [random_answer(model, rng)[0] for _ in range(5)]
    odd = [mutated(rng.choice(good), model.kind, rng) for _ in range(30)]
    annotations = [Annotation(i, i, 1, False, result, "") for i, result in enumerate([*good, *odd])]
    together = labels(annotations, config)
    alone = labels(annotations[:5], config)
    assert {task: together.by_task.get(task) for task in range(5)} == {
        task: alone.by_task.get(task) for task in range(5)
    }
    listed = {problem.task_id for problem in together.problems}
    for annotation in annotations:
        if not is_well_formed(annotation.result, model.kind):
            assert annotation.task_id in listed
            assert annotation.task_id not in together.by_task
    try:
        offline = control_of_export(annotations)
    except UnreadableExport:
        return
    assert all(isinstance(name, str) for name in offline.classes)
    answers_of_cells([*odd, *(entry for result in odd if isinstance(result, list) for entry in result)])


UNUSABLE = [
    '<Choices name="{}" toName="t"><Choice value="only"/></Choices>',
    '<Choices name="{}" toName="t" value="$options"/>',
    '<Choices name="{}" toName="t" perRegion="true"><Choice value="a"/><Choice value="b"/></Choices>',
    '<Taxonomy name="{}" toName="t" apiUrl="http://x"/>',
    '<Repeater on="$x"><Choices name="{}" toName="t"><Choice value="a"/><Choice value="b"/></Choices></Repeater>',
    '<Labels name="{}" toName="t"><Label value="a"/></Labels>',
    '<Pairwise name="{}" toName="t,t"/>',
    '<TextArea name="{}" toName="t"/>',
    '<Rating name="{}" toName="t" maxRating="x"/>',
    '<Rating name="{}" toName="t" maxRating="4" perRegion="true"/>',
]


@pytest.mark.parametrize("seed", range(150))
def test_the_first_control_that_can_be_learned_is_learned(seed: int):
    rng = random.Random(seed)
    written, usable = [], []
    for number in range(rng.randint(0, 5)):
        name = f"c{number}"
        model = random_model(rng)
        if rng.random() < 0.5:
            written.append(rng.choice(UNUSABLE).format(name))
        else:
            written.append(model.xml(name, rng))
            if len(model.classes()) >= 2:
                usable.append((model.kind == "rating", number, name))
        for _ in range(rng.randrange(3)):
            written[-1] = f"<View>{written[-1]}</View>"
    xml = f'<View><Text name="t" value="$text"/>{"".join(written)}</View>'
    if not usable:
        with pytest.raises(UnsupportedLabelConfig):
            parse(xml)
        return
    config = parse(xml)
    assert config.control == min(usable)[2]
    assert bool(config.notes) == (len(written) > 1 or config.control_tag == "Rating")
    for _, _, name in usable:
        assert parse(xml, control=name).control == name
