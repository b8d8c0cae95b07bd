"""What the tests of the real binary share."""

import pytest

from webhook_server import make_certificates


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A CA and a serving pair for localhost and both loopback addresses."""
    return make_certificates(tmp_path_factory.mktemp("keys"))
