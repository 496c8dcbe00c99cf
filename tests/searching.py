"""How many examples a property is tried on: in the suite a few, in a search many times as many."""

import os

from hypothesis import HealthCheck, settings

MANY = 50
"""Times as many examples are drawn in a search as in the suite."""


def examples(count: int) -> settings:
    """Settings for a property whose examples may be slow, be passed over and share a fixture."""
    searching = os.environ.get("HYPOTHESIS_PROFILE") == "search"
    return settings(
        max_examples=count * MANY if searching else count, suppress_health_check=list(HealthCheck)
    )
