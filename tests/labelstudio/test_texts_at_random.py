"""Random label configs and tasks: the text is what a small model of the editor shows, or the task is refused.

The model walks the random config itself, not its XML, and uses nothing of the product.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from xml.sax.saxutils import quoteattr

import pytest

from ml_backend.labelstudio.label_config import UnsupportedLabelConfig, parse
from ml_backend.labelstudio.texts import BadTask, task_text
from ml_backend.text_fields import FIELD_SEPARATOR

CONFIGS, TASKS = 400, 5
NUMBERS = {7: "7", 7.5: "7.5", 1e21: "1e+21", 100000.0: "100000", 1e-7: "1e-7", -3: "-3"}
WORDS = ["plain", "two words", "a  b\tc", "line\nbreak", "über 😀", "a & b", "$text", "1 < 2 > 0"]
MARKUP = [
    "<p>one</p>two",
    "a <b>bold</b> c",
    "x<br/>y",
    "&lt;tag&gt; &amp;",
    "<script>1</script>z",
    "a<!-- c -->b",
]
ODD = [
    None,
    "",
    " \n",
    "\ud83d",
    "\x00",
    "https://x.org/1.txt",
    "/data/upload/1/x.txt",
    {"a": 1},
    [],
    "I <![love it",
    "<b",
]
PATHS = {
    "text": ["text"],
    "meta.title": ["meta", "title"],
    "rows[1]": ["rows", 1],
    "meta.rows[0].x": ["meta", "rows", 0, "x"],
}
FIRST = ["", "Title: ", "(", "50% "]
LATER = ["", " - ", ")", " (", " / ", "; ", "-", " $ "]
"""Literals behind a variable start with a character that ends it."""


@dataclass
class Tag:
    """An element of a random label config; template: literals and names of variables in turns."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    template: list[str] = field(default_factory=list)
    children: list[Tag] = field(default_factory=list)
    is_seen: bool = True
    is_readable: bool = True


def tree(rng: random.Random, depth: int = 0) -> Tag:
    children = [
        tree(rng, depth + 1) if depth < 3 and rng.random() < 0.3 else leaf(rng) for _ in range(rng.randint(1, 3))
    ]
    hidden = {"style": "width: 1em; display: none"}, {"visibleWhen": "region-selected"}, {"whenChoiceValue": "a"}
    seen = {"style": "display: flex"}, {"visibleWhen": "no-region-selected"}, {"className": "x"}
    is_seen = depth == 0 or rng.random() < 0.8
    return Tag("View", dict(rng.choice(seen if is_seen else hidden)), children=children, is_seen=is_seen)


def leaf(rng: random.Random) -> Tag:
    name = rng.choice(["Text", "Text", "HyperText", "Header", "Paragraphs", "Image"])
    variables = [rng.choice(list(PATHS)) for _ in range(rng.choice([0, 1, 1, 1, 2, 3]))]
    literals = [rng.choice(FIRST), *(rng.choice(LATER) for _ in variables)] if rng.random() < 0.6 else [""] * 4
    template = [part for pair in zip(literals, [*variables, ""], strict=False) for part in pair][:-1]
    attributes: dict[str, str] = {}
    if name == "Paragraphs":
        template = ["", "turns", ""]
        attributes = rng.choice([{}, {"nameKey": "who", "textKey": "said"}, {"layout": "dialogue"}])
    url = name in {"Text", "HyperText", "Paragraphs"} and rng.random() < 0.1
    is_readable = name != "Image" and not url and len(template) > 1
    return Tag(name, attributes | ({"valueType": "url"} if url else {}), template, is_readable=is_readable)


def xml(rng: random.Random, tag: Tag, names: list[str]) -> str:
    """The element as XML, in random letter case; names: of the objects so far, to which this adds."""
    attributes = dict(tag.attributes)
    if tag.template:
        attributes["value"] = "".join(f"${part}" if i % 2 else part for i, part in enumerate(tag.template))
    if tag.name not in {"View", "Header"}:
        names.append(f"object-{len(names)}")
        attributes["name"] = names[-1]
    written = " ".join(f"{any_case(rng, key)}={quoteattr(value)}" for key, value in attributes.items())
    name = any_case(rng, tag.name)
    return f"<{name} {written}>{''.join(xml(rng, child, names) for child in tag.children)}</{name}>"


def any_case(rng: random.Random, word: str) -> str:
    return rng.choice([word, word, word.lower(), word.upper()])


def value(rng: random.Random, is_clean: bool, depth: int = 0) -> Any:
    if not is_clean and rng.random() < 0.3:
        return rng.choice(ODD)
    if depth < 2 and rng.random() < 0.15:
        return [value(rng, is_clean, depth + 1) for _ in range(rng.randint(1, 3))]
    return rng.choice([*WORDS, *MARKUP, *NUMBERS, True, False])


def task(rng: random.Random, is_clean: bool) -> dict[str, Any]:
    data: dict[str, Any] = {"text": value(rng, is_clean), "turns": dialogue(rng, is_clean)}
    data["meta"] = {"title": value(rng, is_clean), "rows": [{"x": value(rng, is_clean)}]}
    data["rows"] = [value(rng, is_clean), value(rng, is_clean)]
    if not is_clean:
        for name in [name for name in data if rng.random() < 0.2]:
            data[name] = value(rng, is_clean) if rng.random() < 0.5 else data.pop(name) and None
    return data


def dialogue(rng: random.Random, is_clean: bool) -> Any:
    def turn() -> dict[str, Any]:
        keys = ["author", "text", "who", "said"]
        part = {key: rng.choice([*WORDS, 7, 7.5]) if is_clean else value(rng, False) for key in keys}
        return part if is_clean else {key: said for key, said in part.items() if rng.random() < 0.9}

    turns: list[Any] = [turn() for _ in range(rng.randint(1, 3))]
    return turns if is_clean or rng.random() < 0.8 else rng.choice([[*turns, None], ["a"], [], {}, "[]", turns[0]])


class NotShown(Exception):
    """The editor shows an error instead of the text, or nothing that could be labelled."""


def seen(tag: Tag) -> list[Tag]:
    if not tag.is_seen:
        return []
    return [inner for child in tag.children for inner in seen(child)] if tag.name == "View" else [tag]


def shown(tag: Tag, data: dict[str, Any]) -> str:
    """What the editor shows of a tag; NotShown where it shows an error."""
    if tag.name == "Paragraphs":
        return turns(data.get("turns"), tag.attributes.get("nameKey", "author"), tag.attributes.get("textKey", "text"))
    values = [follow(data, PATHS[name]) for name in tag.template[1::2]]
    is_alone = tag.template[::2] == ["", ""]
    if tag.name == "Header" and is_alone and not isinstance(values[0], str):
        return ""
    parts = list(tag.template)
    parts[1::2] = ["" if v is None else string(v) for v in values]
    # The XML of the config has no line breaks or tabs: its literals are as they are written.
    return browser("".join(parts)) if tag.name == "HyperText" else "".join(parts)


def follow(data: Any, path: list[Any]) -> Any:
    for key in path:
        if isinstance(data, str) and isinstance(key, int):
            data = data[key] if key < len(data) else None
        else:
            is_there = (
                key in data
                if isinstance(data, dict)
                else isinstance(data, list) and isinstance(key, int) and key < len(data)
            )
            data = data[key] if is_there else None
    return data


def string(v: Any) -> str:
    if isinstance(v, list):
        return ",".join("" if inner is None else string(inner) for inner in v)
    if isinstance(v, bool):
        return "true" if v else "false"
    return NUMBERS[v] if isinstance(v, int | float) else v if isinstance(v, str) else "[object Object]"


def turns(v: Any, name_key: str, text_key: str) -> str:
    if v is None:
        return ""
    if not isinstance(v, list) or not v or not isinstance(v[0], dict) or not {name_key, text_key} <= v[0].keys():
        raise NotShown
    lines = []
    for turn in v:
        if turn is None:
            raise NotShown
        name, said = (react(turn.get(key) if isinstance(turn, dict) else None) for key in (name_key, text_key))
        lines.append(f"{name}: {said}" if name else said)
    return "\n".join(lines)


def react(v: Any) -> str:
    if isinstance(v, dict):
        raise NotShown
    if isinstance(v, list):
        return "".join(map(react, v))
    return "" if v is None or isinstance(v, bool) else string(v)


class Browser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.hidden = False

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.hidden = tag == "script"
        self.text += ["\n"] if tag in {"p", "br"} else []

    def handle_endtag(self, tag: str) -> None:
        self.hidden = False
        self.text += ["\n"] if tag == "p" else []

    def handle_data(self, data: str) -> None:
        self.text += [] if self.hidden else [data]


def browser(markup: str) -> str:
    reader = Browser()
    reader.feed(re.sub(r"<!\[[^>]*>", "", markup))  # Python's parser raises on these, which are comments
    reader.close()
    return "".join(reader.text)


def words(text: str) -> str:
    """A text without control characters and with single spaces: the model is not particular about white space."""
    kept = "".join(
        c for c in text if c in "\t\n" or ((c.isprintable() or c == "\xa0") and not "\ud800" <= c <= "\udfff")
    )
    return " ".join(kept.split())


def expected(tags: list[Tag], data: dict[str, Any]) -> str:
    texts = [words(shown(tag, data)) for tag in tags]
    return FIELD_SEPARATOR.join(text for text in texts if text)


def read(config: Any, data: dict[str, Any]) -> str | None:
    try:
        return FIELD_SEPARATOR.join(words(text) for text in task_text(data, config).split(FIELD_SEPARATOR))
    except BadTask:
        return None


def random_configs() -> list[tuple[random.Random, str, list[Tag]]]:
    configs = []
    for seed in range(CONFIGS):
        rng = random.Random(seed)
        root, names = tree(rng), list[str]()
        content = xml(rng, root, names)
        to_name = rng.choice(names) if names else ""
        control = f'<Choices name="c" toName="{to_name}"><Choice value="a"/><Choice value="b"/></Choices>'
        configs.append((rng, f"<View>{content}{control}</View>", [tag for tag in seen(root) if tag.is_readable]))
    return configs


def test_the_text_is_what_the_editor_shows_or_the_task_is_refused():
    agreed = refused = unsupported = 0
    for rng, written, tags in random_configs():
        if not tags or 'toName=""' in written:
            with pytest.raises(UnsupportedLabelConfig):
                parse(written)
            unsupported += 1
            continue
        config = parse(written)
        for number in range(TASKS):
            is_clean = number == 0
            data = task(rng, is_clean)
            text = read(config, data)
            if text is None:
                refused += 1
                assert not is_clean or not expected(tags, data), f"refused: {written}\n{data}"
            else:
                agreed += 1
                assert text == expected(tags, data), f"{written}\n{data}"
    assert min(agreed / 3, refused, unsupported) > 50, (agreed, refused, unsupported)
