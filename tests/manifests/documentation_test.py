"""README and the pages of docs/ name what is there, and each other; what they show is what the program does."""

import html
import json
import re
import subprocess
import sys

import pytest
import yaml

from tree import ROOT

sys.path.append(str(ROOT / "tests/integration"))
from webhook_server import BINARY  # noqa: E402

PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "certs/README.md", "profiles/README.md",
                                  "docs/pictures/README.md", "manifests/chart/README.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))
PICTURES = ROOT / "docs/pictures"
CASE = ROOT / "tests/golden/cases/chart-default-replaced-by-policy"


def without_code(text):
    return re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)


def anchors(page):
    """Those of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text()), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", without_code(page.read_text())):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), target
        assert not anchor or anchor in anchors(file), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_are_there(page):
    named = re.findall(r"(?<![\w/.-])(?:\./)?((?:docs|manifests|scripts|certs|profiles|tests)/[\w./-]+)(?![\w./{…-])",
                       page.read_text())
    assert [each for each in named if not any((home / each.rstrip(".")).exists() for home in (ROOT, page.parent))] == []


def test_each_page_is_reached_from_the_readme():
    linked = set(re.findall(r"\]\((docs/[\w-]+\.md)", (ROOT / "README.md").read_text()))
    assert {str(page.relative_to(ROOT)) for page in PAGES if page.parent == ROOT / "docs"} == linked


@pytest.mark.parametrize("form", sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("[!c]*.yml")), ids=lambda form: form.stem)
def test_issue_forms_are_what_github_takes(form):
    """GitHub shows no form at all that lacks one of these, or whose parts share an id or a label."""
    document = yaml.safe_load(form.read_text())
    assert set(document) == {"name", "description", "labels", "body"}
    asked = [each for each in document["body"] if each["type"] != "markdown"]
    assert asked and {each["type"] for each in asked} <= {"textarea", "input", "dropdown", "checkboxes"}
    for unique in ([each["id"] for each in asked], [each["attributes"]["label"] for each in asked]):
        assert len(set(unique)) == len(unique)
    assert all(each["attributes"]["value"] for each in document["body"] if each["type"] == "markdown")


def named(part, whole):
    """Of `whole` what `part` has members for; of lists the entries of the same name."""
    if isinstance(part, dict):
        return {key: named(part[key], whole[key]) for key in part}
    if isinstance(part, list) and part and isinstance(part[0], dict):
        return [named(entry, next(each for each in whole if each["name"] == entry["name"])) for entry in part]
    return whole


def test_the_pod_on_the_page_is_what_mutate_makes():
    shown = yaml.safe_load(re.search(r"^```yaml\n(.*?)^```", (ROOT / "docs/design.md").read_text(), re.M | re.S).group(1))
    pod = json.loads((CASE / "review.json").read_text())["request"]["object"]
    made = subprocess.run([BINARY, "mutate", "--config", CASE / "config.yaml", "-f", "-", "-o", "json"],
                          input=json.dumps(pod), capture_output=True, text=True, check=True).stdout
    made = json.loads(re.sub(r"\b[0-9a-f]{64}\b", "{sha256}", made))
    assert named(shown, made) == shown
    (target,) = made["spec"]["containers"]
    assert shown["spec"]["containers"][0]["securityContext"] == target["securityContext"]
    added = {key: [each["name"] for each in made["spec"][key]] for key in ("volumes", "initContainers")}
    of_the_pod = [each["name"] for each in pod["spec"]["volumes"]]
    assert {key: [each["name"] for each in shown["spec"][key]] for key in added} == {
        **added, "volumes": [name for name in added["volumes"] if name not in of_the_pod]}


def test_the_drawings_are_those_of_the_program():
    done = subprocess.run([PICTURES / "draw", "--check", "--webhook", BINARY], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_recording_is_of_the_demo_of_now():
    steps = re.findall(r'^step "(.*)"$', (ROOT / "scripts/demo").read_text(), re.M)
    picture = html.unescape(re.sub(r"<[^>]*>", "", (PICTURES / "demo.svg").read_text()))
    assert len(steps) > 5 and re.findall(r"^== (.*)$", picture, re.M) == steps, "run docs/pictures/record"
    # Each thing that the table of before and after has a row for.
    table = (ROOT / "tests/sandbox/before_after.py").read_text()
    rows = re.findall(r'^    \("([^"]+)", [\("]', table, re.M)
    assert len(rows) > 10 and [row for row in rows if row not in picture] == [], "run docs/pictures/record"
