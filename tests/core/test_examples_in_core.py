"""The examples in the docstrings of the core run and are true."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest

from jobtrail.core import api_keys, config, duration, ids, jsonguard, redact, retry, template


@pytest.mark.parametrize(
    "module", [api_keys, config, duration, ids, jsonguard, redact, retry, template], ids=lambda m: m.__name__
)
def test_examples_are_true(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0
