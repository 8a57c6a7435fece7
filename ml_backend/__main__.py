"""`python -m ml_backend`."""

from ml_backend.cli import app

if __name__ == "__main__":
    app(prog_name="python -m ml_backend")
