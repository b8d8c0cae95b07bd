"""What the tests of the real binary share."""

import pathlib
import shutil
import subprocess
import tempfile

import pytest

from webhook_server import BINARY, make_certificates


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    """A CA and a serving pair for localhost and both loopback addresses."""
    return make_certificates(tmp_path_factory.mktemp("keys"))


@pytest.fixture(name="public")
def make_public_directory():
    """A directory with the program in it that user nobody can reach, unlike root's home and pytest's directories."""
    with tempfile.TemporaryDirectory(prefix="webhook-") as name:
        directory = pathlib.Path(name)
        directory.chmod(0o755)
        shutil.copy(BINARY, directory / "webhook")
        try:
            tried = subprocess.run(["test", "-x", directory / "webhook"], check=False, user=65534, group=65534, extra_groups=[])
        except OSError as error:
            pytest.skip(f"cannot become another user: {error}")
        if tried.returncode != 0:
            pytest.skip(f"{directory}: another user cannot reach it (TMPDIR names one that all can)")
        yield directory
