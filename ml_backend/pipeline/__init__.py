"""One run of a project: sync ▶ embed ▶ fit ▶ query ▶ publish."""
