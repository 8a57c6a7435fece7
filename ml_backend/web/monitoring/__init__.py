"""What operators read: readiness and metrics."""
