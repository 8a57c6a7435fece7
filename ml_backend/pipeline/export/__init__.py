"""Writes a project's model into a folder that classifies texts without this service."""
