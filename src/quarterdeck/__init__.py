"""Quarterdeck: a company's sales operations as one loop, from lead score to reviewed result."""

__version__ = "0.1.0"
