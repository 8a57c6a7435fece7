"""The demo: Label Studio and the backend on embedded storage, with a project of bundled texts."""
