"""The pages: one module per page, templates beside them, static files without a build step."""

from api.web.app import install, router, static

__all__ = ["install", "router", "static"]
