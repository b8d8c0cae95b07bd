"""The decision twice in one control plane: by the webhook in some namespaces, by the policies that `policy` prints in
others; and what each made of a pod, so that they can be compared."""

import base64
import functools
import http.client
import json
import re
import ssl
import subprocess
import threading

import yaml

from control_plane import TOKEN, wait_until
from installed import BINARY, WebhookServer
from policy_pods import PROFILE

API = "admissionregistration.k8s.io/v1"
REASON = "example.com/decision"  # by which the observing policy tells what was decided
KINDS = {"MutatingAdmissionPolicy": "mutatingadmissionpolicies",
         "MutatingAdmissionPolicyBinding": "mutatingadmissionpolicybindings",
         "ValidatingAdmissionPolicy": "validatingadmissionpolicies",
         "ValidatingAdmissionPolicyBinding": "validatingadmissionpolicybindings",
         "MutatingWebhookConfiguration": "mutatingwebhookconfigurations"}


@functools.cache
def printed(config_file, *flags):
    """The objects that `policy` prints."""
    done = subprocess.run([BINARY, "policy", "--config", str(config_file), *map(str, flags)], capture_output=True,
                          text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


def for_namespaces(objects, name, labels):
    """The policies under another name, for namespaces with `labels` only, and for pods with any labels."""
    made = []
    for each in objects:
        if each["metadata"]["name"].endswith("final-state"):
            continue
        each = json.loads(json.dumps(each).replace('"code-executor-webhook', f'"{name}', 1))
        each["metadata"]["name"] = each["metadata"]["name"].replace("code-executor-webhook", name)
        spec = each["spec"]
        if "policyName" in spec:
            spec["policyName"] = spec["policyName"].replace("code-executor-webhook", name)
        else:
            spec["matchConstraints"]["namespaceSelector"] = {"matchLabels": labels}
            spec["matchConstraints"].pop("objectSelector", None)
        made.append(each)
    return made


class Client:
    """Requests over connections that stay open, one for each thread."""

    def __init__(self, plane):
        self.plane, self.local = plane, threading.local()
        self.context = ssl.create_default_context(cafile=plane.ca_file)
        self.context.check_hostname = False

    def send(self, method, path, body=None):
        """(status, object, warnings, audit id)"""
        for attempt in range(2):
            connection = getattr(self.local, "connection", None)
            if connection is None:
                connection = self.local.connection = http.client.HTTPSConnection(
                    "127.0.0.1", self.plane.port, context=self.context, timeout=60)
            try:
                connection.request(method, path, json.dumps(body) if body is not None else None, {
                    "Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"})
                response = connection.getresponse()
                text = response.read()
                break
            except (OSError, http.client.HTTPException):
                self.local.connection = None
                if attempt:
                    raise
        warnings = [re.sub(r'^299 \S+ "(.*)"$', r"\1", line).replace('\\"', '"')
                    for line in response.headers.get_all("Warning", [])]
        return response.status, json.loads(text), warnings, response.headers["Audit-Id"]

    def put(self, each):
        """Makes the object what `each` says, whether or not it is there."""
        path = f"/apis/{API}/{KINDS[each['kind']]}"
        status, there, *_ = self.send("GET", f"{path}/{each['metadata']['name']}")
        if status == 200:
            metadata = {**each["metadata"], "resourceVersion": there["metadata"]["resourceVersion"]}
            status, answer, *_ = self.send("PUT", f"{path}/{each['metadata']['name']}", {**each, "metadata": metadata})
        else:
            status, answer, *_ = self.send("POST", path, each)
        assert status in (200, 201), answer
        return answer

    def delete(self, each):
        self.send("DELETE", f"/apis/{API}/{KINDS[each['kind']]}/{each['metadata']['name']}")


def plain(answer, namespace):
    """Without what differs from one request to the next."""
    text = json.dumps(answer, sort_keys=True).replace(f'"{namespace}"', '"NS"').replace(f"account {namespace}/", "account NS/")
    text = re.sub(r"kube-api-access-[a-z0-9]{5}\b", "kube-api-access-abcde", text)
    return json.loads(re.sub(r'"(uid|creationTimestamp|time|startTime)": "[^"]*"', r'"\1": "?"', text))


def words(message):
    """Of a refusal by us, without who refuses."""
    return re.sub(r"^admission webhook \S+ denied the request: |^pods \S+ is forbidden: ValidatingAdmissionPolicy '\S+' "
                  r"with binding '\S+' denied request: ", "", message)


def is_ours(answer):
    return answer[0] in (403, 422) and words(answer[1]["message"]) != answer[1]["message"]


def is_invalid(answer):
    return answer[0] == 422 and "is invalid" in answer[1]["message"]


def differences(webhook, policy, path="pod"):
    if type(webhook) is not type(policy):
        return [f"{path}: {webhook!r} | {policy!r}"]
    if isinstance(webhook, dict):
        return [line for key in sorted({*webhook, *policy}) for line in (
            differences(webhook[key], policy[key], f"{path}.{key}") if key in webhook and key in policy
            else [f"{path}.{key}: only by the {'webhook' if key in webhook else 'policy'}"])]
    if isinstance(webhook, list):
        if len(webhook) != len(policy):
            return [f"{path}: {len(webhook)} | {len(policy)} elements"]
        return [line for number, pair in enumerate(zip(webhook, policy))
                for line in differences(*pair, f"{path}[{number}]")]
    return [] if webhook == policy else [f"{path}: {webhook!r} | {policy!r}"]


def compare(webhook, policy):
    """What is different between two answers; nothing where a pod is refused with the same words, or by the API's own
    validation where the webhook, which is asked before it, has refused it."""
    if is_ours(webhook) and is_invalid(policy):
        return []
    if webhook[0] != policy[0]:
        return [f"status: {webhook[0]} {webhook[1].get('message')} | {policy[0]} {policy[1].get('message')}"]
    if webhook[0] == 201:
        return differences(webhook[1], policy[1])
    there = [(words(each[1]["message"]), each[1]["reason"]) for each in (webhook, policy)]
    return [] if there[0] == there[1] else [f"refusal: {there[0]} | {there[1]}"]


class Sides:
    """For each configuration a namespace of the webhook's, one of the policies', and one in which a policy only notes
    what it decides."""

    def __init__(self, plane, directory, keys, configs):
        self.client, self.servers, self.objects, self.configs = Client(plane), [], [], configs
        directory.mkdir(parents=True, exist_ok=True)
        self.profile = directory / "profile.json"
        self.profile.write_text(PROFILE)
        self.files = []
        try:
            self._install(directory, keys)
        except BaseException:
            self.close()
            raise

    def _install(self, directory, keys):
        plane = self.client.plane
        authority = base64.b64encode((keys / "ca.crt").read_bytes()).decode()
        version = re.match(r"v\d+\.\d+", plane.version["gitVersion"]).group()
        for number, config in enumerate(self.configs):
            file = directory / f"config-{number}.yaml"
            file.write_text(yaml.safe_dump(config))
            self.files.append(file)
            server = WebhookServer(keys, "--config", file, "--profile", self.profile, version=version)
            self.servers.append(server)
            for side in ("webhook", "policy", "observer"):
                self._make_namespace(f"{side}-{number}")
            self._put(webhook_configuration(f"equal-{number}", server.port, authority,
                                            {"kubernetes.io/metadata.name": f"webhook-{number}"}))
            for each in self.policies(number):
                self._put(each)
            self._put_observer(number)
        self._wait()

    def policies(self, number, change=None):
        """Those of a configuration, after `change`, from their text to another."""
        objects = for_namespaces(printed(self.files[number], "--profile", self.profile), f"equal-{number}",
                                 {"kubernetes.io/metadata.name": f"policy-{number}"})
        return [json.loads(change(json.dumps(each))) for each in objects] if change else objects

    def _put(self, each):
        self.client.put(each)
        self.objects.append(each)

    def _put_observer(self, number):
        labels = {"kubernetes.io/metadata.name": f"observer-{number}"}
        for each in for_namespaces(printed(self.files[number], "--profile", self.profile), f"observer-{number}", labels):
            if not each["kind"].startswith("Mutating"):
                continue
            if "mutations" in each["spec"]:
                said, key = "variables.outcome + ' ' + variables.reason", REASON.replace("/", "~1")
                each["spec"]["reinvocationPolicy"] = "Never"
                each["spec"]["mutations"][0]["jsonPatch"]["expression"] = (
                    "has(object.metadata.annotations) ? "
                    f"[JSONPatch{{op: 'add', path: '/metadata/annotations/{key}', value: {said}}}] : "
                    f"[JSONPatch{{op: 'add', path: '/metadata/annotations', value: {{'{REASON}': {said}}}}}]")
            self._put(each)

    def _make_namespace(self, name):
        status, answer, *_ = self.client.send("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        assert status == 201, answer
        for account in ("default", "retool"):
            status, answer, *_ = self.client.send(
                "POST", f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": account}})
            assert status in (201, 409), answer

    def _wait(self):
        """All are in force: each pod of a kind that all configurations treat in one way is treated so."""
        for number, config in enumerate(self.configs):
            target = config.get("target", {}).get("containerName", "code-executor")
            container = {"name": target, "image": "i"}
            plain_pod = {"metadata": {"name": "pod"}, "spec": {"containers": [container]}}
            conflict = {"metadata": {"name": "pod"}, "spec": {"containers": [
                container, {"name": "install-seccomp", "image": "i"}]}}
            for side in ("webhook", "policy"):
                wait_until(lambda s=side, n=number, p=plain_pod: self.send(s, n, p)[1].get("spec", {}).get(
                    "hostUsers") is False and is_ours(self.send(s, n, conflict)), f"{side} {number} is in force")
            wait_until(lambda n=number, p=plain_pod: REASON in self.send("observer", n, p)[1]["metadata"].get(
                "annotations", {}), f"observer {number} is in force")

    def send(self, side, number, pod):
        """(status, object without what always differs, warnings, audit id)"""
        namespace = f"{side}-{number}"
        status, answer, warnings, audit = self.client.send(
            "POST", f"/api/v1/namespaces/{namespace}/pods?dryRun=All", pod)
        return status, plain(answer, namespace), warnings, audit

    def decided(self):
        """{audit id: "outcome reason"} of what the webhook was asked."""
        found = {}
        with open(self.client.plane.audit_log) as log:
            for line in log:
                if '"webhook-' not in line:
                    continue
                event = json.loads(line)
                said = {key.rsplit("/", 1)[-1]: value for key, value in event.get("annotations", {}).items()
                        if key.startswith("equal-")}
                if "reason" in said:
                    found[event["auditID"]] = f"{said['outcome']} {said['reason']}"
        return found

    def close(self):
        for each in self.objects:
            self.client.delete(each)
        for server in self.servers:
            server.__exit__()


def webhook_configuration(name, port, authority, labels):
    return {
        "apiVersion": API, "kind": "MutatingWebhookConfiguration", "metadata": {"name": name},
        "webhooks": [{
            "name": f"{name}.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "timeoutSeconds": 30,
            "clientConfig": {"url": f"https://127.0.0.1:{port}/mutate", "caBundle": authority},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"],
                       "scope": "Namespaced"}],
            "namespaceSelector": {"matchLabels": labels}, "failurePolicy": "Fail", "matchPolicy": "Equivalent",
            "reinvocationPolicy": "IfNeeded"}]}
