"""Unusual methods that do nothing wrong are not flagged, by the fence, the meter, the recorder or the jail."""

import pytest
from choosing import HONEST, WHOLE

from istar.testing.attacks import flag_of


@pytest.mark.parametrize("method", HONEST, ids=lambda path: path.stem)
def test_an_honest_method_is_not_flagged(shooting, method):
    if shooting.jail.tier.name != "bubblewrap" and not WHOLE:
        pytest.skip("on one tier only, unless ISTAR_WHOLE_BATTERY=1")
    assert flag_of(method, shooting) is None
