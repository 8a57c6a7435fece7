"""`make demo`: start and connect everything with one command; with --check, label 60 tasks and print the accuracy."""

from __future__ import annotations

import shutil
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape

from ml_backend.commands.connect import connect_project
from ml_backend.commands.demo.annotator import CheckFailed, check_learning
from ml_backend.commands.demo.backend_process import BackendProcess
from ml_backend.commands.demo.label_studio_process import LabelStudioProcess, StartFailed, free_port, installed
from ml_backend.commands.demo.messages import Message, descriptions, label_config, messages
from ml_backend.commands.failure import CommandFailed
from ml_backend.labelstudio.client import LabelStudio, LabelStudioError

HELD_BACK = 400
"""Number of messages that are not in the project: accuracy is measured on them."""
TITLE = "Customer messages"


def run_demo(console: Console, folder: Path, label_studio_venv: Path, check: bool) -> int:
    """Start Label Studio and the backend with the demo's project; returns the exit status, 0 or 1.

    check: label 60 tasks with the gold labels, print the accuracy, and stop; otherwise run until Ctrl+C.
    """
    started = time.monotonic()
    if check:
        # A check starts from an empty folder, so that it does not change a demo that is in use.
        folder = folder.with_name(folder.name + "-check")
        shutil.rmtree(folder, ignore_errors=True)
    backend: BackendProcess | None = None
    label_studio: LabelStudioProcess | None = None
    try:
        with console.status("Installing Label Studio into its own environment (about a minute, once)…"):
            command = installed(label_studio_venv)
        label_studio = LabelStudioProcess(command, folder / "label-studio", free_port(8080))
        with console.status("Starting Label Studio (about half a minute the first time)…"):
            label_studio.start()
        backend = BackendProcess(folder / "backend", free_port(9090), label_studio.url, label_studio.token)
        with console.status("Starting the backend…"):
            backend.start()
        project_id = _connected_project(console, label_studio, backend)
        console.print(f"[green]✓[/green] ready after {time.monotonic() - started:.0f} s\n")
        if check:
            check_learning(console, label_studio, backend, project_id, _held_back())
            console.print(f"\n[green]✓[/green] everything worked, in {time.monotonic() - started:.0f} s")
            return 0
        _print_addresses(console, label_studio, backend, project_id)
        _wait_until_backend_ends(backend)
        return 0
    except KeyboardInterrupt:
        console.print("\nstopping; the labels are kept, and `make demo` continues with them")
        return 0
    except (StartFailed, LabelStudioError, CommandFailed, CheckFailed) as problem:
        console.print("[red]✗[/red]", escape(str(problem)), highlight=False)
        return 1
    except httpx.HTTPError as problem:
        message = (
            f"the backend returned an unexpected response ({type(problem).__name__}: {' '.join(str(problem).split())})"
        )
        log_hint = f"; its log: {backend.log}" if backend else ""
        console.print("[red]✗[/red]", escape(message + log_hint), highlight=False)
        return 1
    finally:
        for process in (backend, label_studio):
            if process is not None:
                process.stop()


def _connected_project(console: Console, label_studio: LabelStudioProcess, backend: BackendProcess) -> int:
    """Create the demo's project if Label Studio does not have it yet, connect it, and return its id."""
    with closing(LabelStudio(label_studio.url, label_studio.token)) as client:
        project_id = _find_or_create_project(console, client)
    for line in connect_project(backend.own_settings, project_id, backend.url, []):
        console.print(f"[green]✓[/green] {line}")
    return project_id


def _find_or_create_project(console: Console, client: LabelStudio) -> int:
    projects = client.request("GET", "api/projects", params={"page_size": 100})["results"]
    project_id = next((p["id"] for p in projects if p["title"] == TITLE), None)
    if project_id is None:
        pool = messages()[HELD_BACK:]
        config = label_config(sorted({m.label for m in messages()}), descriptions())
        created = client.request("POST", "api/projects", body={"title": TITLE, "label_config": config})
        project_id = int(created["id"])
        tasks: list[dict[str, Any]] = [{"text": m.text, "gold": m.label} for m in pool]
        client.request("POST", f"api/projects/{project_id}/import", body=tasks)
        console.print(f"[green]✓[/green] project {project_id} {TITLE!r} with {len(tasks)} messages")
    return int(project_id)


def _held_back() -> list[Message]:
    return messages()[:HELD_BACK]


def _print_addresses(
    console: Console, label_studio: LabelStudioProcess, backend: BackendProcess, project_id: int
) -> None:
    console.print(f"Label here:       [bold]{label_studio.url}/projects/{project_id}/data[/bold]  (Label All Tasks)")
    console.print(f"  user            {label_studio.username}")
    console.print(f"  password        {label_studio.password}")
    console.print(f"Watch it learn:   [bold]{backend.url}/projects/{project_id}[/bold]")
    console.print(f"Logs:             {label_studio.log}, {backend.log}")
    console.print("\nCtrl+C stops both; your labels are kept.")


def _wait_until_backend_ends(backend: BackendProcess) -> None:
    while backend.process is not None:
        status = backend.process.poll()
        if status is not None:
            raise StartFailed(f"the backend ended with status {status}; its log: {backend.log}")
        time.sleep(1)
