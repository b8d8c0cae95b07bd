"""The image: the files that scripts/image-root lays out, and what scripts/image made of them, where it has run.

IMAGE=DIRECTORY is what scripts/image wrote; build/image by default.
"""

import hashlib
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import tarfile

import pytest

from tree import CONFIG, DOCKERFILE, POD, ROOT, VERSION, port_of

BINARY = os.environ["WEBHOOK_BINARY"]
IMAGE = pathlib.Path(os.environ.get("IMAGE", ROOT / "build/image"))
PROGRAM = "usr/bin/code-executor-webhook"
LARGEST = 8_000_000  # bytes of the layer, compressed: what a node pulls
MACHINES = {"amd64": 62, "arm64": 183}  # e_machine
needs_image = pytest.mark.skipif(not (IMAGE / "digest").exists(),
                                 reason=f"no image in {IMAGE.name} (scripts/image build/image builds one, as root)")


@pytest.fixture(name="laid_out", scope="module")
def lay_out(tmp_path_factory):
    directory = tmp_path_factory.mktemp("image") / "root"
    if not shutil.which("dpkg-query"):
        pytest.skip("no dpkg-query (the image is built on Debian)")
    subprocess.run([ROOT / "scripts/image-root", BINARY, directory], check=True)
    return directory


def run_in(root, *arguments):
    """The finished program, with `root` for its file system."""
    chroot = ["chroot", root] if os.geteuid() == 0 else ["unshare", "-r", "chroot", root]
    tried = subprocess.run([*chroot, f"/{PROGRAM}", "--help"], capture_output=True, check=False)
    if tried.returncode == 125 or tried.stderr.startswith(b"unshare: "):
        pytest.skip("chroot is not allowed, nor are user namespaces")
    return subprocess.run([*chroot, f"/{PROGRAM}", *arguments], capture_output=True, text=True, check=False)


def assert_nothing_else_can_be_run(root):
    programs = {path.name for path in root.rglob("*") if path.is_file() and path.stat().st_mode & 0o111}
    loaders = {name for name in programs if name.startswith(("ld-linux", "libc.so"))}
    assert programs - loaders == {"code-executor-webhook"}
    assert len(loaders) == 2


def assert_nobody_gains_rights_by_a_file(root):
    for path in root.rglob("*"):
        assert not path.is_symlink(), path
        assert not path.stat().st_mode & (stat.S_ISUID | stat.S_ISGID | stat.S_IWGRP | stat.S_IWOTH), path
    assert (root / "etc/passwd").read_text().startswith("code-executor-webhook:x:65532:65532:")


def assert_scanners_find_each_library_and_its_licence(root):
    libraries = {path.name for path in root.glob("lib*/**/*.so*")}
    assert {"libcrypto.so.3", "libstdc++.so.6", "libc.so.6"} <= libraries
    assert "ID=debian\n" in (root / "etc/os-release").read_text()
    packages = {path.name for path in (root / "var/lib/dpkg/status.d").iterdir()}
    assert {"libssl3", "libstdc++6", "libc6"} <= {package.removesuffix("t64") for package in packages}
    for package in packages:
        assert f"Package: {package}\n" in (root / "var/lib/dpkg/status.d" / package).read_text()
        assert (root / "usr/share/doc" / package / "copyright").stat().st_size > 0
    return packages


def test_nothing_is_missing_to_build_it(tmp_path):
    """Where there is what .dockerignore names, and no more: so Dockerfile and scripts/image build it."""
    assert "\nCOPY . .\n" in DOCKERFILE
    paths = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    listed = subprocess.run(["git", "ls-files", "-z", "--", *paths], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a checkout of git, which knows what is in the tree")
    for name in filter(None, listed.stdout.split("\0")):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    for step in (["cmake", "--preset", "release"], ["ninja", "-C", "build/release", "-n"]):
        done = subprocess.run(step, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_program_runs_with_nothing_else(laid_out):
    done = run_in(laid_out, "version")
    # Not the exit code: a sanitized build looks for leaks in /proc, which is not there.
    assert done.stdout.startswith("code-executor-webhook "), done.stderr


def test_the_files_that_are_laid_out(laid_out):
    assert_nothing_else_can_be_run(laid_out)
    assert_nobody_gains_rights_by_a_file(laid_out)
    assert_scanners_find_each_library_and_its_licence(laid_out)


def blob(digest):
    data = (IMAGE / "oci/blobs" / digest.replace(":", "/")).read_bytes()
    assert f"sha256:{hashlib.sha256(data).hexdigest()}" == digest
    return data


def manifests():
    """{architecture: (descriptor, manifest, configuration)} of the index that the digest names."""
    index = json.loads(blob((IMAGE / "digest").read_text().strip()))
    assert index["mediaType"] == "application/vnd.oci.image.index.v1+json"
    found = {}
    for descriptor in index["manifests"]:
        manifest = json.loads(blob(descriptor["digest"]))
        found[descriptor["platform"]["architecture"]] = (
            descriptor, manifest, json.loads(blob(manifest["config"]["digest"])))
    return found


@pytest.fixture(name="unpacked", scope="module")
def unpack(tmp_path_factory):
    """{architecture: root} of the image's one layer each."""
    roots = {}
    for architecture, (_, manifest, _) in manifests().items():
        (layer,) = manifest["layers"]
        file = tmp_path_factory.mktemp("layer") / "layer.tar"
        file.write_bytes(blob(layer["digest"]))
        roots[architecture] = tmp_path_factory.mktemp(architecture)
        with tarfile.open(file) as tar:
            assert all(each.uid == each.gid == 0 for each in tar)
            times = {each.mtime for each in tar if each.isfile()}
            assert len(times) == 1, "files of several times"
        subprocess.run(["tar", "-xf", file, "-C", roots[architecture]], check=True)
    return roots


@needs_image
def test_its_configuration_is_what_the_manifests_rest_on():
    assert json.loads((IMAGE / "oci/index.json").read_text())["manifests"][0]["digest"] == (IMAGE / "digest").read_text().strip()
    for architecture, (descriptor, manifest, config) in manifests().items():
        assert descriptor["platform"]["os"] == config["os"] == "linux" and config["architecture"] == architecture
        context, server = POD["securityContext"], CONFIG["server"]
        assert config["config"]["User"] == f"{context['runAsUser']}:{context['runAsGroup']}"
        assert config["config"]["Entrypoint"] == [f"/{PROGRAM}"] and config["config"]["Cmd"] == ["--help"]
        assert config["config"]["ExposedPorts"].keys() == {str(port_of(server[key])) for key in ("listen", "opsListen")}
        labels = {key: value for key, value in config["config"]["Labels"].items() if key.startswith("org.opencontainers.image.")}
        assert labels.items() <= manifest["annotations"].items()
        assert labels["org.opencontainers.image.version"] == VERSION
        assert re.fullmatch(r"[0-9a-f]{40}", labels["org.opencontainers.image.revision"])
        assert labels["org.opencontainers.image.created"] == config["created"].replace(".000000000Z", "Z")
        for name in ("title", "licenses"):  # the Dockerfile's, too
            assert f'org.opencontainers.image.{name}="{labels[f"org.opencontainers.image.{name}"]}"' in DOCKERFILE
        assert sum(layer["size"] for layer in manifest["layers"]) < LARGEST


@needs_image
def test_it_is_for_both_architectures():
    assert manifests().keys() == MACHINES.keys()


@needs_image
def test_its_files(unpacked):
    for architecture, root in unpacked.items():
        assert_nothing_else_can_be_run(root)
        assert_nobody_gains_rights_by_a_file(root)
        assert_scanners_find_each_library_and_its_licence(root)
        program = (root / PROGRAM).read_bytes()
        assert int.from_bytes(program[18:20], "little") == MACHINES[architecture]


@needs_image
def test_it_runs(unpacked):
    native = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    done = run_in(unpacked[native], "version")
    assert done.returncode == 0 and done.stdout.startswith(f"code-executor-webhook {VERSION}\n"), done.stderr
    assert run_in(unpacked[native], "profile").stdout == (ROOT / "profiles/nsjail-seccomp.json").read_text()
    with_emulator = shutil.which("qemu-aarch64-static")
    if native == "amd64" and with_emulator:
        done = subprocess.run([with_emulator, "-L", unpacked["arm64"], unpacked["arm64"] / PROGRAM, "version"],
                              capture_output=True, text=True, check=False)
        assert done.stdout.startswith(f"code-executor-webhook {VERSION}\n"), done.stderr


@needs_image
def test_the_sbom_knows_what_is_in_it(unpacked):
    for architecture, root in unpacked.items():
        inside = root / "usr/share/code-executor-webhook/sbom.spdx.json"
        assert inside.read_bytes() == (IMAGE / f"sbom-{architecture}.json").read_bytes()
        sbom = json.loads(inside.read_text())
        assert (sbom["spdxVersion"], sbom["dataLicense"], sbom["SPDXID"]) == ("SPDX-2.3", "CC0-1.0", "SPDXRef-DOCUMENT")
        named = {each["SPDXID"]: each for each in sbom["packages"]}
        assert len(named) == len(sbom["packages"])
        program = named["SPDXRef-program"]
        assert program["checksums"] == [
            {"algorithm": "SHA256", "checksumValue": hashlib.sha256((root / PROGRAM).read_bytes()).hexdigest()}]
        related = {}
        for each in sbom["relationships"]:
            related.setdefault(each["relationshipType"], set()).add(named[each["relatedSpdxElement"]]["name"])
        assert related["DESCRIBES"] == {"code-executor-webhook"}
        assert related["DYNAMIC_LINK"] == {path.name for path in (root / "var/lib/dpkg/status.d").iterdir()}
        # Of these there is no library: they are in the program.
        assert {"libcli11-dev", "libdtl-dev", "nlohmann-json3-dev", "libstdc++-12-dev"} <= {
            name.replace("libstdc++-12-dev-arm64-cross", "libstdc++-12-dev") for name in related["STATIC_LINK"]}
        for each in sbom["packages"]:
            if each is not program:
                (reference,) = each["externalRefs"]
                assert re.fullmatch(rf"pkg:deb/debian/[a-z0-9.%B+-]+@[\w.%~+-]+\?arch=({architecture}|all)&distro=debian-12",
                                    reference["referenceLocator"]), reference
