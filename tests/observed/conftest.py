"""The same frontend and vendors as in `tests/functions`: what is attacked here is what is used there."""

from tests.functions.conftest import _warm, clock, frontend, start

__all__ = ["_warm", "clock", "frontend", "start"]
