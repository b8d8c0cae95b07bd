"""Pods on which the webhook and the policies must agree: those of tests/golden, and random ones."""

import copy
import hashlib
import json

import yaml

from installed import ROOT

CASES = ROOT / "tests/golden/cases"
SCRIPT = (ROOT / "src/admission/install_seccomp.sh").read_text()
PROFILE = '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[]}'
DIGEST = hashlib.sha256(PROFILE.encode()).hexdigest()
# Of the golden files, for which no profile has to be valid.
PROFILE_OF_GOLDEN = '{"defaultAction":"SCMP_ACT_ERRNO"}'
DIGEST_OF_GOLDEN = hashlib.sha256(PROFILE_OF_GOLDEN.encode()).hexdigest()
MODE = "code-executor-webhook/mode"
LEGACY = "container.apparmor.security.beta.kubernetes.io/"
TOKEN = {"name": "kube-api-access-abcde", "readOnly": True, "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}


def golden_cases():
    """[(name, configuration, pod)] of what an API server could be asked to create. What the configuration says of the
    cluster and its nodes is left out: where a policy runs, pods can be sandboxed."""
    cases = []
    for case in sorted(CASES.iterdir()):
        text = (case / "review.json").read_text()
        for old, new in ((json.dumps("<install_seccomp.sh>"), json.dumps(SCRIPT)), (DIGEST_OF_GOLDEN, DIGEST),
                         (json.dumps(PROFILE_OF_GOLDEN), json.dumps(PROFILE))):
            text = text.replace(old, new)
        request = json.loads(text)["request"]
        if request["operation"] != "CREATE" or request["kind"]["kind"] != "Pod" or request.get("subResource"):
            continue
        config = yaml.safe_load((case / "config.yaml").read_text())
        config.pop("cluster", None)
        for key in ("minimumKubernetesVersion", "nodeFallback"):
            (config.get("sandbox") or {}).pop(key, None)
        cases.append((case.name, {key: value for key, value in config.items() if value}, created(request["object"])))
    return cases


def created(pod):
    """`pod` as an API server takes it: it must have a name, volumes for its devices, no service account beside a mirror's
    annotation, and only keys and values that are valid."""
    pod = copy.deepcopy(pod)
    metadata = pod["metadata"] = pod.get("metadata") or {}
    metadata.pop("namespace", None)
    metadata.pop("generateName", None)
    metadata["name"] = "pod"
    annotations = metadata.get("annotations") or {}
    spec = pod.get("spec")
    if not isinstance(spec, dict):
        return pod
    if "kubernetes.io/config.mirror" in annotations:
        spec.pop("serviceAccountName", None)
        spec["nodeName"] = "node"
    if annotations:
        metadata["annotations"] = {k: v for k, v in annotations.items() if "~" not in k and k.isascii()}
        for key in annotations:
            name = key.removeprefix(LEGACY)
            if key != name and all(c["name"] != name for c in spec.get("containers") or []):
                spec["containers"].append({"name": name, "image": "i"})
    if mode := (metadata.get("labels") or {}).get(MODE):
        metadata["labels"][MODE] = "".join(c if c.isalnum() and c.isascii() else "." for c in mode).strip(".")[:63]
    if any(c.get("volumeDevices") for c in (spec.get("containers") or []) + (spec.get("initContainers") or [])):
        volumes = spec["volumes"] = spec.get("volumes") or []
        devices = {d["name"] for c in spec["containers"] + (spec.get("initContainers") or [])
                   for d in c.get("volumeDevices") or []}
        volumes += [{"name": name, "persistentVolumeClaim": {"claimName": name}}
                    for name in sorted(devices - {v["name"] for v in volumes})]
    return pod


class Generator:
    """Random pods around what `sandboxed`, a pod that the webhook made, has; `r` is a random.Random."""

    def __init__(self, r, sandboxed, target):
        self.r, self.target = r, target
        spec = sandboxed["spec"]
        self.context = next(c for c in spec["containers"] if c["name"] == target)["securityContext"]
        self.volumes = spec.get("volumes", [])
        self.installer = spec.get("initContainers", [None])[0]
        self.annotations = sandboxed["metadata"]["annotations"]

    def pod(self):
        r = self.r
        names = [self.target if r.random() < .95 else "other",
                 *r.sample(["a", "b", "istio-proxy"], r.choice([0, 0, 1, 2]))]
        r.shuffle(names)
        if r.random() < .02:
            names.append("install-seccomp")
        spec = {"containers": [self.container(name) for name in names], "volumes": self.some_volumes()}
        if inits := self.some_init_containers():
            spec["initContainers"] = inits
        elif r.random() < .1:
            spec["initContainers"] = r.choice([[], None])
        if r.random() < .3:
            spec["hostUsers"] = r.choice([True, False, False, None])
        # The API takes an unmasked /proc in a user namespace only.
        if any("procMount" in (c.get("securityContext") or {}) for c in spec["containers"]) and r.random() < .8:
            spec["hostUsers"] = False
        for field in ("hostNetwork", "hostPID", "hostIPC"):
            if r.random() < .03:
                spec[field] = r.random() < .7
        if r.random() < .03:
            spec["os"] = {"name": r.choice(["windows", "linux"])}
        if r.random() < .15:
            spec["securityContext"] = r.choice([
                {}, {"runAsUser": 1000}, {"fsGroup": 70000}, {"fsGroup": 65535}, {"supplementalGroups": [1, 65536]},
                {"seccompProfile": {"type": "RuntimeDefault"}}, {"runAsGroup": 131072}])
        return {"apiVersion": "v1", "kind": "Pod", "metadata": self.metadata(spec), "spec": spec}

    def metadata(self, spec):
        r, labels, annotations = self.r, {}, {}
        if r.random() < .5:
            labels["app"] = "a"
        if r.random() < .4:
            labels[MODE] = r.choice(["sandbox"] * 5 + ["off", "", "Off", "x" * r.choice([1, 23, 24, 25, 63])])
        for key, value in self.annotations.items():
            if r.random() < .15:
                annotations[key] = r.choice([value, value, "stale", ""])
        if r.random() < .08:
            annotations["code-executor-webhook/nsjail-seccomp.json"] = r.choice([PROFILE, "{}"])
        if r.random() < .1:
            annotations[LEGACY + self.target] = r.choice(["unconfined", "runtime/default", "localhost/x"])
        if r.random() < .02:
            annotations["kubernetes.io/config.mirror"] = "x"
            spec["nodeName"] = "node"
        if r.random() < .3:
            annotations["example.com/a"] = "ü~/\"\\\n☃"
        return {"name": "pod", **({"labels": labels} if labels else {}),
                **({"annotations": annotations} if annotations or r.random() < .1 else {})}

    def container(self, name):
        r = self.r
        container = {"name": name, "image": r.choice(["a:1", "x/y@sha256:" + "0" * 64])}
        if name == self.target or r.random() < .4:
            if (context := self.some_context(name)) is not None:
                container["securityContext"] = context
        if r.random() < .2:
            container["env"] = [
                r.choice([{"name": n, "value": r.choice(["true", "true", "false", ""])},
                          {"name": n, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}])
                for n in r.choices(["A", "CONTAINER_UNPRIVILEGED_MODE"], [1, 2], k=r.choice([1, 1, 2]))]
        if r.random() < .02:
            container["volumeDevices"] = [{"name": "data", "devicePath": "/dev/x"}]
        mounts = [self.some_mount() for _ in range(r.choice([0, 0, 1, 2]))]
        if mounts:
            container["volumeMounts"] = mounts
        if r.random() < .3:
            container["resources"] = {"limits": {"cpu": "1"}}
        return container

    def some_mount(self):
        r = self.r
        mount = {"name": r.choice(["tmp", "out", "out", "out2"]), "mountPath": f"/m{r.randrange(10 ** 6)}"}
        if r.random() < .05:
            mount["name"] = r.choice(["seccomp-profile", "host-seccomp", "host-seccomp"])
        if r.random() < .35:
            mount |= r.choice([{"subPath": "dev"}, {"subPath": "shm"}, {"subPath": "./kubelet/"}, {"subPath": "proc//1"},
                               {"subPathExpr": "sys/$(A)"}, {"subPathExpr": "sy$(A)/x"}, {"subPathExpr": "dev"},
                               {"subPathExpr": "shm/$(A)"}, {"readOnly": True}])
        return mount

    def some_context(self, name):
        r = self.r
        if name != self.target:
            return r.choice([{}, {"privileged": True}, {"runAsUser": 65536}, {"runAsGroup": 65535}, {"runAsUser": 1}])
        x = r.random()
        if x < .25:
            return r.choice([None, None, {}])
        if x < .5:
            context = {"privileged": True}
        elif x < .8:
            context = copy.deepcopy(self.context)
            if r.random() < .4:
                context["seccompProfile"] = r.choice([
                    {"type": "Localhost", "localhostProfile": path} for path in (
                        "profiles/nsjail-seccomp.json", f"profiles/nsjail-seccomp-{'a' * 64}.json",
                        f"profiles/nsjail-seccomp-{'a' * 64}.txt", f"profiles/nsjail-seccomp-{'a' * 63}.json", f"profiles/nsjail-seccomp-{'A' * 64}.json",
                        f"x/{'a' * 64}/y-{'a' * 64}'s", f"x/{'a' * 64}/y-{'b' * 64}'s")] + [{"type": "RuntimeDefault"}])
            if r.random() < .4:
                context["appArmorProfile"] = r.choice([
                    {"type": "Unconfined"}, {"type": "RuntimeDefault"}, {"type": "Localhost", "localhostProfile": "o"}])
            elif r.random() < .3:
                context.pop("appArmorProfile", None)
            if r.random() < .15:
                self.change(context)
        else:
            context = r.choice([{"privileged": False}, {"procMount": "Default"}, {"allowPrivilegeEscalation": False},
                                {"capabilities": {}}, {"seccompProfile": {"type": "Unconfined"}},
                                {"seccompProfile": {"type": "Localhost", "localhostProfile": "x"}},
                                {"privileged": True, "capabilities": {"add": ["SYS_ADMIN"]}},
                                {"privileged": True, "capabilities": {"add": ["NET_ADMIN"]}},
                                {"privileged": True, "appArmorProfile": {"type": "Unconfined"}}])
        if r.random() < .3:
            context |= r.choice([{"runAsUser": 0}, {"runAsNonRoot": True, "runAsGroup": 65535}, {"runAsUser": 65536},
                                 {"readOnlyRootFilesystem": True}, {"seLinuxOptions": {"level": "s0"}},
                                 {"seLinuxOptions": {"type": "t"}}, {"seLinuxOptions": {}}])
        return context

    def some_volumes(self):
        r = self.r
        volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "tmp", "emptyDir": {}},
                   {"name": TOKEN["name"], "emptyDir": {}}]
        for name in ("out", "out2"):
            volumes.append({"name": name, **r.choice([
                {"emptyDir": {}}, {"emptyDir": {}}, {"emptyDir": {}}, {"nfs": {"server": "s", "path": "/"}},
                *({"hostPath": {"path": path}} for path in (
                    "/dev//fuse", "/./sys", "/dev/shm/", "/dev/shmx", "/device", "/", "/var/lib", "/proc", "/var/log",
                    "/var/lib/kubelet/seccomp", "/var/lib/kubelet/seccomp/profiles", "/mnt/kubelet/seccomp"))])})
        for ours in self.volumes:
            for _ in range(r.choice([0, 0, 0, 0, 1, 1, 2 if r.random() < .2 else 1])):
                volume = copy.deepcopy(ours)
                if r.random() < .25:
                    volume = {"name": ours["name"], **r.choice([
                        {"emptyDir": {}}, {"configMap": {"name": "other"}}, {"hostPath": {"path": "/"}}, {"hostPath": {"path": "/dev"}},
                        {"configMap": {"name": "other", "optional": True, "defaultMode": 256}}])}
                elif "configMap" in volume and r.random() < .2:
                    volume["configMap"] |= r.choice([{"defaultMode": 256}, {"defaultMode": 420}, {"optional": True}])
                elif r.random() < .2:
                    self.change({key: value for key, value in volume.items() if key != "name"})
                volumes.append(volume)
        r.shuffle(volumes)
        return volumes

    def some_init_containers(self):
        r = self.r
        containers = []
        for name in r.sample(["i1", "i2", "side"], r.choice([0, 0, 0, 1, 2])):
            container = self.container(name)
            if r.random() < .4:
                container["restartPolicy"] = "Always"
            containers.append(container)
        if self.installer:
            for _ in range(r.choice([0] * 10 + [1] * 5 + [2])):
                containers.insert(r.randint(0, len(containers)), self.some_installer())
        return containers

    def some_installer(self):
        r = self.r
        container = copy.deepcopy(self.installer)
        mounts = container["volumeMounts"]
        for _ in range(r.choice([0, 0, 1, 2])):
            match r.randrange(11):
                case 0 | 1:
                    mirror = "mirror.example/b" + container["image"][-72:]
                    container["image"] = r.choice([mirror, mirror, "evil:1", container["image"]])
                case 2:
                    container |= r.choice([{"imagePullPolicy": "Always"}, {"resources": {}}, {"restartPolicy": "Always"}])
                case 3:
                    container |= r.choice([{"env": [{"name": "PATH", "value": "x"}]}, {"args": ["x"]},
                                           {"lifecycle": {}}, {"stdin": True}, {"workingDir": "/"}])
                case 9:
                    container |= r.choice([{"terminationMessagePath": "/x"}, {"terminationMessagePolicy": "File"},
                                           {"terminationMessagePolicy": "FallbackToLogsOnError"}])
                case 4 | 5:
                    mounts.insert(r.randint(0, len(mounts)), copy.deepcopy(r.choice([
                        TOKEN, TOKEN, {**TOKEN, "readOnly": False}, {**TOKEN, "name": "tmp"}, {**TOKEN, "mountPath": "/m"},
                        {**TOKEN, "subPath": "x"}, {"name": "tmp", "mountPath": f"/m{r.randrange(99)}"}])))
                case 6:
                    for number in range(r.choice([1, 29, 30, 31, 32, 33, 40])):
                        mounts.append({"name": "tmp", "mountPath": f"/many{number}"})
                case 7:
                    mounts[:] = r.choice([[], mounts[::-1], mounts[:1], mounts[1:]])
                case 8:
                    container.pop(r.choice(["command", "securityContext", "volumeMounts"]), None)
                    container.setdefault("volumeMounts", mounts)
                case 10:
                    self.change({key: value for key, value in container.items() if key not in ("name", "image")})
        return container

    def change(self, value):
        """One thing somewhere in a JSON value is dropped, doubled or altered."""
        spots = []

        def walk(each):
            for key in each if isinstance(each, dict) else range(len(each)) if isinstance(each, list) else ():
                spots.append((each, key))
                walk(each[key])

        walk(value)
        if not spots:
            return
        where, key = self.r.choice(spots)
        old = where[key]
        if self.r.random() < .4:
            del where[key]
        elif isinstance(old, bool):
            where[key] = not old
        elif isinstance(old, int):
            where[key] = old + 1
        elif isinstance(old, str):
            where[key] = self.r.choice([old + "x", old.upper(), "Always"])
        elif isinstance(old, list) and old:
            where[key] = self.r.choice([old[::-1], old + old[:1], []])
        else:
            where[key] = {}

    def again(self, stored):
        """What came out, as if it were created anew from a backup, as it is or a little different."""
        metadata = {key: value for key, value in stored["metadata"].items() if key in ("labels", "annotations")}
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", **copy.deepcopy(metadata)},
               "spec": copy.deepcopy(stored["spec"])}
        if self.r.random() < .75:
            spec = pod["spec"]
            self.change(self.r.choice([
                spec, *[c for c in spec.get("initContainers", []) if c["name"] == "install-seccomp"] * 2,
                *[v for v in spec["volumes"] if "seccomp" in v["name"]], spec["containers"][0]]))
        return pod
