"""API v1: one module per noun, each with a `router`; `ROUTERS` is the table of contents."""
