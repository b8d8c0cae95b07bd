"""scripts/set-version on a copy of what is tracked."""

import re
import shutil
import subprocess

import pytest

from tree import ROOT


@pytest.fixture(name="copy")
def make_copy(tmp_path):
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a checkout of git: what is tracked is not known")
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    return tmp_path


def set_version(copy, *arguments):
    return subprocess.run([copy / "scripts/set-version", *arguments], capture_output=True, text=True, check=False)


def unreleased(copy, text):
    """Puts `text` under the heading, instead of what stands there."""
    file = copy / "CHANGELOG.md"
    file.write_text(re.sub(r"(^## Unreleased\n).*?(?=^## )", rf"\1\n{text}", file.read_text(), flags=re.M | re.S))


def current(copy):
    return re.search(r"VERSION ([\d.]+) ", (copy / "CMakeLists.txt").read_text()).group(1)


def mentions(copy, version):
    return {str(file.relative_to(copy)) for file in copy.rglob("*")
            if file.is_file() and version in file.read_bytes().decode(errors="replace")}


def test_a_version_stands_in_the_same_places_as_the_one_before(copy):
    unreleased(copy, "- A line.\n\n")
    before = mentions(copy, current(copy))
    assert set_version(copy, "98.7.6").returncode == 0
    assert current(copy) == "98.7.6"
    first = mentions(copy, "98.7.6")
    assert {"CMakeLists.txt", "CHANGELOG.md", "README.md", "manifests/base/kustomization.yaml"} <= first <= before
    unreleased(copy, "- Another.\n\n")
    done = set_version(copy, "98.8.0")
    assert (done.returncode, done.stderr) == (0, "")
    assert mentions(copy, "98.8.0") == first == set(done.stdout.splitlines())
    assert mentions(copy, "98.7.6") == {"CHANGELOG.md"}


def test_unreleased_becomes_the_release(copy):
    unreleased(copy, "- A line.\n\n")
    rest = (copy / "CHANGELOG.md").read_text().partition("- A line.")[2]
    assert set_version(copy, "98.7.6").returncode == 0
    changelog = (copy / "CHANGELOG.md").read_text()
    assert changelog.partition("## Unreleased")[2] == f"\n\n## 98.7.6\n\n- A line.{rest}"


@pytest.mark.parametrize("arguments, message", [
    ([], "one argument is missing (expected a version, such as 1.2.3)"),
    (["v98.7.6"], "'v98.7.6': not a version (expected three numbers, such as 1.2.3)"),
    (["98.7"], "'98.7': not a version (expected three numbers, such as 1.2.3)"),
    (["98.07.6"], "'98.07.6': not a version (expected three numbers, such as 1.2.3)"),
    (["0.0.9"], "0.0.9: is not above CURRENT, that of CMakeLists.txt"),
    (["CURRENT"], "CURRENT: is not above CURRENT, that of CMakeLists.txt"),
])
def test_what_is_no_raise_changes_nothing(copy, arguments, message):
    arguments = [each.replace("CURRENT", current(copy)) for each in arguments]
    was = {file: file.read_bytes() for file in copy.rglob("*") if file.is_file()}
    done = set_version(copy, *arguments)
    assert done.returncode == 1
    assert done.stderr == f"scripts/set-version: {message.replace('CURRENT', current(copy))}\n"
    assert {file: file.read_bytes() for file in copy.rglob("*") if file.is_file()} == was


def test_a_release_of_nothing_is_refused(copy):
    unreleased(copy, "\n")
    done = set_version(copy, "98.7.6")
    assert done.returncode == 1
    assert done.stderr == "scripts/set-version: CHANGELOG.md: nothing is under Unreleased (expected what 98.7.6 brings)\n"
