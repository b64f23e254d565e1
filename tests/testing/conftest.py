"""The plugin's own fixtures come first here: these tests look at what users get."""

from __future__ import annotations

import pytest

from jobtrail.testing import Clock, Lab


@pytest.fixture
def clock(jobtrail: Lab) -> Clock:
    jobtrail.clock.freeze()
    return jobtrail.clock
