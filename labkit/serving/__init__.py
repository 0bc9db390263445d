"""A saved classifier, answering over HTTP."""

from labkit.serving.server import serve

__all__ = ["serve"]
