"""Pods that differ in one thing from one that is sandboxed: what random pods seldom come to."""

import copy

from policy_pods import LEGACY

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
CHART = {"privileged": True}


def bare(stored):
    """A pod to be created like one that was stored, without the token that every pod gets."""
    metadata = {key: value for key, value in stored["metadata"].items() if key in ("labels", "annotations")}
    spec = copy.deepcopy(stored["spec"])
    token = next(v["name"] for v in spec["volumes"] if v["name"].startswith("kube-api-access-"))
    spec["volumes"] = [v for v in spec["volumes"] if v["name"] != token] + [
        {"name": name, "emptyDir": {}} for name in ("tmp", "kube-api-access-aaaaa", "kube-api-access-bbbbb")]
    for container in spec["containers"] + spec["initContainers"]:
        container["volumeMounts"] = [m for m in container["volumeMounts"] if m["name"] != token]
    spec["automountServiceAccountToken"] = False
    # By which it is seen whether the container was edited or written anew.
    spec["initContainers"][0]["resources"] = {"limits": {"cpu": "1", "memory": "1Gi"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", **copy.deepcopy(metadata)}, "spec": spec}


def near_misses(stored, target="code-executor"):
    """[pod], made of one that the webhook sandboxed."""
    made = []

    def add(change):
        pod = bare(stored)
        change(pod, pod["spec"])
        made.append(pod)

    def installer(**members):
        add(lambda _, spec: spec["initContainers"][0].update(members))

    def mounts(change):
        add(lambda _, spec: change(spec["initContainers"][0]["volumeMounts"]))

    add(lambda *_: None)
    for value in ("/x", "/dev/termination-log", "File"):
        installer(terminationMessagePath=value)
        installer(workingDir=value)
    installer(terminationMessagePolicy="FallbackToLogsOnError")
    installer(env=[{"name": "A", "value": "b"}])
    installer(args=["x"])
    installer(command=["x"])
    installer(securityContext={})
    installer(image="mirror.example/b" + stored["spec"]["initContainers"][0]["image"][-72:])
    installer(image="evil:1")

    token = {"name": "kube-api-access-aaaaa", "readOnly": True, "mountPath": TOKEN_PATH}
    tokens = [{**token, **change} for change in ({}, {"name": "tmp"}, {"subPath": "x"}, {"mountPath": "/m"}, {"readOnly": False})]
    tokens.append({"name": token["name"], "mountPath": TOKEN_PATH, "subPath": "x"})  # three members, too
    for at in range(3):
        for each in tokens:
            mounts(lambda there, at=at, each=each: there.insert(at, each))
            if at:
                add(lambda _, spec, at=at, each=each: (spec["initContainers"][0]["volumeMounts"].insert(at, each),
                                                       spec["initContainers"][0].update(command=["x"])))
    mounts(lambda there: there.extend([token, {**token, "name": "kube-api-access-bbbbb"}]))
    # Around the number of edits from which on it is written anew.
    for count in range(28, 36):
        more = [{"name": "tmp", "mountPath": f"/more{number}"} for number in range(count)]
        mounts(lambda there, more=more: there.extend(more))
        mounts(lambda there, more=more: there.__setitem__(slice(None), there[::-1] + more))
        add(lambda _, spec, more=more: (spec["initContainers"][0]["volumeMounts"].extend(more),
                                        spec["initContainers"][0].update(command=["x"], env=[{"name": "A"}], image="evil:1")))
    mounts(lambda there: there.clear())
    mounts(lambda there: there.pop())

    ours = [("seccomp-profile", {"configMap": {"name": "other"}}), ("host-seccomp", {"hostPath": {"path": "/dev"}}),
            ("host-seccomp", {"hostPath": {"path": "/"}}), ("host-seccomp", {"emptyDir": {}})]
    for name, source in ours:
        def at(spec, name=name):
            return next(i for i, v in enumerate(spec["volumes"]) if v["name"] == name)
        add(lambda _, spec, name=name, source=source, at=at: spec["volumes"].__setitem__(at(spec), {"name": name, **source}))
        add(lambda _, spec, name=name, source=source: spec["volumes"].append({"name": name, **source}))
        add(lambda _, spec, name=name, source=source: spec["volumes"].insert(0, {"name": name, **source}))
        add(lambda _, spec, at=at: spec["volumes"].append(copy.deepcopy(spec["volumes"][at(spec)])))
        add(lambda _, spec, at=at: spec["volumes"].pop(at(spec)))
        for context in (None, {}, CHART):  # by a container beside it
            add(lambda _, spec, name=name, source=source, at=at, context=context: (
                spec["volumes"].__setitem__(at(spec), {"name": name, **source}),
                spec["containers"].append({"name": "side", "image": "i", "volumeMounts": [{"name": name, "mountPath": "/s"}]}),
                context is not None and spec["containers"][0].update(securityContext=context)))
    add(lambda _, spec: (spec["initContainers"][0].update(command=["x"]), spec["containers"].append(
        {"name": "side", "image": "i", "volumeMounts": [{"name": "host-seccomp", "mountPath": "/s"}]})))
    for count in (1, 16, 17, 18):
        add(lambda _, spec, count=count: spec["initContainers"].extend(copy.deepcopy(spec["initContainers"][:1]) * count))
        add(lambda _, spec, count=count: spec["volumes"].extend([v for v in spec["volumes"] if v["name"] == "host-seccomp"] * count))

    add(lambda _, spec: spec.pop("hostUsers"))
    add(lambda _, spec: spec.update(hostUsers=True))
    add(lambda pod, _: pod["metadata"]["annotations"].pop("checksum/seccomp"))
    add(lambda pod, _: pod["metadata"]["annotations"].update({"code-executor-webhook/nsjail-seccomp.json": "{}"}))
    add(lambda _, spec: spec["initContainers"].insert(0, {"name": "first", "image": "i"}))
    add(lambda _, spec: spec.update(initContainers=[]))
    add(lambda _, spec: spec["containers"].append({"name": "install-seccomp", "image": "i"}))

    # The same with a context that is not ours, by which a name is somebody else's.
    for pod in list(made):
        for labels in ({}, {"code-executor-webhook/mode": "sandbox"}):
            other = copy.deepcopy(pod)
            (container,) = (c for c in other["spec"]["containers"] if c["name"] == target)
            container["securityContext"] = dict(CHART)
            other["metadata"]["labels"] = {**other["metadata"].get("labels", {}), **labels}
            made.append(other)
    # What stands in the way of a pod that insists, and what it would have to leave out.
    context = next(c for c in stored["spec"]["containers"] if c["name"] == target)["securityContext"]
    insists = {"code-executor-webhook/mode": "sandbox"}
    for labels, contexts in (({}, [context, {**context, "runAsUser": 1000}]),
                             (insists, [None, context, CHART, {**CHART, "runAsUser": 1000}, {"privileged": False}])):
        for each in contexts:
            for env in ([], [{"name": "CONTAINER_UNPRIVILEGED_MODE", "value": "true"}]):
                for host_users in ({}, {"hostUsers": False}):
                    for more in ({}, {"securityContext": {"fsGroup": 70000}}):
                        for name in (target, "other"):
                            made.append({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod", "labels": labels}, "spec": {
                                **host_users, **more, "containers": [
                                    {"name": name, "image": "i", "env": env, **({"securityContext": each} if each else {})}]}})
    for profile in ("unconfined", "runtime/default", "localhost/x"):
        for each in (CHART, {**CHART, "runAsUser": 1000}, {**context, "runAsUser": 1000}):
            made.append({"apiVersion": "v1", "kind": "Pod", "metadata": {
                "name": "pod", "labels": insists, "annotations": {LEGACY + target: profile}},
                "spec": {"hostUsers": False, "containers": [{"name": target, "image": "i", "securityContext": each}]}})
    # And without nsjail, where the context decides what is left to say.
    for context in (None, CHART, {"privileged": False}):
        for members in ({}, {"hostNetwork": True}, {"hostUsers": True}):
            for env in ("true", "false"):
                for annotations in ({}, {LEGACY + target: "unconfined"}):
                    for labels in ({}, {"code-executor-webhook/mode": "sandbox"}):
                        made.append({"apiVersion": "v1", "kind": "Pod", "metadata": {
                            "name": "pod", "labels": labels, "annotations": annotations}, "spec": {**members, "containers": [
                                {"name": target, "image": "i", "env": [{"name": "CONTAINER_UNPRIVILEGED_MODE", "value": env}],
                                 **({"securityContext": context} if context else {})}]}})
    return made
