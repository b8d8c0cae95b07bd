#!/usr/bin/python3
"""The completions in the shells that they are for, and the manual pages. Needs WEBHOOK_BINARY."""

import itertools
import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import subprocess
import time

import pytest

BINARY = os.environ["WEBHOOK_BINARY"]
COMMANDS = ["serve", "mutate", "review", "explain", "doctor", "certs", "profile", "completion", "man", "help", "version"]


def output(*arguments):
    return subprocess.run([BINARY, *arguments], capture_output=True, text=True, timeout=60, check=True).stdout


def run(command, script, directory):
    done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=60, check=False, cwd=directory,
                          env={"PATH": os.environ["PATH"], "HOME": str(directory), "TERM": "xterm"})
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def complete_in_bash(line, directory):
    """As readline calls it: words are also broken at the sign of --flag=value."""
    words = [word for part in line.split(" ") for word in (re.split("(=)", part) if "=" in part else [part])]
    words = [word for word in words if word] + ([""] if line.endswith((" ", "=")) else [])
    script = (f"{output('completion', 'bash')}\ncompopt() {{ :; }}\nCOMP_WORDS=({shlex.join(words)})\n"
              f"COMP_CWORD={len(words) - 1}\n_code_executor_webhook\n"
              '(( ${#COMPREPLY[@]} )) && printf "%s\\n" "${COMPREPLY[@]}"; complete -p code-executor-webhook >/dev/null\n')
    return run(["bash", "--norc", "--noprofile", "-u"], script, directory)


def complete_in_fish(line, directory):
    script = f"{output('completion', 'fish')}\ncomplete -C {shlex.quote(line)}\n"
    return [each.split("\t")[0] for each in run(["fish", "--no-config"], script, directory)]


# What zsh's completion system hands to compadd is what it would offer.
ZSH_SETUP = r"""
autoload -Uz compinit; compinit -u -D
source ./_completion
compadd() {
  # The system's own questions, of what would match, are answered.
  if [[ " ${@[1,(i)(-|--)]}" == *\ -(O|A|D)* ]]; then builtin compadd "$@"; return; fi
  local -a offered
  builtin compadd -A offered "$@"
  (( $#offered )) && print -rl -- $offered >>./offered
  builtin compadd "$@"
}
bindkey '^I' complete-word
zstyle ':completion:*' insert-tab false
finish() { : >./done; exit }
zle -N finish; bindkey '^X' finish
zle-line-init() { : >./ready }
zle -N zle-line-init
"""


def complete_in_zsh(line, directory):
    """In a terminal of its own: its completion needs one."""
    (directory / "_completion").write_text(output("completion", "zsh"))
    (directory / "setup").write_text(ZSH_SETUP)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(directory)
        os.execvpe("zsh", ["zsh", "-f", "-i"], {"PATH": os.environ["PATH"], "HOME": str(directory), "TERM": "dumb"})

    def until(name):
        end = time.monotonic() + 60
        while not (directory / name).exists():
            assert time.monotonic() < end, f"zsh: no {name}"
            if select.select([terminal], [], [], 0.05)[0]:
                os.read(terminal, 4096)

    try:
        os.write(terminal, b"source ./setup\n")
        until("ready")
        os.write(terminal, line.encode() + b"\t\x18")
        until("done")
    finally:
        os.close(terminal)  # which ends it
        os.waitpid(child, 0)
    offered = directory / "offered"
    return offered.read_text().splitlines() if offered.exists() else []


SHELLS = {"bash": complete_in_bash, "fish": complete_in_fish, "zsh": complete_in_zsh}


@pytest.fixture(name="complete", params=sorted(SHELLS))
def complete_in_a_shell(request, tmp_path):
    if not shutil.which(request.param):
        pytest.skip(f"{request.param}: not installed")
    numbers = itertools.count()

    def complete(line):
        directory = tmp_path / str(next(numbers))
        directory.mkdir()
        (directory / "deployment.yaml").touch()
        (directory / "folder").mkdir()
        return SHELLS[request.param](f"code-executor-webhook {line}", directory)

    return complete


def test_commands(complete):
    assert set(complete("")) >= set(COMMANDS)
    assert set(complete("mut")) == {"mutate"}


def test_flags_of_a_command_and_of_no_other(complete):
    offered = set(complete("mutate --"))
    assert {"--filename", "--output", "--help"} <= {each.rstrip("=") for each in offered}
    assert not {"--listen", "--version", "--certificate-seconds"} & {each.rstrip("=") for each in offered}


def test_values(complete):
    assert set(complete("mutate -o ")) >= {"yaml", "json"}
    assert set(complete("doctor --output ")) == {"table", "json"}
    assert {each.split("=")[-1] for each in complete("profile --output=")} == {"json", "configmap", "sha256"}
    assert "--help" not in complete("profile --namespace ")


def test_arguments(complete):
    assert set(complete("completion ")) >= {"bash", "zsh", "fish"}
    assert set(complete("help ex")) == {"explain"}


def test_files(complete):
    assert "deployment.yaml" in complete("mutate -f d")
    assert {each.rstrip("/") for each in complete("certs --out ")} == {"folder"}


# Manual pages.


def pages():
    return [[], *[[command] for command in COMMANDS]]


def test_each_command_has_a_page_with_all_of_its_help():
    for arguments in pages():
        page = output("man", *arguments).replace("\\-", "-")
        for flag in re.findall(r"--[a-z][a-z-]+", output("help", *arguments).split("Exit codes")[0]):
            assert flag in page, f"{arguments}: {flag}"
    assert all(f"\\fB{command}\\fR" in output("man") for command in COMMANDS)


@pytest.mark.parametrize(("tool", "command"), [
    ("mandoc", ["mandoc", "-T", "lint", "-W", "warning"]),
    ("groff", ["groff", "-man", "-ww", "-z", "-T", "utf8", "-K", "utf8"])])
def test_the_pages_are_clean(tool, command, tmp_path):
    if not shutil.which(tool):
        pytest.skip(f"{tool}: not installed")
    for arguments in pages():
        file = tmp_path / "page.1"
        file.write_text(output("man", *arguments))
        done = subprocess.run([*command, file], capture_output=True, text=True, timeout=60, check=False)
        said = [line for line in (done.stdout + done.stderr).splitlines() if "missing date" not in line]
        assert said == []


def test_a_page_can_be_read(tmp_path):
    if not shutil.which("man"):
        pytest.skip("man: not installed")
    file = pathlib.Path(tmp_path / "page.1")
    file.write_text(output("man", "explain"))
    done = subprocess.run(["man", "--warnings", "-l", file], capture_output=True, text=True, timeout=60, check=True,
                          env={**os.environ, "MANPAGER": "cat", "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
    assert done.stderr == ""
    text = re.sub(".\x08", "", done.stdout)
    assert "code-executor-webhook explain [FLAGS] [OBJECT ...]" in text
    assert "explain -n retool deploy/retool-code-executor" in text
