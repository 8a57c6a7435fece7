"""Packages that the server loads: few on import, and never those that only a worker needs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from test_protocol import PROJECT, setup_body, with_head

from ml_backend.labelstudio.texts import text_hash
from ml_backend.store import Store

WORKERS_OWN = {"torch", "sklearn", "scipy", "pandas", "transformers", "sentence_transformers"}


def loaded_by(code: str, *arguments: str) -> set[str]:
    """Top-level packages that a new interpreter has loaded after running the code."""
    code += "\nimport sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_importing_the_server_loads_no_client_of_label_studio():
    assert "label_studio_sdk" not in loaded_by("import ml_backend.web.server")


def test_a_server_that_answers_loads_numpy_but_no_package_that_only_a_worker_needs(tmp_path: Path, sqlite_store: Store):
    sqlite_store.ensure_project(7)
    with_head(sqlite_store)
    sqlite_store.put_embeddings("tiny", [text_hash("crash")], np.eye(4, dtype=np.float32)[:1])
    serve = """
import json, sys
from pathlib import Path
from ml_backend.settings import Settings
from ml_backend.web.server import _Server

folder, setup, predict = Path(sys.argv[1]), json.loads(sys.argv[2]), json.loads(sys.argv[3])
settings = Settings(model_dir=folder, database_url=f"sqlite:///{folder / 'store.db'}", label_studio_api_key="key")
client = _Server(settings, with_worker=False).load().test_client()
assert "numpy" in sys.modules, "the first /predict should not wait for the import"
assert client.post("/setup", json=setup).status_code == 200
(result,) = client.post("/predict", json=predict).json["results"]
assert result["result"], result
key = {"Authorization": "Token key"}
assert client.patch("/projects/7/settings", json={"strategy": "badge"}, headers=key).status_code == 200
for path in ("/projects", "/projects/7", "/projects/7/status", "/metrics", "/versions"):
    assert client.get(path, headers={"Accept": "text/html"}).status_code == 200, path
"""
    predict = {"tasks": [{"id": 1, "data": {"text": "crash"}}], "project": PROJECT}
    packages = loaded_by(serve, str(tmp_path), json.dumps(setup_body()), json.dumps(predict))
    assert packages & WORKERS_OWN == set()
