"""What several manifests must agree on, and what must hold of all of them."""

import pytest
import yaml

from helm import find_kustomize  # noqa: F401  (a fixture)
from tree import (BASE, CONFIG, CONTAINER, DEPLOYMENT, FILES, KUSTOMIZATION, KUSTOMIZATIONS, MANIFESTS, POD,
                  WEBHOOK, WEBHOOK_CONFIGURATION, YAML, objects, one, port_of, seconds, walk)

NAME = "code-executor-webhook"
SERVICE = one("Service")["spec"]
CHART_LABEL = {"telemetry.retool.com/service-name": "code-executor"}
API_VERSIONS = {
    "Certificate": "cert-manager.io/v1",
    "ClusterRole": "rbac.authorization.k8s.io/v1",
    "ClusterRoleBinding": "rbac.authorization.k8s.io/v1",
    "ConfigMap": "v1",
    "DaemonSet": "apps/v1",
    "Deployment": "apps/v1",
    "Issuer": "cert-manager.io/v1",
    "MutatingAdmissionPolicy": "admissionregistration.k8s.io/v1",
    "MutatingAdmissionPolicyBinding": "admissionregistration.k8s.io/v1",
    "MutatingWebhookConfiguration": "admissionregistration.k8s.io/v1",
    "Namespace": "v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "Pod": "v1",
    "PodDisruptionBudget": "policy/v1",
    "PodMonitor": "monitoring.coreos.com/v1",
    "PrometheusRule": "monitoring.coreos.com/v1",
    "Role": "rbac.authorization.k8s.io/v1",
    "RoleBinding": "rbac.authorization.k8s.io/v1",
    "Service": "v1",
    "ServiceAccount": "v1",
    "ValidatingAdmissionPolicy": "admissionregistration.k8s.io/v1",
    "ValidatingAdmissionPolicyBinding": "admissionregistration.k8s.io/v1",
}


@pytest.mark.parametrize("each", objects(), ids=lambda each: f"{each['kind']}-{each['metadata']['name']}")
def test_each_object_has_the_stable_api_version_of_its_kind(each):
    assert API_VERSIONS[each["kind"]] == each["apiVersion"]


def test_all_but_cluster_wide_objects_examples_and_doctor_are_in_the_one_namespace():
    cluster_wide = {"ClusterRole", "ClusterRoleBinding", "Namespace", "MutatingWebhookConfiguration",
                    "MutatingAdmissionPolicy", "MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicy",
                    "ValidatingAdmissionPolicyBinding"}
    for each in objects(*(path for path in FILES if path.parent.name not in ("examples", "doctor"))):
        wanted = None if each["kind"] in cluster_wide else NAME
        assert each["metadata"].get("namespace") == wanted, each["kind"]
        assert each["metadata"].get("labels", {NAME: 0}).get("app.kubernetes.io/name", NAME) == NAME
    assert one("Namespace")["metadata"]["name"] == NAME
    for generator in KUSTOMIZATION["configMapGenerator"]:
        assert generator["namespace"] == NAME


def test_ports_are_those_of_the_configuration():
    https, ops = port_of(CONFIG["server"]["listen"]), port_of(CONFIG["server"]["opsListen"])
    assert {port["name"]: port["containerPort"] for port in CONTAINER["ports"]} == {
        "https": https, "ops": ops}
    assert [port["targetPort"] for port in SERVICE["ports"]] == [https]
    assert WEBHOOK["clientConfig"]["service"]["port"] == SERVICE["ports"][0]["port"] == 443
    rules = one("NetworkPolicy")["spec"]["ingress"]
    assert [port["port"] for rule in rules for port in rule["ports"]] == [https, ops]
    assert not any("from" in rule for rule in rules)  # neither API servers nor kubelets are pods


def test_selectors_select_the_pods_of_the_deployment():
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    selectors = [DEPLOYMENT["spec"]["selector"]["matchLabels"], SERVICE["selector"],
                 one("PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
                 one("NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
                 *(each["labelSelector"]["matchLabels"] for each in POD["topologySpreadConstraints"])]
    for selector in selectors:
        assert selector and selector.items() <= labels.items()


MANAGED = CONFIG["server"]["tls"]["managed"]


def test_the_service_account_may_do_what_the_program_does_and_nothing_else():
    account = one("ServiceAccount")
    assert POD["serviceAccountName"] == account["metadata"]["name"]
    assert account["automountServiceAccountToken"] is False and POD["automountServiceAccountToken"] is True
    roles = [each for each in objects() if each["kind"] in ("ClusterRole", "Role")]
    assert {role["kind"]: role["rules"] for role in roles} == {
        "ClusterRole": [
            {"nonResourceURLs": ["/version"], "verbs": ["get"]},
            {"apiGroups": ["admissionregistration.k8s.io"], "resources": ["mutatingwebhookconfigurations"],
             "resourceNames": [MANAGED["webhookConfigurationName"]], "verbs": ["get", "patch"]},
            {"apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "watch"]},
            {"apiGroups": ["node.k8s.io"], "resources": ["runtimeclasses"], "verbs": ["get", "list", "watch"]}],
        "Role": [
            {"apiGroups": [""], "resources": ["podtemplates"], "verbs": ["create"]},
            {"apiGroups": [""], "resources": ["secrets"], "resourceNames": [MANAGED["secretName"]],
             "verbs": ["get", "create", "patch"]}]}
    bindings = [each for each in objects() if each["kind"] in ("ClusterRoleBinding", "RoleBinding")]
    assert sorted((each["kind"], each["roleRef"]["kind"], each["roleRef"]["name"]) for each in bindings) == [
        ("ClusterRoleBinding", "ClusterRole", NAME), ("RoleBinding", "Role", NAME)]
    for each in bindings:
        assert each["subjects"] == [
            {"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": NAME}]


def test_the_webhook_configuration():
    assert len(WEBHOOK_CONFIGURATION["webhooks"]) == 1
    service = WEBHOOK["clientConfig"]["service"]
    assert (service["name"], service["namespace"]) == (one("Service")["metadata"]["name"], NAME)
    assert WEBHOOK["name"].count(".") >= 2  # the API server wants three parts
    assert {key: WEBHOOK[key] for key in (
        "admissionReviewVersions", "sideEffects", "failurePolicy", "timeoutSeconds", "reinvocationPolicy",
        "matchPolicy")} == {
            "admissionReviewVersions": ["v1"], "sideEffects": "None", "failurePolicy": "Fail",
            "timeoutSeconds": 5, "reinvocationPolicy": "IfNeeded", "matchPolicy": "Equivalent"}
    assert WEBHOOK["rules"] == [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"],
                                 "resources": ["pods"], "scope": "Namespaced"}]
    assert WEBHOOK["objectSelector"] == {
        "matchLabels": CHART_LABEL,
        "matchExpressions": [{"key": "code-executor-webhook/mode", "operator": "NotIn", "values": ["off"]}]}
    assert WEBHOOK["namespaceSelector"] == {"matchExpressions": [
        {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [NAME, "kube-system"]}]}


def test_no_manifest_has_a_ca_bundle():
    for path in YAML:
        for document in yaml.safe_load_all(path.read_text()):
            assert not any("caBundle" in each for each in walk(document)), path


def test_the_pod_outlives_its_drain():
    server = CONFIG["server"]
    delay, drain = seconds(server["shutdownDelay"]), seconds(server["drainTimeout"])
    assert POD["terminationGracePeriodSeconds"] > delay + drain
    readiness = CONTAINER["readinessProbe"]
    assert readiness["periodSeconds"] * readiness["failureThreshold"] < delay  # endpoints go first


def test_a_rollout_loses_no_replica():
    assert DEPLOYMENT["spec"]["replicas"] == 2
    assert DEPLOYMENT["spec"]["strategy"] == {
        "type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}
    assert one("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    assert {each["topologyKey"] for each in POD["topologySpreadConstraints"]} == {
        "kubernetes.io/hostname", "topology.kubernetes.io/zone"}


def test_the_pod_is_as_unprivileged_as_its_namespace_demands():
    enforced = one("Namespace")["metadata"]["labels"]["pod-security.kubernetes.io/enforce"]
    assert enforced == "restricted"
    pod, container = POD["securityContext"], CONTAINER["securityContext"]
    assert pod["runAsNonRoot"] is True and pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["runAsUser"] == pod["runAsGroup"] == pod["fsGroup"] == 65532
    assert container["readOnlyRootFilesystem"] is True
    assert container["allowPrivilegeEscalation"] is False and not container.get("privileged")
    assert container["capabilities"] == {"drop": ["ALL"]}
    assert not {"hostNetwork", "hostPID", "hostIPC"} & POD.keys()
    assert {"cpu", "memory"} == CONTAINER["resources"]["requests"].keys()


def mounted(pod, name):
    """(volume, mountPath) of the pod's volume `name`."""
    (volume,) = [each for each in pod["volumes"] if each["name"] == name]
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == name]
    assert mount["readOnly"] and "subPath" not in mount
    return volume, mount["mountPath"]


def test_the_configuration_is_mounted_where_the_program_looks():
    volume, path = mounted(POD, "config")
    (generator,) = KUSTOMIZATION["configMapGenerator"]
    assert generator["options"]["disableNameSuffixHash"] and generator["files"] == ["config.yaml"]
    assert volume["configMap"]["name"] == generator["name"]
    assert CONTAINER["args"] == ["serve", f"--config={path}/config.yaml"]


def test_cert_managers_pair_is_mounted_where_the_program_looks():
    component = MANIFESTS / "components/cert-manager"
    pod = one("Deployment", component)["spec"]["template"]["spec"]
    volume, path = mounted(pod, "tls")
    assert volume["secret"]["secretName"] == one("Certificate", component, NAME)["spec"]["secretName"]
    assert pod["containers"][0]["name"] == CONTAINER["name"]
    assert pod["containers"][0]["args"] == CONTAINER["args"] + [
        f"--tls-cert={path}/tls.crt", f"--tls-key={path}/tls.key"]
    tls = CONFIG["server"]["tls"]
    assert (tls["certFile"], tls["keyFile"]) == (f"{path}/tls.crt", f"{path}/tls.key")


def test_managed_certificates_are_the_default_and_for_what_is_installed():
    assert CONFIG["server"]["tls"]["source"] == "managed"
    assert MANAGED["serviceName"] == WEBHOOK["clientConfig"]["service"]["name"]
    assert MANAGED["webhookConfigurationName"] == WEBHOOK_CONFIGURATION["metadata"]["name"]


def test_the_bundle_policy_holds_the_account_of_the_deployment():
    policy = one("ValidatingAdmissionPolicy", name=f"{NAME}-bundle")["spec"]
    account = f"system:serviceaccount:{one('Namespace')['metadata']['name']}:{POD['serviceAccountName']}"
    assert [each["expression"] for each in policy["matchConditions"]] == [f"request.userInfo.username == '{account}'"]
    assert policy["failurePolicy"] == "Fail"
    binding = one("ValidatingAdmissionPolicyBinding", name=f"{NAME}-bundle")["spec"]
    assert binding == {"policyName": f"{NAME}-bundle", "validationActions": ["Deny"]}


def test_cert_manager_issues_for_the_service_and_injects_its_ca():
    component = MANIFESTS / "components/cert-manager"
    certificate = one("Certificate", component, NAME)
    service = WEBHOOK["clientConfig"]["service"]
    assert f"{service['name']}.{service['namespace']}.svc" in certificate["spec"]["dnsNames"]
    injected = one("MutatingWebhookConfiguration", component)["metadata"]
    assert injected["name"] == WEBHOOK_CONFIGURATION["metadata"]["name"]
    assert injected["annotations"] == {"cert-manager.io/inject-ca-from": f"{NAME}/{NAME}"}
    authority = one("Certificate", component, certificate["spec"]["issuerRef"]["name"])["spec"]
    issuer = one("Issuer", component, certificate["spec"]["issuerRef"]["name"])["spec"]
    assert issuer["ca"]["secretName"] == authority["secretName"] and authority["isCA"] is True
    assert authority["secretName"] != MANAGED["secretName"], "the webhook may read and write that one"
    assert "selfSigned" in one("Issuer", component, authority["issuerRef"]["name"])["spec"]
    assert seconds(certificate["spec"]["duration"]) > 2 * seconds(certificate["spec"]["renewBefore"])


def relative(folder):
    return str(folder.relative_to(MANIFESTS))


def is_buildable(folder):
    """A component is built only as part of an overlay."""
    return yaml.safe_load((folder / "kustomization.yaml").read_text())["kind"] == "Kustomization"


@pytest.mark.parametrize("folder", KUSTOMIZATIONS, ids=relative)
def test_each_kustomization_lists_what_is_there(folder):
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    listed = (kustomization.get("resources", []) + kustomization.get("components", [])
              + [patch["path"] for patch in kustomization.get("patches", []) if "path" in patch]
              + [name for generator in kustomization.get("configMapGenerator", [])
                 for name in generator["files"]])
    listed = [each.split("=")[-1] for each in listed]  # KEY=FILE
    assert all((folder / each).exists() for each in listed)
    there = {path.name for path in folder.iterdir() if path.suffix in (".yaml", ".json")} - {"kustomization.yaml"}
    assert there <= set(listed)


def test_components_are_what_kustomize_calls_so():
    for folder in KUSTOMIZATIONS:
        assert is_buildable(folder) == (folder.parent.name != "components"), relative(folder)


@pytest.mark.parametrize("folder", filter(is_buildable, KUSTOMIZATIONS), ids=relative)
def test_each_kustomization_builds(build, folder):
    made = {(each["kind"], each["metadata"]["name"]): each for each in build(folder)}
    assert made
    if ("Deployment", NAME) in made:
        image = made["Deployment", NAME]["spec"]["template"]["spec"]["containers"][0]["image"]
        assert image == f"{KUSTOMIZATION['images'][0]['newName']}:{KUSTOMIZATION['images'][0]['newTag']}"
        assert made["ConfigMap", NAME]["data"]["config.yaml"] == (BASE / "config.yaml").read_text()
    if folder.name == "policy":
        assert ("MutatingAdmissionPolicy", NAME) in made and ("Deployment", NAME) not in made
    elif folder.parent.name == "overlays":
        annotations = made["MutatingWebhookConfiguration", NAME]["metadata"]["annotations"]
        assert annotations["cert-manager.io/inject-ca-from"] == f"{NAME}/{NAME}"
        for kind, unused in (("Role", "secrets"), ("ClusterRole", "mutatingwebhookconfigurations")):
            rules = one(kind)["rules"]
            kept = [rule for rule in rules if unused not in rule.get("resources", [])]
            assert made[kind, NAME]["rules"] == kept and len(kept) == len(rules) - 1


def test_no_key_or_certificate_is_in_the_tree():
    assert not [path for path in MANIFESTS.rglob("*") if path.suffix in (".key", ".crt", ".pem")]
    assert not [path for path in YAML if "PRIVATE KEY" in path.read_text()]
