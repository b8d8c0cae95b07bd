#!/usr/bin/python3
"""The commands that need no server, as a user runs them. Needs WEBHOOK_BINARY."""

import base64
import copy
import hashlib
import json
import os
import pathlib
import subprocess

import jsonpatch
import pytest
import yaml

BINARY = os.environ["WEBHOOK_BINARY"]
EXAMPLES = pathlib.Path(__file__).parents[2] / "manifests/examples"
SCAFFOLDING = ("install-seccomp", "seccomp-profile", "host-seccomp", "hostUsers", "checksum/seccomp")


def run(*arguments, stdin="", code=0):
    """The finished command; fails unless it exits with `code`."""
    done = subprocess.run([BINARY, *map(str, arguments)], input=stdin, capture_output=True,
                          text=True, timeout=60, check=False)
    assert done.returncode == code, done.stderr
    return done


def mutate(text, *arguments, version="1.34.3"):
    """The documents that come out of `text`."""
    done = run("mutate", "-f", "-", "--kube-version", version, *arguments, stdin=text)
    return list(yaml.safe_load_all(done.stdout))


def example(name):
    return (EXAMPLES / name).read_text()


def template(deployment):
    return deployment["spec"]["template"]


def is_sandboxed(pod):
    context = pod["spec"]["containers"][0]["securityContext"]
    return (pod["spec"]["hostUsers"] is False
            and pod["spec"]["initContainers"][0]["name"] == "install-seccomp"
            and {v["name"] for v in pod["spec"]["volumes"]} >= {"seccomp-profile", "host-seccomp"}
            and context["procMount"] == "Unmasked"
            and context["allowPrivilegeEscalation"] is False
            and context["capabilities"] == {"add": ["NET_ADMIN"]}
            and context["seccompProfile"]["type"] == "Localhost"
            and "privileged" not in context)


# The three checks of the change that this product comes from.


def test_1_34_3_sandboxes_the_deployment():
    [deployment] = mutate(example("deployment.yaml"), version="1.34.3")
    assert is_sandboxed(template(deployment))


def test_1_32_3_makes_it_privileged_and_adds_none_of_the_scaffolding():
    done = run("mutate", "-f", EXAMPLES / "deployment.yaml", "--kube-version", "1.32.3")
    [deployment] = yaml.safe_load_all(done.stdout)
    assert template(deployment)["spec"]["containers"][0]["securityContext"] == {"privileged": True}
    assert not [word for word in SCAFFOLDING if word in done.stdout]


@pytest.mark.parametrize("version", ["1.32.3", "1.34.3"])
def test_an_explicit_context_comes_out_untouched(version):
    text = example("deployment-explicit.yaml")
    assert mutate(text, version=version) == list(yaml.safe_load_all(text))


# Every example says in its first line what becomes of it.


@pytest.mark.parametrize(("name", "outcome"), [
    ("deployment.yaml", "sandboxed (supported)"),
    ("deployment-chart-default.yaml", "unchanged (explicit_security_context)"),
    ("deployment-explicit.yaml", "unchanged (explicit_security_context)"),
    ("pod-host-network.yaml", "privileged (host_namespace)"),
    ("pod-host-users.yaml", "privileged (host_users_requested)"),
    ("pod-insists.yaml", "sandboxed (supported)"),
    ("pod-no-target.yaml", "unchanged (no_target_container)"),
    ("pod-opted-out.yaml", "unchanged (opted_out)"),
    ("pod-raw-block.yaml", "privileged (raw_block_volume)"),
    ("pod-supported.yaml", "sandboxed (supported)"),
    ("pod-unmappable-volume.yaml", "privileged (unmappable_volume)"),
    ("pod-unmapped-id.yaml", "privileged (unmapped_id)"),
    ("pod-without-nsjail.yaml", "unchanged (runs_without_nsjail)"),
])
def test_example(name, outcome):
    done = run("mutate", "-f", EXAMPLES / name, "--kube-version", "v1.34.3")
    assert done.stderr.splitlines()[0].endswith(": " + outcome)


def test_every_example_is_tested():
    assert len(list(EXAMPLES.iterdir())) == 14


def test_a_denied_pod_exits_1_and_prints_nothing():
    done = run("mutate", "-f", EXAMPLES / "pod-name-conflict.yaml", "--kube-version", "1.34", code=1)
    assert done.stdout == ""
    assert "Pod default/name-conflict: volume 'seccomp-profile'" in done.stderr.splitlines()[-1]


# Workloads and other documents.


@pytest.mark.parametrize(("kind", "version", "path"), [
    ("Deployment", "apps/v1", ["spec", "template"]), ("StatefulSet", "apps/v1", ["spec", "template"]),
    ("DaemonSet", "apps/v1", ["spec", "template"]), ("ReplicaSet", "apps/v1", ["spec", "template"]),
    ("ReplicationController", "v1", ["spec", "template"]), ("Job", "batch/v1", ["spec", "template"]),
    ("CronJob", "batch/v1", ["spec", "jobTemplate", "spec", "template"]),
    ("PodTemplate", "v1", ["template"]),
])
def test_every_kind_of_workload(kind, version, path):
    pod = {"metadata": {"labels": {"a": "b"}},
           "spec": {"containers": [{"name": "code-executor", "image": "i"}]}}
    document = pod
    for key in reversed(path):
        document = {key: document}
    document = {"apiVersion": version, "kind": kind, "metadata": {"name": "n"}, **document}
    for text in (json.dumps(document), yaml.dump(document),
                 json.dumps({"apiVersion": "v1", "kind": "List", "items": [document]})):
        [out] = mutate(text)
        out = out["items"][0] if out["kind"] == "List" else out
        for key in path:
            out = out[key]
        assert is_sandboxed(out)
        assert set(out) == {"metadata", "spec"}


def test_other_kinds_and_groups_pass_unchanged():
    text = yaml.dump_all([
        {"apiVersion": "batch.volcano.sh/v1alpha1", "kind": "Job",
         "spec": {"template": {"spec": {"containers": [{"name": "code-executor"}]}}}},
        {"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "yes", "b": "1.33", "c": "017"}},
        {"apiVersion": "example.com/v1", "kind": "Pod"},
    ])
    documents = list(yaml.safe_load_all(text))
    assert mutate(text) == documents


SCALARS = """
apiVersion: v1
kind: ConfigMap
data:
  quoted: ["1.33", "yes", "0o17", "null", "~", "", " x", "x ", "- x", "# x", "a: b", "1e3", "2024-01-01"]
  plain: [1.33, yes, no, null, ~, 017, 0x1F, -5, 1_000, .5, text, 10.0]
  anchor: &a {x: 1}
  alias: *a
  merged: {<<: *a, z: 2}
  block: |
    one
      two

    three
  kept: |+
    one

  folded: >-
    one
    two
  escapes: "tab\\t nul\\0 del\\x7f nel\\u0085 ls\\u2028 bom\\ufeff \\u00e9 \\U0001F600"
  windows: "one\\r\\ntwo\\r\\n"
"""


def test_scalars_survive_the_way_through():
    assert mutate(SCALARS) == list(yaml.safe_load_all(SCALARS))
    done = run("mutate", "-f", "-", "-o", "json", "--kube-version", "1.34", stdin=SCALARS)
    assert json.loads(done.stdout) == yaml.safe_load(SCALARS)


def test_a_second_time_changes_nothing():
    once = run("mutate", "-f", EXAMPLES / "deployment.yaml", "--kube-version", "1.34").stdout
    twice = run("mutate", "-f", "-", "--kube-version", "1.34", stdin=once)
    assert twice.stdout == once
    assert "already_sandboxed" in twice.stderr


def test_the_printed_patch_applies_to_the_document():
    text = example("deployment.yaml")
    done = run("mutate", "-f", "-", "-o", "patch", "--kube-version", "1.34", stdin=text)
    patch = jsonpatch.JsonPatch(json.loads(done.stdout))
    assert patch.apply(yaml.safe_load(text)) == mutate(text)[0]


def test_diff_is_what_patch_takes(tmp_path):
    before = run("mutate", "-f", "-", "--kube-version", "1.34", stdin=example("deployment-explicit.yaml"))
    text = before.stdout.replace("privileged: false", "runAsUser: null")
    diff = run("mutate", "-f", "-", "-o", "diff", "--kube-version", "1.34", stdin=text).stdout
    (tmp_path / "before.yaml").write_text(text)
    subprocess.run(["patch", "-s", tmp_path / "before.yaml"], input=diff, text=True, check=True)
    assert yaml.safe_load((tmp_path / "before.yaml").read_text()) == mutate(text)[0]


@pytest.mark.parametrize(("text", "message"), [
    ("a: [", "-:2:1: not YAML"), ("a: 1\na: 2\n", "-:2:1: key 'a' is there twice, first at 1:1 (expected once)"),
    ("kind: Pod\nspec:\n  image: \"tryretool/code-ex", "-:3:10: not YAML: found unexpected end of stream"),
    ("a: [fe80::, x]\n", "-:1:10: not YAML: found unexpected ':'"),
    ("[" * 101 + "]" * 101, "-:1:101: nested too deeply (expected at most 100 levels)"),
    ("a: .inf\n", "-:1:4: number '.inf' (expected one that JSON can hold)"),
    ("a: !x y\n", "-:1:4: tag '!x' (expected none)"), ("[" * 5000, "-:1:"),
    ("{apiVersion: v1, kind: Pod, spec: {containers: x}}",
     "-: Pod default/: request.object.spec.containers: is a string (expected a list)"),
    ("{apiVersion: v1, kind: Pod, metadata: {labels: {code-executor-webhook/mode: off}}, spec: {}}",
     "labels.code-executor-webhook/mode: is a boolean (expected a string)"),
])
def test_bad_manifests_are_refused_by_place(text, message):
    done = run("mutate", "-f", "-", "--kube-version", "1.34", stdin=text, code=1)
    assert message in done.stderr
    assert done.stdout == ""


def test_an_alias_bomb_is_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join(['*a' + str(i - 1)] * 10)}]" for i in range(1, 9)]
    done = run("mutate", "-f", "-", "--kube-version", "1.34", stdin="\n".join(lines), code=1)
    assert "too large once its aliases are expanded" in done.stderr


# What is read: nothing, other things, several files, folders.

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\n"
EXPECTED = "(expected an object of Kubernetes, with apiVersion and kind)"


@pytest.mark.parametrize(("text", "message"), [
    ("", "-: is empty (expected manifests; did the command before the pipe fail?)"),
    (" \n\n", "-: is empty (expected manifests; did the command before the pipe fail?)"),
    ("# Source: x\n---\n# y\n", "-: has no object, only comments (expected manifests; did the command before the pipe fail?)"),
    ("Error: chart not found\n", f"-:1:1: an object without apiVersion {EXPECTED}"),
    ("helm\n", f"-:1:1: a string {EXPECTED}"),
    (CONFIG_MAP + "---\n- 1\n", f"-:4:1: an array {EXPECTED}"),
    ('{"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview"}',
     "-:1:1: an AdmissionReview (expected manifests; the command `review` takes this)"),
    ("{apiVersion: v1, kind: List, items: []}",
     "-: has no object, only a List without items (expected manifests; did the command before the pipe find nothing?)"),
])
def test_what_is_no_manifest_is_told(text, message):
    done = run("mutate", "-f", "-", "--kube-version", "1.34", stdin=text, code=1)
    assert done.stderr == f"code-executor-webhook: {message}\n"
    assert done.stdout == ""


def test_nothing_that_is_read_reaches_the_terminal_as_a_command():
    """What a manifest names itself, and keys that an error quotes."""
    text = ('{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a\\u001b[2J\\nb", "namespace": "n\\u009b"}}\n---\n'
            '{"apiVersion": "v1", "kind": "K\\u001b[2J"}\n')
    done = run("mutate", "-f", "-", "--kube-version", "1.34", stdin=text)
    assert done.stderr.startswith("Pod n??/a?[2J?b: unchanged (no_target_container)\n2 objects, 1 pod: ")
    done = run("mutate", "-f", "-", "--kube-version", "1.34", stdin="apiVersion: v1\nkind: \"K\\e[2J\"\n")
    assert done.stderr.startswith("1 object, no pods: 1 K?[2J (")
    done = run("mutate", "-f", "-", "--kube-version", "1.34", stdin='{"\\u001b\\u009bé": 1, "\\u001b\\u009bé": 2}', code=1)
    assert "-:1:22: key '??é' is there twice" in done.stderr


def test_a_file_without_objects_beside_others_is_a_warning(tmp_path):
    empty = tmp_path / "empty.yaml"
    empty.write_text("{apiVersion: v1, kind: List, items: []}\n")
    done = run("mutate", "-f", empty, "-f", "-", "--kube-version", "1.34", stdin=CONFIG_MAP)
    assert f"warning: {empty}: has no object, only a List without items (expected manifests)\n1 object, no pods" in done.stderr


def test_a_chart_without_pods_comes_out_as_it_is_and_is_told():
    done = run("mutate", "-f", "-", "--kube-version", "1.34", stdin=CONFIG_MAP)
    assert done.stdout == CONFIG_MAP
    assert done.stderr == (
        "1 object, no pods: 1 ConfigMap (expected Pod, Deployment, StatefulSet, DaemonSet, ReplicaSet, "
        "ReplicationController, Job, CronJob, PodTemplate, for there to be something to decide)\n")


def test_the_items_of_a_pod_list_need_no_kind():
    pod = yaml.safe_load(example("pod-supported.yaml"))
    bare = {key: value for key, value in pod.items() if key not in ("apiVersion", "kind")}
    [out] = mutate(json.dumps({"apiVersion": "v1", "kind": "PodList", "items": [bare]}))
    assert is_sandboxed(out["items"][0])


def test_several_files_and_folders_are_read_in_order(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b/2.yml").write_text(example("pod-supported.yaml"))
    (tmp_path / "b/1.json").write_text(json.dumps(yaml.safe_load(example("pod-host-network.yaml"))))
    (tmp_path / "a.yaml").write_text(CONFIG_MAP)
    (tmp_path / "empty.yaml").write_text("# nothing\n")
    (tmp_path / "notes.txt").write_text("not read")
    done = run("mutate", "-f", "-", "-R", "-f", tmp_path, "--kube-version", "1.34", stdin=example("pod-opted-out.yaml"))
    assert [document["metadata"]["name"] for document in yaml.safe_load_all(done.stdout) if "metadata" in document] == [
        "opted-out", "host-network", "supported"]
    assert done.stderr.splitlines()[-2:] == [
        f"warning: {tmp_path}/empty.yaml: has no object, only comments (expected manifests)",
        "4 objects, 3 pods: 1 sandboxed, 2 left: 1 privileged (host_namespace), 1 unchanged (opted_out)"]
    done = run("mutate", "-f", tmp_path, "--kube-version", "1.34", code=1)
    assert done.stderr == f"code-executor-webhook: {tmp_path}: is a folder (expected a file, or -R for all below it)\n"


def test_a_url_is_wrong_usage():
    done = run("mutate", "-f", "https://example.com/x.yaml", code=2)
    assert "'https://example.com/x.yaml' is a URL, which is not fetched (expected a file, or - behind `curl" in done.stderr


@pytest.mark.parametrize(("outcomes", "code"), [
    ("denied", 0), ("sandboxed", 0), ("privileged", 1), ("denied,privileged", 1), ("unchanged", 1)])
def test_fail_on_names_the_pods_and_prints_nothing(outcomes, code):
    files = ["-f", EXAMPLES / "pod-host-network.yaml", "-f", EXAMPLES / "pod-opted-out.yaml"]
    done = run("mutate", *files, "--kube-version", "1.34", "--fail-on", outcomes, code=code)
    assert (done.stdout == "") == (code == 1)
    if "privileged" in outcomes:
        assert done.stderr.splitlines()[-1] == (
            "code-executor-webhook: --fail-on: Pod default/host-network is privileged (host_namespace)")


def test_fail_on_takes_outcomes_only():
    run("mutate", "-f", EXAMPLES / "pod-supported.yaml", "--fail-on", "priviledged", code=2)


def test_json_is_yaml_too():
    text = CONFIG_MAP + 'data: {a: "\\u2028 \\x85 \\ufeff \\uffff"}\n'
    done = run("mutate", "-f", "-", "-o", "json", "--kube-version", "1.34", stdin=text)
    assert json.loads(done.stdout)["data"]["a"] == "\u2028 \x85 \ufeff \uffff"
    assert done.stdout.isascii()
    again = run("mutate", "-f", "-", "-o", "json", "--kube-version", "1.34", stdin=done.stdout)
    assert again.stdout == done.stdout


# review, profile, version and usage.


def test_standard_input_that_cannot_be_read_is_an_error(tmp_path):
    folder = os.open(tmp_path, os.O_RDONLY)
    done = subprocess.run([BINARY, "mutate", "-f", "-", "--kube-version", "1.34"], stdin=folder, capture_output=True,
                          text=True, timeout=60, check=False)
    os.close(folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "code-executor-webhook: standard input: cannot be read: Is a directory\n"


def test_review_answers_as_the_api_server_expects():
    pod = yaml.safe_load(example("pod-supported.yaml"))
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
              "request": {"uid": "u-1", "kind": {"group": "", "version": "v1", "kind": "Pod"},
                          "operation": "CREATE", "object": pod}}
    done = run("review", "-f", "-", "--kube-version", "1.34", stdin=json.dumps(review))
    answer = json.loads(done.stdout)
    assert answer["apiVersion"] == "admission.k8s.io/v1"
    assert answer["response"]["uid"] == "u-1"
    assert answer["response"]["patchType"] == "JSONPatch"
    review = copy.deepcopy(review)
    del review["request"]["uid"]
    done = run("review", "-f", "-", "--kube-version", "1.34", stdin=json.dumps(review), code=1)
    assert "-: request.uid: is missing" in done.stderr


@pytest.mark.parametrize("arguments", [
    ["mutate", "-f", EXAMPLES / "pod-supported.yaml", "--kube-version", "1.34"],
    ["mutate", "-f", EXAMPLES / "pod-supported.yaml", "-f", EXAMPLES / "deployment.yaml", "--kube-version", "1.34"],
    ["review", "-f", "review.json", "--kube-version", "1.34"],
    ["profile"]], ids=["mutate", "mutate of two files", "review", "profile"])
def test_each_command_says_once_that_a_profile_is_not_named_by_its_content(arguments, tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("sandbox: {seccomp: {localhostProfile: profiles/x.json}}\n")
    pod = yaml.safe_load(example("pod-supported.yaml"))
    (tmp_path / "review.json").write_text(json.dumps({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {"uid": "1", "object": pod}}))
    arguments = [tmp_path / each if each == "review.json" else each for each in arguments]
    warning = "warning: sandbox.seccomp.localhostProfile: has no {sha256}: "
    assert run(*arguments, "--config", config).stderr.count(warning) == 1
    assert warning not in run(*arguments).stderr



def test_without_a_version_they_say_which_they_assume():
    done = run("mutate", "-f", EXAMPLES / "pod-supported.yaml")
    assert done.stderr.startswith("assuming Kubernetes 1.34 (")


def test_the_profile_is_what_the_annotation_says():
    profile = run("profile", "-o", "json").stdout
    checksum = hashlib.sha256(profile.encode()).hexdigest()
    assert run("profile", "-o", "sha256").stdout.strip() == checksum
    [pod] = mutate(example("pod-supported.yaml"))
    assert pod["metadata"]["annotations"]["checksum/seccomp"] == checksum
    config_map = yaml.safe_load(run("profile", "-o", "configmap", "-n", "retool").stdout)
    assert config_map["metadata"] == {"name": f"code-executor-seccomp-{checksum}", "namespace": "retool"}
    assert config_map["immutable"] is True
    assert config_map["data"] == {"nsjail-seccomp.json": profile}


def test_another_profile_is_checked_and_used(tmp_path):
    other = tmp_path / "profile.json"
    other.write_text('{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": []}')
    assert run("profile", "--profile", other).stdout == other.read_text()
    other.write_text('{"defaultAction": "SCMP_ACT_ALLOW"}')
    assert str(other) in run("profile", "--profile", other, code=1).stderr


def test_exit_codes_and_help():
    assert run("version").stdout.startswith("code-executor-webhook 0.")
    for command in ("serve", "mutate", "review", "certs", "profile", "version"):
        assert "Usage:" in run(command, "--help").stdout
        assert command in run("--help").stdout
        run(command, "--no-such-flag", code=2)
    run(code=2)
    run("mutate", "-f", "/nowhere", "--kube-version", "1.34", code=1)
    run("mutate", "-f", "-", "-o", "xml", code=2)
    assert "--kube-version: not a Kubernetes version" in run("mutate", "-f", "-", "--kube-version",
                                                            "new", code=1).stderr


def test_a_full_disk_is_an_error():
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = subprocess.run([BINARY, "profile"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"standard output: cannot be written" in done.stderr


def node(name, kernel):
    return {"kind": "Node", "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}},
            "status": {"nodeInfo": {"kernelVersion": kernel, "kubeletVersion": "v1.34.1"}}}


NODES = {"kind": "List", "items": [node("new", "6.8.0"), node("old", "5.15.0")]}


def review_with(nodes, tmp_path, *arguments, code=0):
    """What `review --nodes` writes into the pod's affinity; what it says on stderr where it fails."""
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
           "spec": {"containers": [{"name": "code-executor", "image": "i"}]}}
    request = {"uid": "1", "operation": "CREATE", "object": pod,
               "kind": {"group": "", "version": "v1", "kind": "Pod"}}
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    (tmp_path / "nodes").write_text(nodes)
    done = run("review", "-f", "-", "--kube-version", "1.34", "--nodes", tmp_path / "nodes", *arguments,
               stdin=json.dumps(review), code=code)
    if code:
        return done.stderr
    patch = base64.b64decode(json.loads(done.stdout)["response"]["patch"])
    return jsonpatch.apply_patch(pod, json.loads(patch))["spec"].get("affinity")


@pytest.mark.parametrize("text", [json.dumps(NODES), yaml.safe_dump(NODES),
                                  json.dumps({"kind": "NodeList", "items": NODES["items"]}),
                                  "---\n".join(yaml.safe_dump(item) for item in NODES["items"])])
def test_review_decides_with_the_nodes_of_a_file(text, tmp_path):
    affinity = review_with(text, tmp_path)
    terms = affinity["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    assert terms == [{"matchExpressions": [
        {"key": "kubernetes.io/hostname", "operator": "NotIn", "values": ["old"]}]}]


def test_review_looks_at_no_node_where_the_configuration_says_so(tmp_path):
    (tmp_path / "config.yaml").write_text("cluster: {nodeAwareness: false}\n")
    assert review_with(json.dumps(NODES), tmp_path, "--config", tmp_path / "config.yaml") is None


@pytest.mark.parametrize("text, message", [
    ("kind: PodList\n", "nodes: kind: expected NodeList, or a List of Node and RuntimeClass"),
    ('{"kind": "NodeList", "items": [{}]}', "nodes: items[0].metadata.name: is missing"),
    ('{"kind": ', "nodes: body: not JSON"),
])
def test_review_says_what_is_wrong_with_a_file_of_nodes(text, message, tmp_path):
    assert message in review_with(text, tmp_path, code=1)
