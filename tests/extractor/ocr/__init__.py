"""The engines and what guards the worker from them."""
