"""scripts/image-root: the files of the image are enough to run the program, and no more than that."""

import os
import shutil
import stat
import subprocess

import pytest

from tree import ROOT

BINARY = os.environ["WEBHOOK_BINARY"]


@pytest.fixture(name="image", scope="module")
def lay_out(tmp_path_factory):
    directory = tmp_path_factory.mktemp("image") / "root"
    if not shutil.which("dpkg-query"):
        pytest.skip("no dpkg-query (the image is built on Debian)")
    subprocess.run([ROOT / "scripts/image-root", BINARY, directory], check=True)
    return directory


def test_the_program_runs_with_nothing_else(image):
    chroot = ["chroot", image] if os.geteuid() == 0 else ["unshare", "-r", "chroot", image]
    tried = subprocess.run([*chroot, "/usr/bin/code-executor-webhook", "--help"], capture_output=True, check=False)
    if tried.returncode == 125 or tried.stderr.startswith(b"unshare: "):
        pytest.skip("chroot is not allowed, nor are user namespaces")
    done = subprocess.run([*chroot, "/usr/bin/code-executor-webhook", "version"], capture_output=True, text=True,
                          check=False)
    # Not the exit code: a sanitized build looks for leaks in /proc, which is not there.
    assert done.stdout.startswith("code-executor-webhook "), done.stderr


def test_nothing_else_can_be_run(image):
    programs = {path.name for path in image.rglob("*") if path.is_file() and path.stat().st_mode & 0o111}
    loaders = {name for name in programs if name.startswith(("ld-linux", "libc.so"))}
    assert programs - loaders == {"code-executor-webhook"}
    assert len(loaders) == 2


def test_nobody_gains_rights_by_a_file(image):
    for path in image.rglob("*"):
        assert not path.is_symlink(), path
        assert not path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWOTH), path
    assert (image / "etc/passwd").read_text().startswith("code-executor-webhook:x:65532:65532:")


def test_scanners_find_each_library_and_its_licence(image):
    libraries = {path.name for path in image.glob("lib*/**/*.so*")}
    assert {"libcrypto.so.3", "libstdc++.so.6", "libc.so.6"} <= libraries
    assert "ID=debian\n" in (image / "etc/os-release").read_text()
    packages = {path.name for path in (image / "var/lib/dpkg/status.d").iterdir()}
    assert {"libssl3", "libstdc++6", "libc6"} <= {package.removesuffix("t64") for package in packages}
    for package in packages:
        assert f"Package: {package}\n" in (image / "var/lib/dpkg/status.d" / package).read_text()
        assert (image / "usr/share/doc" / package / "copyright").stat().st_size > 0
