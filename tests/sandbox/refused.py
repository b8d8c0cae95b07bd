"""Runs inside the container: makes each system call of argv[1], a JSON list of [name, number,
arguments], in a process of its own, and prints the errno of each as JSON."""

import ctypes
import json
import os
import sys

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def attempt(number, arguments):
    """The errno of a call; 0 if it succeeded."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        result = libc.syscall(*(ctypes.c_long(value) for value in [number, *arguments]))
        os.write(writer, str(ctypes.get_errno() if result == -1 else 0).encode())
        os._exit(0)
    os.close(writer)
    answer = os.read(reader, 16)
    os.close(reader)
    os.waitpid(child, 0)
    return int(answer or -1)


print(json.dumps({name: attempt(number, args) for name, number, args in json.loads(sys.argv[1])}))
