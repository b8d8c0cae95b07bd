"""README and the pages of docs/ name what is there, and each other."""

import re

import pytest
import yaml

from tree import ROOT

PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "certs/README.md", "profiles/README.md")]
PAGES += sorted((ROOT / "docs").glob("*.md"))


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
    linked = set(re.findall(r"\]\((docs/\w+\.md)", (ROOT / "README.md").read_text()))
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
