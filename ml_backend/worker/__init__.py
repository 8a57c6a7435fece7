"""The background worker: task queue, leases, retries, liveness file, and the process that runs pipelines."""
