"""The background worker: the task queue, what wakes a worker, and the process that runs pipelines."""
