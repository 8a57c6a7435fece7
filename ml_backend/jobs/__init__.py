"""The pipeline of a project: sync ▶ embed ▶ fit ▶ query ▶ publish, one run at a time per project."""
