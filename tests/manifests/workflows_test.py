""".github/workflows: what each may do, what it is pinned to, and that its steps are scripts of this tree."""

import re

import pytest
import yaml

from tree import ROOT

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
WORKFLOWS = {path.stem: yaml.safe_load(path.read_text()) for path in FILES}
JOBS = [(name, job_name, job) for name, workflow in WORKFLOWS.items() for job_name, job in workflow["jobs"].items()]
STEPS = [(f"{name}/{job_name}", step) for name, job_name, job in JOBS for step in job["steps"]]
# To fetch this tree takes git, in an image that has none; CodeQL looks on as the compiler runs.
OTHERS = (r"apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates git",
          r'git config --global --add safe\.directory "\$PWD"', r"cmake --workflow --preset release", r"cmp (\S+) (\S+)")


def test_actions_are_pinned_by_commit_and_say_which_release_it_is():
    seen = {}
    for path in FILES:
        for action, rest in re.findall(r"uses: (\S+?)@(.*)$", path.read_text(), re.M):
            assert re.fullmatch(r"[0-9a-f]{40}  # v\d+\.\d+\.\d+", rest), f"{path.name}: {action}@{rest}"
            assert seen.setdefault(action, rest) == rest, action
    assert "actions/checkout" in seen


def test_no_token_can_do_more_than_its_job_needs():
    allowed = {"publish": {"attestations", "id-token", "packages"}, "page": {"contents"},
               "analyze": {"security-events", "id-token"}}
    for name, job_name, job in JOBS:
        assert WORKFLOWS[name]["permissions"] == {}
        writes = {what for what, how in job["permissions"].items() if how == "write"}
        assert writes <= allowed.get(job_name, set()), f"{name}/{job_name}"
        assert job["timeout-minutes"] <= 90
    for where, step in STEPS:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False, where


def test_only_a_release_has_secrets():
    for path in FILES:
        assert path.stem == "release" or "secrets." not in path.read_text(), path.name
        assert "pull_request_target" not in path.read_text()


def test_no_step_has_an_expression_in_its_script():
    """What others chose, such as the name of a branch, would be run."""
    for where, step in STEPS:
        assert "${{" not in step.get("run", ""), where


@pytest.mark.parametrize("where, step", [each for each in STEPS if "run" in each[1]],
                         ids=lambda each: each if isinstance(each, str) else each["run"].split()[0])
def test_each_step_is_a_script_of_this_tree(where, step):
    script = step["run"].split()[0]
    if not script.startswith("scripts/"):
        assert any(re.fullmatch(each, step["run"]) for each in OTHERS), step["run"]
    else:
        assert (ROOT / script).stat().st_mode & 0o111, where


def test_the_matrix_is_the_list_of_releases():
    (line,) = re.findall(r"--all\) set -- (.*) ;;", (ROOT / "scripts/e2e").read_text())
    (newest,) = re.findall(r"^newest=(\S+)$", (ROOT / "scripts/e2e").read_text(), re.M)
    assert WORKFLOWS["ci"]["jobs"]["e2e"]["strategy"]["matrix"]["kubernetes"] == line.replace('"$newest"', newest).split()


def test_ci_does_what_the_local_run_does():
    local = set(re.findall(r"scripts/\w+", (ROOT / ".ci/run").read_text().split("trap ")[1]))
    remote = {step["run"].split()[0] for where, step in STEPS if where.startswith("ci/") and "run" in step}
    assert {"scripts/test", "scripts/lint", "scripts/tsan", "scripts/fuzz"} <= local
    assert local - {"scripts/node"} <= remote


def test_dependabot_looks_after_folders_that_are_there():
    files = {"github-actions": ".github/workflows", "docker": "Dockerfile", "gomod": "go.mod", "cargo": "Cargo.toml",
             "pip": "requirements.txt"}
    for update in yaml.safe_load((ROOT / ".github/dependabot.yml").read_text())["updates"]:
        for folder in update.get("directories", [update.get("directory")]):
            assert (ROOT / folder.strip("/") / files[update["package-ecosystem"]]).exists(), folder
