"""scripts/release: what a release has beside its image."""

import hashlib
import json
import re
import subprocess

import pytest
import yaml

from helm import NAME, find_helm  # noqa: F401  (a fixture)
from tree import ROOT, VERSION

DIGEST = f"sha256:{'4' * 64}"
REGISTRY = "registry.example.com/team"


def release(*arguments, code=0):
    done = subprocess.run([ROOT / "scripts/release", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture(name="files", scope="module")
def make_files(tmp_path_factory):
    image, out = tmp_path_factory.mktemp("image"), tmp_path_factory.mktemp("release") / "files"
    (image / "digest").write_text(DIGEST)
    for architecture in ("amd64", "arm64"):
        (image / f"sbom-{architecture}.json").write_text(json.dumps({"name": architecture}))
    release("files", image, REGISTRY, out)
    return out


@pytest.mark.parametrize("helm", ["helm"], indirect=True)  # first, because it skips where there is none
def test_the_chart_has_the_image_by_digest(helm, files):
    package = files / f"{NAME}-{VERSION}.tgz"
    rendered = subprocess.run([helm, "template", NAME, package, "--kube-version", "1.34.0"], capture_output=True, text=True,
                              check=True).stdout
    images = [container["image"] for each in yaml.safe_load_all(rendered) if each and each["kind"] == "Deployment"
              for container in each["spec"]["template"]["spec"]["containers"]]
    assert images == [f"{REGISTRY}/{NAME}:{VERSION}@{DIGEST}"]
    chart = yaml.safe_load(subprocess.run([helm, "show", "chart", package], capture_output=True, text=True, check=True).stdout)
    assert yaml.safe_load(chart["annotations"]["artifacthub.io/images"]) == [{"name": NAME, "image": images[0]}]


@pytest.mark.parametrize("helm", ["helm"], indirect=True)
def test_install_yaml_and_what_else_there_is(helm, files):
    images = re.findall(r"image: (\S+)", (files / "install.yaml").read_text())
    assert f"{REGISTRY}/{NAME}:{VERSION}@{DIGEST}" in images
    assert not [image for image in images if image.startswith(f"{NAME}:")]
    names = {path.name for path in files.iterdir()}
    summed = {f"{NAME}-{VERSION}.tgz", "install.yaml", *(f"{NAME}-{VERSION}-{each}.spdx.json" for each in ("amd64", "arm64"))}
    assert names == summed | {"notes.md", "SHA256SUMS"}
    sums = dict(reversed(line.split("  ")) for line in (files / "SHA256SUMS").read_text().splitlines())
    assert sums == {name: hashlib.sha256((files / name).read_bytes()).hexdigest() for name in summed}


def test_notes_are_the_section_of_the_changelog():
    said = release("notes", "0.1.0")
    assert said.startswith("### Added\n") and "\n## " not in said and "seccomp" in said
    assert not release("notes", "9.9.9")


def test_a_tag_of_another_version_is_refused():
    assert f"expected tag v{VERSION}" in release("check", "v9.9.9", code=1)
    # A prerelease is not the release.
    assert f"expected tag v{VERSION}" in release("check", f"v{VERSION}-rc.1", code=1)


def test_a_digest_that_is_none_is_refused(tmp_path):
    (tmp_path / "digest").write_text("sha256:4")
    assert "'sha256:4' (expected sha256:…" in release("files", tmp_path, REGISTRY, tmp_path / "out", code=1)
