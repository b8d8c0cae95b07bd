"""The values of manifests/chart: each reaches what it is about, and what cannot work is refused."""

import json
import os
import subprocess

import pytest
import yaml

from helm import CHART, NAME, by_name, difference, find_helm, helm_template, paths, render  # noqa: F401  (a fixture)
from tree import CONFIG, walk

BINARY = os.environ["WEBHOOK_BINARY"]
VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
CA = "-----BEGIN CERTIFICATE-----\nYQ==\n-----END CERTIFICATE-----\n"

CONTAINER = "/spec/template/spec/containers/0"
POD = "/spec/template/spec"


@pytest.mark.parametrize("values, changed", [
    ({"image": {"repository": "r.example.com/w", "tag": "1", "digest": f"sha256:{'0' * 64}", "pullPolicy": "Always"}},
     {f"{CONTAINER}/image": f"r.example.com/w:1@sha256:{'0' * 64}", f"{CONTAINER}/imagePullPolicy": "Always"}),
    ({"imagePullSecrets": [{"name": "s"}]}, {f"{POD}/imagePullSecrets/0/name": "s"}),
    ({"replicas": 3}, {"/spec/replicas": 3}),
    ({"resources": {"limits": {"memory": "1Gi"}}}, {f"{CONTAINER}/resources/limits/memory": "1Gi"}),
    ({"priorityClassName": "p"}, {f"{POD}/priorityClassName": "p"}),
    ({"nodeSelector": {"a": "b"}}, {f"{POD}/nodeSelector/a": "b"}),
    ({"tolerations": [{"operator": "Exists"}]}, {f"{POD}/tolerations/0/operator": "Exists"}),
    ({"affinity": {"podAffinity": {"a": "b"}}}, {f"{POD}/affinity/podAffinity/a": "b"}),
    ({"topologySpreadConstraints": [{"topologyKey": "t", "maxSkew": 2, "whenUnsatisfiable": "ScheduleAnyway"}]},
     {f"{POD}/topologySpreadConstraints/0/topologyKey": "t", f"{POD}/topologySpreadConstraints/0/maxSkew": 2,
      f"{POD}/topologySpreadConstraints/0/whenUnsatisfiable": "ScheduleAnyway"}),
    ({"terminationGracePeriodSeconds": 60}, {f"{POD}/terminationGracePeriodSeconds": 60}),
    ({"podLabels": {"a": "b"}}, {"/spec/template/metadata/labels/a": "b"}),
    ({"podAnnotations": {"a": "b"}}, {"/spec/template/metadata/annotations/a": "b"}),
    ({"volumes": [{"name": "v", "emptyDir": {"medium": "Memory"}}], "volumeMounts": [{"name": "v", "mountPath": "/v"}]},
     {f"{POD}/volumes/1/name": "v", f"{POD}/volumes/1/emptyDir/medium": "Memory",
      f"{CONTAINER}/volumeMounts/1/name": "v", f"{CONTAINER}/volumeMounts/1/mountPath": "/v"}),
], ids=lambda each: next(iter(each)))
def test_a_value_of_the_pods_reaches_the_deployment_alone(helm, values, changed):
    assert difference(helm, values) == {("Deployment", NAME): changed}


WEBHOOK = "/webhooks/0"


@pytest.mark.parametrize("values, changed", [
    ({"timeoutSeconds": 9, "failurePolicy": "Ignore"}, {f"{WEBHOOK}/timeoutSeconds": 9, f"{WEBHOOK}/failurePolicy": "Ignore"}),
    ({"namespaceSelector": {"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "k", "operator": "Exists"}]}},
     {f"{WEBHOOK}/namespaceSelector/matchLabels/a": "b", f"{WEBHOOK}/namespaceSelector/matchExpressions/1/key": "k",
      f"{WEBHOOK}/namespaceSelector/matchExpressions/1/operator": "Exists"}),
    ({"objectSelector": {"matchLabels": {"telemetry.retool.com/service-name": "other", "a": "b"}}},
     {f"{WEBHOOK}/objectSelector/matchLabels/a": "b"}),
], ids=lambda each: next(iter(each)))
def test_selectors_narrow_what_is_asked_about(helm, values, changed):
    assert difference(helm, {"webhook": values}) == {("MutatingWebhookConfiguration", NAME): changed}


def test_other_values_reach_what_they_are_about(helm):
    assert difference(helm, {"serviceAccount": {"annotations": {"a": "b"}}}) == {
        ("ServiceAccount", NAME): {"/metadata/annotations/a": "b"}}
    assert difference(helm, {"networkPolicy": {"reviewsFrom": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}}) == {
        ("NetworkPolicy", NAME): {"/spec/ingress/0/from/0/ipBlock/cidr": "10.0.0.0/8"}}
    assert ("NetworkPolicy", NAME, NAME) not in by_name(render(helm, {"networkPolicy": {"enabled": False}}))
    labelled = by_name(render(helm, {"extraLabels": {"team": "t"}, "monitoring": {"enabled": True}, "finalStatePolicy": {
        "enabled": True}, "profile": {"namespaces": ["retool"]}}))
    assert all(each["metadata"]["labels"]["team"] == "t" for each in labelled.values())
    assert labelled["Deployment", NAME, NAME]["spec"]["template"]["metadata"]["labels"]["team"] == "t"
    monitored = by_name(render(helm, {"monitoring": {"enabled": True, "labels": {"release": "r"}}}))
    assert {key[0] for key, each in monitored.items() if "release" in each["metadata"]["labels"]} == {
        "PodMonitor", "PrometheusRule"}


def test_values_of_a_release_without_a_mode_keep_the_webhook(helm):
    """As `helm upgrade --reuse-values` has them: the chart of 0.2.0 knew no mode."""
    assert by_name(render(helm, {"mode": None})) == by_name(render(helm, {}))


def test_ports_follow_the_configuration(helm):
    values = {"config": {"server": {"listen": "0.0.0.0:8443", "opsListen": "[::]:9090"}}}
    changed = difference(helm, values)
    assert changed.pop(("ConfigMap", NAME)) == {
        "/data/config.yaml/server/listen": "0.0.0.0:8443", "/data/config.yaml/server/opsListen": "[::]:9090"}
    assert changed == {
        ("Deployment", NAME): {f"{CONTAINER}/ports/0/containerPort": 8443, f"{CONTAINER}/ports/1/containerPort": 9090},
        ("NetworkPolicy", NAME): {"/spec/ingress/0/ports/0/port": 8443, "/spec/ingress/1/ports/0/port": 9090},
        ("Service", NAME): {"/spec/ports/0/targetPort": 8443}}


def test_policies_follow_the_configuration(helm):
    seccomp = {"config": {"sandbox": {"seccomp": {"localhostProfile": "mine/a.b-{sha256}.json"}}}}
    (expression,) = difference(helm, seccomp)["ValidatingAdmissionPolicy", f"{NAME}-host-users"].values()
    assert "'^mine/a[.]b-[0-9a-f]{64}[.]json$'" in expression
    digest = "1" * 64
    values = {"finalStatePolicy": {"enabled": True, "hostPaths": ["/var/run/datadog", "/a b"],
                                   "validationActions": ["Warn", "Audit"]},
              "config": {"target": {"containerName": "retool"},
                         "sandbox": {"installer": {"image": f"mirror.example.com/busybox@sha256:{digest}"}}}}
    objects = by_name(render(helm, values))
    variables = {each["name"]: each["expression"]
                 for each in objects["ValidatingAdmissionPolicy", None, f"{NAME}-final-state"]["spec"]["variables"]}
    assert variables["hostPaths"] == "['/var/run/datadog', '/a b']"
    assert "c.name == 'retool'" in variables["targets"]
    assert variables["installerImage"] == f"'@sha256:{digest}'"
    binding = objects["ValidatingAdmissionPolicyBinding", None, f"{NAME}-final-state"]
    assert binding["spec"]["validationActions"] == ["Warn", "Audit"]


def test_a_certificate_of_ones_own(helm):
    changed = difference(helm, {"certificates": {"source": "secret", "secretName": "mine", "caBundle": CA}})
    assert changed.pop(("MutatingWebhookConfiguration", NAME)).keys() == {f"{WEBHOOK}/clientConfig/caBundle"}
    assert changed.pop(("Deployment", NAME))[f"{POD}/volumes/0/secret/secretName"] == "mine"
    # Without the rule for our own webhook configuration, those for nodes follow the first.
    rules = by_name(render(helm, {"certificates": {"source": "secret", "secretName": "mine", "caBundle": CA}}))[
        "ClusterRole", None, NAME]["rules"]
    assert [rule.get("resources") for rule in rules] == [None, ["nodes"], ["runtimeclasses"]]
    changed.pop(("ClusterRole", NAME))
    assert not changed


def test_the_profile_is_the_one_of_the_program(helm):
    rendered = by_name(render(helm, {"profile": {"namespaces": ["retool", "other"]}}))
    for namespace in ("retool", "other"):
        printed = json.loads(subprocess.run([BINARY, "profile", "-o", "configmap", "-n", namespace], capture_output=True,
                                            text=True, check=True).stdout)
        got = rendered["ConfigMap", namespace, printed["metadata"]["name"]]
        assert got["metadata"].pop("annotations") == {"helm.sh/resource-policy": "keep"}
        assert got["metadata"].pop("labels")["app.kubernetes.io/component"] == "seccomp-profile"
        assert got == printed


def test_the_program_takes_the_configuration_that_is_rendered(helm, tmp_path):
    """Numbers, above all: Helm's own way of printing a large one is 7.340032e+06."""
    rendered = render(helm, {}, "--set", "config.server.maxRequestBytes=8388608")
    text = next(each["data"]["config.yaml"] for each in rendered if each["kind"] == "ConfigMap")
    assert yaml.safe_load(text)["server"]["maxRequestBytes"] == 8388608
    (tmp_path / "config.yaml").write_text(text)
    done = subprocess.run([BINARY, "profile", "--config", tmp_path / "config.yaml", "-o", "sha256"], capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("values, said", [
    ({"imag": {}}, "imag"),
    ({"image": {"repo": "a"}}, "repo"),
    ({"webhook": {"timeout": 5}}, "timeout"),
    ({"config": {"sandbox": {"minimumKubernetesVersion": "1.30"}}}, "minimumKubernetesVersion"),
    ({"config": {"sandbox": {"falback": "deny"}}}, "falback"),
    ({"config": {"server": {"tls": {"managed": {"serviceName": "other"}}}}}, "serviceName"),
    ({"config": {"server": {"tls": {"source": "files"}}}}, "source"),
    ({"replicas": "2"}, "replicas"),
    ({"webhook": {"timeoutSeconds": 31}}, "timeoutSeconds"),
    ({"extraLabels": {"app.kubernetes.io/name": "other"}}, "app.kubernetes.io/name"),
    ({"volumes": [{"name": "config", "emptyDir": {}}]}, "volumes"),
    ({"certificates": {"source": "secret"}}, "certificates.caBundle: empty"),
    ({"certificates": {"source": "files"}}, "source"),
    ({"profile": {"namespaces": ["a"]}, "config": {"sandbox": {"seccomp": {"profileFile": "/a"}}}}, "profile.namespaces: has"),
    ({"finalStatePolicy": {"enabled": True}, "config": {"sandbox": {"seccomp": {"configMapName": "mine"}}}},
     "config.sandbox.seccomp.configMapName"),
    ({"finalStatePolicy": {"enabled": True}, "config": {"sandbox": {"installer": {"image": "busybox:1"}}}}, "by digest"),
    ({"finalStatePolicy": {"enabled": True, "hostPaths": ["/a'"]}}, "hostPaths"),
], ids=str)
def test_what_cannot_work_is_refused(helm, values, said):
    done = helm_template(helm, values)
    assert done.returncode != 0 and said in done.stderr, done.stderr


def test_the_final_state_policy_waits_for_its_kubernetes(helm):
    done = helm_template(helm, {"finalStatePolicy": {"enabled": True}}, "--kube-version", "1.32.9")
    assert done.returncode != 0 and "expected 1.33 or later" in done.stderr
    assert "kubeVersion" in helm_template(helm, {}, "--kube-version", "1.29.9").stderr
    assert helm_template(helm, {}, "--kube-version", "1.30.0-gke.1").returncode == 0


def in_policy_mode(helm, values, version="1.36.0"):
    return helm_template(helm, {"mode": "policy", **values}, "--kube-version", version)


def test_what_mode_policy_takes_of_the_values(helm):
    values = {"finalStatePolicy": {"hostPaths": ["/var/run/datadog"], "validationActions": ["Warn", "Audit"]},
              "extraLabels": {"team": "t"}, "profile": {"namespaces": ["retool"]}}
    done = in_policy_mode(helm, values)
    assert done.returncode == 0, done.stderr
    objects = by_name([each for each in yaml.safe_load_all(done.stdout) if each])
    plain = by_name([each for each in yaml.safe_load_all(in_policy_mode(helm, {}).stdout) if each])
    assert {key[0] for key in objects.keys() - plain.keys()} == {"ConfigMap"}
    assert all(each["metadata"]["labels"].pop("team") == "t" for each in objects.values())
    changed = {(key[2], path): value for key, each in plain.items() for path, value in paths(objects[key]).items()
               if paths(each).get(path) != value}
    (number,) = [number for number, each in enumerate(plain["ValidatingAdmissionPolicy", None, f"{NAME}-final-state"]["spec"][
        "variables"]) if each["name"] == "hostPaths"]
    final = f"{NAME}-final-state"
    assert changed == {
        (final, f"/spec/variables/{number}/expression"): "['/var/run/datadog']",
        (final, "/spec/validationActions/0"): "Warn", (final, "/spec/validationActions/1"): "Audit"}


@pytest.mark.parametrize("values, said", [
    ({"config": {"sandbox": {"replaceChartDefault": True}}}, "config.sandbox.replaceChartDefault is true"),
    ({"config": {"sandbox": {"seccomp": {"delivery": "annotation"}}}}, "config.sandbox.seccomp is {"),
    ({"config": {"sandbox": {"minimumKubernetesVersion": "1.35"}}}, 'config.sandbox.minimumKubernetesVersion is "1.35"'),
    ({"config": {"target": {"containerName": "jail"}}}, 'config.target.containerName is "jail"'),
], ids=str)
def test_mode_policy_has_the_default_configuration_only(helm, values, said):
    done = in_policy_mode(helm, values)
    assert done.returncode != 0 and f"mode: policy, and {said}" in done.stderr, done.stderr
    assert "code-executor-webhook policy --config FILE | kubectl apply -f -" in done.stderr
    assert helm_template(helm, values).returncode == 0


@pytest.mark.parametrize("values, said", [
    ({"webhook": {"objectSelector": {"matchLabels": {"a": "b"}}}}, "webhook.objectSelector narrows"),
    ({"webhook": {"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}},
     "webhook.namespaceSelector narrows"),
    ({"webhook": {"failurePolicy": "Ignore"}}, "webhook.failurePolicy is Ignore"),
    ({"monitoring": {"enabled": True}}, "monitoring.enabled"),
    ({"mode": "both"}, "mode"),
], ids=str)
def test_mode_policy_takes_nothing_that_it_could_not_keep(helm, values, said):
    done = in_policy_mode(helm, values)
    assert done.returncode != 0 and said in done.stderr, done.stderr


def test_mode_policy_waits_for_its_kubernetes(helm):
    assert "expected 1.36 or later, or mode: webhook" in in_policy_mode(helm, {}, "1.35.9").stderr
    assert in_policy_mode(helm, {}, "1.36.0-gke.1").returncode == 0


def test_no_object_of_the_schema_takes_keys_that_it_does_not_know():
    """But where keys are names of the user's, or Kubernetes' own."""
    free = {"global", "nodeSelector", "podAnnotations", "annotations", "matchLabels", "nodeAffinity", "podAffinity",
            "podAntiAffinity", "items", "labels", "quantities"}
    for each in walk(SCHEMA):
        for name, schema in each.items():
            if isinstance(schema, dict) and schema.get("type") == "object" and schema.get("additionalProperties") is not False:
                assert name in free, name


def test_values_and_schema_name_the_same(helm):
    done = subprocess.run([helm, "lint", "--strict", CHART, "--kube-version", "1.34.0"], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0, done.stdout
    assert SCHEMA["properties"].keys() - {"global"} == VALUES.keys()
    assert VALUES["config"] == CONFIG


@pytest.mark.parametrize("helm", ["helm"], indirect=True)  # Helm 3 asks a cluster before it says so
def test_what_is_next_depends_on_what_there_is(helm):
    def notes(values):
        done = subprocess.run(
            [helm, "install", NAME, CHART, "--namespace", NAME, "--dry-run=client", "-f", "-"],
            input=json.dumps(values), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.split("NOTES:\n")[1]
    said = notes({})
    assert "config.sandbox.replaceChartDefault=true" in said and "profile.namespaces={" in said and "by tag" in said
    said = notes({"config": {"sandbox": {"replaceChartDefault": True}}, "profile": {"namespaces": ["retool", "b"]},
                  "image": {"digest": f"sha256:{'0' * 64}"}, "webhook": {"failurePolicy": "Ignore"}})
    assert "is in: retool, b." in said and "rollout restart" in said and "WARNING" in said and "by tag" not in said
    assert "replaceChartDefault" not in said
    said = notes({"mode": "policy"})
    assert "profile.namespaces={" in said and "code-executor-webhook/mode: sandbox" in said and "explain --all" in said
    assert not [word for word in ("rollout status", "image", "replaceChartDefault=true", "enabled=true") if word in said]
    assert "is in: retool." in notes({"mode": "policy", "profile": {"namespaces": ["retool"]}})
