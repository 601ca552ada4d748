"""The commands of `countersign`, one module per noun; `api.cli` is their table of contents."""
