"""The HTTP server: the routes that Label Studio calls, pages, status and metrics. Requests do no heavy work."""
