"""What 1,500 events of invented projects do: projects made, requests to Label Studio, and how long a label waits.

A fake Label Studio and the backend run in this process. With `--auth` the stranger is a user of Label Studio, who has
read the secret in the headers of the real project's webhook.

    python benchmarks/strangers.py [--auth] [--events 1500]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from fake_label_studio import FakeLabelStudio
from live_loop import CLASSES, Loop, connected, gold_texts
from local_backend import LocalBackend
from studios import Fake

from ml_backend.labelstudio.client import LabelStudio
from ml_backend.labelstudio.connection import SECRET_HEADER, webhooks
from ml_backend.labelstudio.session import Session

SENDERS = 8
FIRST_INVENTED_ID = 900_000
LONGEST_WAIT = 240.0
"""Seconds that a label may wait before the benchmark gives up."""
WATCH_SECONDS = 60.0


def count_requests(client: Session) -> Counter[str]:
    """Counts what the backend's client sends, from now on."""
    sent: Counter[str] = Counter()
    send = client.request

    def request(method: str, path: str, *arguments: Any, **options: Any) -> Any:
        sent[method] += 1
        return send(method, path, *arguments, **options)

    client.request = request  # type: ignore[method-assign]
    return sent


def send_invented(url: str, headers: dict[str, str], events: int) -> Counter[int]:
    """Send events that each name another project; returns the statuses of the responses."""
    with httpx.Client(trust_env=False, timeout=60) as http, ThreadPoolExecutor(SENDERS) as pool:

        def send(number: int) -> int:
            annotation = {"id": 1, "task": 1}
            project = {"id": FIRST_INVENTED_ID + number}
            event = {"action": "ANNOTATION_CREATED", "project": project, "annotation": annotation}
            return http.post(f"{url}/webhook", json=event, headers=headers).status_code

        return Counter(pool.map(send, range(events)))


def seconds_until_read(loop: Loop) -> float:
    """Label the next task; returns the seconds until a run has read the label."""
    before = loop.status()["labeled"]
    started = time.monotonic()
    task = loop.batch()["task_ids"][before]
    loop.person().annotate(task, CLASSES[before % 2])
    while loop.status()["labeled"] <= before and time.monotonic() - started < LONGEST_WAIT:
        time.sleep(0.05)
    return time.monotonic() - started


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--auth", action="store_true")
    parser.add_argument("--events", type=int, default=1500)
    arguments = parser.parse_args()
    auth = ("ann", "a long passphrase") if arguments.auth else None
    studio = Fake(FakeLabelStudio())
    with tempfile.TemporaryDirectory() as folder:
        backend = LocalBackend(Path(folder), studio.url, studio.token, auth)
        backend.start()
        client = LabelStudio(studio.url, studio.token)
        loop = connected(studio, client, backend, gold_texts(40), auth=auth, batch_size=30, retrain_every=20)
        loop.batch()
        print(f"a label without strangers: {seconds_until_read(loop):.1f} s")
        (hook,) = webhooks(client, loop.project_id)
        headers = {SECRET_HEADER: hook.headers[SECRET_HEADER]} if arguments.auth else {}
        sent = count_requests(backend._client)
        started = time.monotonic()
        statuses = send_invented(backend.url, headers, arguments.events)
        print(f"{arguments.events} events in {time.monotonic() - started:.1f} s, responses {dict(statuses)}")
        backend._worker.reconcile_all("every minute")  # type: ignore[arg-type]
        print(f"a label right after them: {seconds_until_read(loop):.1f} s")
        rest = WATCH_SECONDS - (time.monotonic() - started)
        time.sleep(max(0.0, rest))
        minutes = (time.monotonic() - started) / 60
        store = loop.store()
        print(f"projects: {len(store.projects())}; waiting for a run: {len(store.pending_projects())}")
        print(f"requests to Label Studio: {sum(sent.values()) / minutes:.0f} a minute")
        store.close()
        sent.clear()
        backend._worker.reconcile_all("every minute")  # type: ignore[arg-type]
        time.sleep(WATCH_SECONDS)
        print(f"in the next minute: {sum(sent.values())}")
        backend.stop()
    studio.server.stop()


if __name__ == "__main__":
    main()
