"""Builds the C core; everything else about the distribution stands in pyproject.toml."""

from setuptools import setup

setup(cffi_modules=["routing_core/_build.py:ffibuilder"])
