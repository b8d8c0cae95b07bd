"""The .deb that CPack makes: what is in it, and that it installs and runs."""

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from tree import ROOT, VERSION

BUILD = pathlib.Path(os.environ["BUILD_DIR"]).parent
NAME = "code-executor-webhook"
MISSING = next((each for each in ("cpack", "dpkg-shlibdeps", "dpkg-deb") if not shutil.which(each)), None)
pytestmark = pytest.mark.skipif(MISSING is not None, reason=f"no {MISSING} (Debian: cmake, dpkg-dev, dpkg)")


def run(*command):
    # dpkg wants programs that are not on the PATH of an ordinary user.
    environment = {**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(name="package", scope="module")
def pack(tmp_path_factory):
    directory = tmp_path_factory.mktemp("package")
    run("cpack", "-G", "DEB", "--config", BUILD / "CPackConfig.cmake", "-B", directory)
    (package,) = directory.glob("*.deb")
    return package


@pytest.fixture(name="root", scope="module")
def install(package, tmp_path_factory):
    """A root file system that dpkg installed it into, and nothing else."""
    root = tmp_path_factory.mktemp("root")
    (root / "var/lib/dpkg/updates").mkdir(parents=True)
    (root / "var/lib/dpkg/info").mkdir()
    (root / "var/lib/dpkg/status").touch()
    run("dpkg", "--root", root, "--force-not-root", "--force-depends", "--log", root / "log", "--install", package)
    return root


def test_what_it_says_of_itself(package):
    said = dict(line.split(": ", 1) for line in run("dpkg-deb", "--field", package).splitlines() if ": " in line)
    architecture = run("dpkg", "--print-architecture").strip()
    assert (said["Package"], said["Version"], said["Architecture"]) == (NAME, VERSION, architecture)
    assert package.name == f"{NAME}_{VERSION}_{architecture}.deb"
    assert {"libssl3", "libstdc++6", "libc6"} <= {each.split()[0] for each in said["Depends"].split(", ")}


def test_what_is_in_it(root):
    files = {str(path.relative_to(root)) for path in root.glob("usr/**/*") if path.is_file()}
    pages = {path for path in files if path.startswith(f"usr/share/man/man1/{NAME}")}
    assert len(pages) > 10
    completions = {f"usr/share/bash-completion/completions/{NAME}", f"usr/share/zsh/site-functions/_{NAME}",
                   f"usr/share/fish/vendor_completions.d/{NAME}.fish"}
    others = {f"usr/bin/{NAME}", f"usr/share/{NAME}/nsjail-seccomp.json", f"usr/share/doc/{NAME}/copyright"}
    assert files == pages | completions | others
    assert not [path for path in root.glob("usr/**/*") if path.stat().st_mode & 0o7022]
    assert (root / f"usr/share/{NAME}/nsjail-seccomp.json").read_bytes() == (ROOT / "profiles/nsjail-seccomp.json").read_bytes()


def test_it_runs(root):
    program = root / "usr/bin" / NAME
    assert run(program, "version").startswith(f"{NAME} {VERSION}\n")
    # Whether this machine is a good node is another question.
    done = subprocess.run([program, "doctor", "-o", "json"], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    assert {"kernel", "user-namespaces"} <= {check["id"] for check in json.loads(done.stdout)["checks"]}


def test_apt_would_install_it(package):
    if not shutil.which("apt-get") or not any(pathlib.Path("/var/lib/apt/lists").glob("*_Packages*")):
        pytest.skip("no lists of apt (expected Debian, after apt-get update)")
    assert f"Inst {NAME} " in run("apt-get", "install", "--simulate", package)
