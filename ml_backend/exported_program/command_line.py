"""The command line of classify.py."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

UNUSABLE = 2
"""Exit status if the input or the model cannot be used, or rows of the input cannot."""
ROWS_AT_A_TIME = 256
PROBLEMS_SHOWN = 20
"""Rows that cannot be used are reported one by one up to this number; after that they are only counted."""

EXAMPLES = """\
examples:
  python classify.py texts.txt                          one text per line
  python classify.py messages.csv --column body         a column of a .csv, .tsv or .jsonl file
  echo "where is my card" | python classify.py          standard input
  python classify.py --format jsonl --json < messages.jsonl > classes.jsonl

"""
ONE_CLASS = """\
Prints a line for each text: its class, a tab, the probability of the class. With --json
an object for each text: {"class", "probabilities"}, with the probabilities of all classes.
"""
SEVERAL_CLASSES = """\
Prints a line for each text: each class whose probability is at least {threshold}, followed by its
probability, all separated by tabs; an empty line if there is none. With --json an object
for each text: {{"classes", "probabilities"}}, with the probabilities of all classes.
"""
PROBLEMS = """\
A row that cannot be used (an empty text, not UTF-8, a missing cell) is named on standard
error, and its line of the output is empty (with --json: {"error"}). The other rows are
classified, and the exit status is 2.
"""


def main(load: Callable[[], Any], read_info: Callable[[], dict[str, Any]], sibling: Callable[[str], Any]) -> int:
    """Classify the input that the arguments of the program name; returns the exit status.

    load, read_info, sibling: as classify.py defines them; load makes the Classifier.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    try:
        info = read_info()
        return _run(_arguments(info), info["fields"], sibling("input_texts"), load)
    except ImportError as missing:
        requirements = Path(__file__).with_name("requirements.txt")
        return _refuse(f"the package {missing.name or missing} is missing: run `pip install -r {requirements}`")
    except BrokenPipeError:
        # The reader of our output has ended, as `head` does; the interpreter would complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return 130
    except (RuntimeError, ValueError, OSError) as problem:
        return _refuse(str(problem))


def _run(given: argparse.Namespace, fields: list[str], inputs: Any, load: Callable[[], Any]) -> int:
    form = inputs.format_of(given.file, given.format, given.column)
    from_keyboard = given.file is None and sys.stdin.isatty()
    if from_keyboard:
        print("Type a text and press Enter; end with Ctrl-D.", file=sys.stderr)
    with inputs.opened(given.file, given.encoding) as text:
        rows = inputs.rows(text, form, given.column, fields)
        classifier = load()
        refused = done = 0
        started = time.monotonic()
        while block := list(islice(rows, 1 if from_keyboard else ROWS_AT_A_TIME)):
            for line, problem in _classified(classifier, block, given.json):
                print(line)
                if problem is not None:
                    refused += 1
                    if refused <= PROBLEMS_SHOWN:
                        print(problem, file=sys.stderr)
            sys.stdout.flush()
            done += len(block)
            _show_progress(done, time.monotonic() - started)
    if sys.stderr.isatty() and not sys.stdout.isatty():
        print(file=sys.stderr)
    if refused:
        more = f"; the first {PROBLEMS_SHOWN} are named above" if refused > PROBLEMS_SHOWN else ""
        return _refuse(f"{refused:,} of {done:,} rows have no prediction{more}")
    return 0


def _classified(classifier: Any, rows: list[Any], as_json: bool) -> Iterator[tuple[str, str | None]]:
    """For every row its line of the output, and why there is no prediction, or None."""
    results = iter(classifier.results([row.texts for row in rows if not row.problem]))
    for row in rows:
        result = None if row.problem else next(results)
        problem = row.problem if result is None else result.problem
        if result is None or problem:
            problem = f"{row.place}: {problem}"
            yield (json.dumps({"error": problem}, ensure_ascii=False) if as_json else ""), problem
        else:
            yield (_json if as_json else _tabs)(classifier, result.probabilities), None


def _json(classifier: Any, probabilities: list[float]) -> str:
    names = [name for name, _ in classifier.chosen(probabilities)]
    every = {name: round(p, 6) for name, p in zip(classifier.classes, probabilities, strict=True)}
    chosen = {"classes": names} if classifier.multi_label else {"class": names[0]}
    return json.dumps({**chosen, "probabilities": every}, ensure_ascii=False)


def _tabs(classifier: Any, probabilities: list[float]) -> str:
    # A tab or a line break in the name of a class would break the columns.
    return "\t".join(f"{' '.join(name.split())}\t{p:.4f}" for name, p in classifier.chosen(probabilities))


def _show_progress(done: int, seconds: float) -> None:
    """Show on a terminal how far the work is, unless the results appear on the same terminal."""
    if sys.stderr.isatty() and not sys.stdout.isatty():
        print(f"\r{done:,} texts, {done / max(seconds, 1e-3):,.0f} per second", end="", file=sys.stderr, flush=True)


def _refuse(sentence: str) -> int:
    print(f"classify.py: {sentence}", file=sys.stderr)
    return UNUSABLE


def _arguments(info: dict[str, Any]) -> argparse.Namespace:
    output = SEVERAL_CLASSES.format(threshold=info["threshold"]) if info["multi_label"] else ONE_CLASS
    parser = argparse.ArgumentParser(
        prog="classify.py",
        description=f"Classify texts with the model of {info['project']!r}. Classes: {', '.join(info['classes'])}.",
        epilog=EXAMPLES + output + PROBLEMS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    fields = ", ".join(info["fields"])
    parser.add_argument("file", nargs="?", type=Path, help="file with the texts; without it, standard input is read")
    parser.add_argument(
        "--column",
        action="append",
        default=[],
        metavar="NAME",
        help=f"column with the text; once for each field, in the order of: {fields} (default: these names)",
    )
    parser.add_argument(
        "--format",
        choices=("lines", "csv", "tsv", "jsonl"),
        help="format of the input (default: by the ending of the file, else a text per line)",
    )
    parser.add_argument("--encoding", metavar="NAME", help="encoding of the input, such as cp1252 (default: UTF-8)")
    parser.add_argument("--json", action="store_true", help="print JSON lines with the probabilities of all classes")
    return parser.parse_args()
