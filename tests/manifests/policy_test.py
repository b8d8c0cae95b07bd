"""What the policies must agree on with the webhook, its configuration, its program and docs/security.md.

REFRESH_GOLDEN=1 writes the installer's script into the final-state policy anew.
"""

import os
import re
import textwrap

import pytest
import yaml

from tree import BASE, CONFIG, MANIFESTS, ROOT, WEBHOOK, objects, one, section

FOLDER = MANIFESTS / "final-state-policy"
FILE = FOLDER / "validating-admission-policy.yaml"
SCRIPT = (ROOT / "src/admission/install_seccomp.sh").read_text()
if os.environ.get("REFRESH_GOLDEN"):
    BLOCK = textwrap.indent(f'r"""{SCRIPT}"""', " " * 8)
    FILE.write_text(re.sub(r'(    - name: script\n      expression: \|-\n).*?"""\n(?=    - name)',
                           lambda found: f"{found.group(1)}{BLOCK}\n", FILE.read_text(), flags=re.S))
POLICY = one("ValidatingAdmissionPolicy", FOLDER)
BINDING = one("ValidatingAdmissionPolicyBinding", FOLDER)
SPEC = POLICY["spec"]
VARIABLES = {each["name"]: each["expression"] for each in SPEC["variables"]}
RULES = {each["message"]: each["expression"] for each in SPEC["validations"]}
(HOST_USERS,) = objects(BASE / "host-users-policy.yaml")
(HOST_USERS_BINDING,) = objects(BASE / "host-users-policy-binding.yaml")
CASES = ROOT / "tests/policy/cases"
REFUSED = yaml.safe_load((CASES / "refused.yaml").read_text())
SECCOMP = CONFIG["sandbox"]["seccomp"]


def rule(begins):
    (expression,) = [each for message, each in RULES.items() if message.startswith(begins)]
    return expression


def patterns(expression):
    """The regular expressions in a CEL expression."""
    return re.findall(r"matches\('([^']+)'\)", expression)


def named_by_content(template):
    return template.replace("{sha256}", "0123456789abcdef" * 4)


def test_the_policy_looks_at_what_the_webhook_looks_at():
    match = SPEC["matchConstraints"]
    assert match["objectSelector"] == {"matchLabels": WEBHOOK["objectSelector"]["matchLabels"]}
    assert match["namespaceSelector"] == WEBHOOK["namespaceSelector"]
    [(label, value)] = WEBHOOK["objectSelector"]["matchLabels"].items()
    [off] = WEBHOOK["objectSelector"]["matchExpressions"]
    assert f"['{label}'].orValue('') == '{value}'" in VARIABLES["governed"].replace("?", "")
    assert off["values"] == ["off"] and f"['{off['key']}'].orValue('') != 'off'" in VARIABLES["governed"].replace("?", "")


@pytest.mark.parametrize(("policy", "binding"), [(POLICY, BINDING), (HOST_USERS, HOST_USERS_BINDING)])
def test_each_policy_is_bound_and_refuses(policy, binding):
    assert binding["spec"] == {"policyName": policy["metadata"]["name"], "validationActions": ["Deny"]}
    assert policy["spec"]["failurePolicy"] == "Fail"


def test_the_policies_name_what_the_configuration_names():
    assert f"c.name == '{CONFIG['target']['containerName']}'" in VARIABLES["targets"]
    profile, config_map = named_by_content(SECCOMP["localhostProfile"]), named_by_content(SECCOMP["configMapName"])
    assert all(re.search(each, profile) for each in patterns(rule("container code-executor does not run")))
    assert all(re.search(each, config_map) for each in patterns(rule("volume seccomp-profile")))
    assert f"v.hostPath.path == '{SECCOMP['kubeletSeccompDir']}'" in rule("the pod has a hostPath")
    assert CONFIG["sandbox"]["installer"]["image"].endswith(VARIABLES["installerImage"].strip("'"))
    (condition,) = HOST_USERS["spec"]["matchConditions"]
    expression = condition["expression"]
    assert f"'{profile}'" in expression or any(re.search(each, profile) for each in patterns(expression))


def test_the_policy_knows_the_installers_script():
    assert VARIABLES["script"] == f'r"""{SCRIPT}"""', "write it anew: REFRESH_GOLDEN=1"
    script = (ROOT / "tests/golden/release_0_1_0/install_seccomp.sh").read_text()
    assert VARIABLES["scriptOf010"] == f'r"""{script}"""'


def test_each_rule_has_cases_and_a_row_of_the_page():
    rows = re.findall(r"^\| `([^`]+)` \| .+ \|$", section("security", "The final-state policy"), re.M)
    assert rows == list(REFUSED)
    assert len(rows) == len(RULES)
    for begins in rows:
        assert rule(begins) and len(REFUSED[begins]) > 0


def test_the_page_names_the_debuggers_that_pass():
    text = " ".join(section("security", "The final-state policy").split())
    assert ("`kubectl debug` with `--profile=general`, `netadmin`, `baseline` and `restricted` passes, `sysadmin` does "
            "not") in text
