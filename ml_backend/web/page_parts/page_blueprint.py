"""The routes of pages for people; modules of `views` add theirs."""

from __future__ import annotations

from flask import Blueprint

from ml_backend.web.page_parts.rendering import breakable, chance, code

blueprint = Blueprint("pages", __name__)
blueprint.add_app_template_filter(breakable, "breakable")
blueprint.add_app_template_filter(code, "code")
blueprint.add_app_template_filter(chance, "chance")
