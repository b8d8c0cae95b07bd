"""A cgroup with a limit of memory, as a kubelet makes one for a container."""

import os
import pathlib
import re

MOUNTED = re.compile(r"^\S+ \S+ \S+ \S+ (?P<at>\S+) .* - (?P<type>cgroup2?) \S+ (?P<options>\S+)$", re.M)


class MemoryCgroup:
    """Made at construction, which raises OSError where that cannot be; a context manager that removes it.

    `command` before a program's own runs that in it.
    """

    def __init__(self, limit):
        self.path, self.is_v2 = self._make()
        try:
            self._write("memory.max" if self.is_v2 else "memory.limit_in_bytes", limit)
            if self.is_v2 and (self.path / "memory.swap.max").exists():
                self._write("memory.swap.max", 0)
        except OSError:
            self.path.rmdir()
            raise
        self.command = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', self.path / "cgroup.procs"]

    @staticmethod
    def _make():
        error = OSError("no cgroup of memory is mounted")
        for mounted in MOUNTED.finditer(pathlib.Path("/proc/self/mountinfo").read_text()):
            is_v2 = mounted["type"] == "cgroup2"
            if not is_v2 and "memory" not in mounted["options"].split(","):
                continue
            path = pathlib.Path(mounted["at"]) / f"webhook-test-{os.getpid()}"
            try:
                path.mkdir()
            except OSError as cannot:
                error = cannot
                continue
            if (path / ("memory.max" if is_v2 else "memory.limit_in_bytes")).exists():
                return path, is_v2
            path.rmdir()  # of another controller
        raise error

    def _write(self, file, value):
        (self.path / file).write_text(str(value))

    def kills(self):
        """How many processes the kernel has killed for want of memory."""
        events = (self.path / ("memory.events" if self.is_v2 else "memory.oom_control")).read_text()
        return int(re.search(r"^oom_kill (\d+)$", events, re.M)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.path.rmdir()
