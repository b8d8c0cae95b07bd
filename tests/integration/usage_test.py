#!/usr/bin/python3
"""Every wrong use, and what is said of it: usage.golden. REFRESH_GOLDEN=1 writes the answers to its commands anew.
Needs WEBHOOK_BINARY."""

import os
import pathlib
import re
import shlex
import subprocess

import pytest

BINARY = os.environ["WEBHOOK_BINARY"]
GOLDEN = pathlib.Path(__file__).with_name("usage.golden")
PROMPT = "$ code-executor-webhook"


def run(*arguments, stdin=""):
    return subprocess.run([BINARY, *arguments], input=stdin, capture_output=True, text=True, timeout=60, check=False,
                          env={key: value for key, value in os.environ.items() if key not in ("HOME", "KUBECONFIG")})


def read_golden():
    """[(command line, what is to follow it)]"""
    blocks = re.split(r"^(?=\$)", GOLDEN.read_text(), flags=re.M)
    assert blocks[0] == ""
    return [tuple(block.rstrip("\n").split("\n", 1) if "\n" in block.rstrip("\n") else (block.rstrip("\n"), ""))
            for block in blocks[1:]]


CASES = read_golden()


def answer(line):
    done = run(*shlex.split(line.removeprefix(PROMPT)))
    assert done.stdout == ""
    return f"exit {done.returncode}\n{done.stderr.rstrip()}"


@pytest.mark.skipif("REFRESH_GOLDEN" not in os.environ, reason="writes the golden file: REFRESH_GOLDEN=1 asks for it")
def test_refresh():
    GOLDEN.write_text("\n".join(f"{line}\n{answer(line)}\n" for line, _ in CASES))


@pytest.mark.skipif("REFRESH_GOLDEN" in os.environ, reason="the golden file is written")
@pytest.mark.parametrize(("line", "want"), CASES, ids=[line.removeprefix(PROMPT) for line, _ in CASES])
def test_wrong_use(line, want):
    assert line.startswith(PROMPT)
    assert answer(line) == want
    assert want.startswith("exit 2\ncode-executor-webhook: ")
    assert want.count("\n") == 1, "more than one line"
    assert re.search(r"\(.+\)$", want), "it does not say what would be right"


# The table is whole.


def commands():
    """{command: {flag: choices}} of the flags that take a value, as the completion for bash knows them."""
    text = run("completion", "bash").stdout
    names = re.search(r"^    (serve .*)\) command=", text, re.M).group(1).split(" | ")
    found = {name: {} for name in names}
    for patterns, action in re.findall(r"^    ('[^)]*)\) (.*);;$", text, re.M):
        command, flag = re.findall(r"'([^']*)'", patterns)[-1].split()
        choices = re.search(r"-W '([^']*)'", action)
        found[command][flag] = choices.group(1).split() if choices else []
    return found


def test_each_command_has_an_unknown_flag_and_each_flag_a_missing_value():
    lines = [line for line, _ in CASES]
    for command, flags in commands().items():
        assert any(line.startswith(f"{PROMPT} {command} ") and "--no-such" in line for line in lines), command
        for flag, choices in flags.items():
            mine = [line for line in lines if line.startswith(f"{PROMPT} {command} ")]
            assert any(line.endswith(f" {flag}") for line in mine), f"{command} {flag} without a value"
            if choices:
                assert any(re.search(f" {flag} \\S+", line) for line in mine), f"{command} {flag} with a wrong value"


@pytest.mark.skipif("REFRESH_GOLDEN" in os.environ, reason="the golden file is written")
def test_each_required_flag_is_missing_once():
    text = "\n".join(want for _, want in CASES)
    for command in commands():
        for flag in re.findall(r"(--\S+) .*REQUIRED", run(command, "--help").stdout):
            assert f"{command}: {flag}: is missing" in text


# What is right.


def test_help_in_each_way():
    for arguments in ((), ("serve",), ("explain",), ("help",)):
        texts = {run("help", *arguments).stdout, run(*arguments, "--help").stdout, run(*arguments, "-h").stdout}
        assert len(texts) == 1
        assert "Usage: code-executor-webhook" in texts.pop()
    assert all(command in run("help").stdout for command in commands())


def test_the_version_in_each_way():
    assert len({run(word).stdout for word in ("version", "--version", "-V")}) == 1
    assert run("-V").stdout.startswith("code-executor-webhook 0.")
    assert run("-V").returncode == 0
