"""What `code-executor-webhook policy` prints decides as the webhook does: the same pods, statuses, reasons and words, by
server-side dry run through both. E2E_POLICY=all takes thousands of random pods, E2E_SEED others."""

import concurrent.futures
import hashlib
import json
import os
import random
import re
import subprocess

import pytest

from control_plane import wait_until
from installed import BINARY, make_certificates
from policy_mutants import mutants
from policy_near_misses import near_misses
from policy_pods import PROFILE, Generator, golden_cases
from policy_sides import REASON, Sides, compare, for_namespaces, is_ours, printed

ALL = os.environ.get("E2E_POLICY") == "all"
SEED = int(os.environ.get("E2E_SEED", "1"))
PODS = 8000 if ALL else 200
CLIENTS = 4

GOLDEN = golden_cases()
DIGESTS = "x/{sha256}/y-{sha256}'s"
CONFIGS = [
    *{json.dumps(config, sort_keys=True): config for _, config, _ in GOLDEN}.values(),
    {"target": {"containerName": "jail"}, "sandbox": {
        "fallback": "deny", "replaceChartDefault": True, "seccomp": {"localhostProfile": DIGESTS}}},
    {"sandbox": {"fallback": "unchanged", "replaceChartDefault": True, "appArmorProfile": "",
                 "seccomp": {"delivery": "annotation"}}},
]

ALWAYS = {"unchanged mirror_pod", "unchanged windows", "unchanged opted_out", "denied name_conflict",
          "unchanged already_sandboxed", "sandboxed supported"}
OF_THE_TARGET = ["no_target_container", "runs_without_nsjail", "explicit_security_context"]
FALLBACKS = ["host_namespace", "host_users_requested", "raw_block_volume", "unmappable_volume", "unmapped_id"]
REACHABLE = ALWAYS | {f"{outcome} {reason}" for outcome in ("unchanged", "denied") for reason in OF_THE_TARGET} | {
    f"{outcome} {reason}" for outcome in ("unchanged", "denied", "privileged") for reason in FALLBACKS}


@pytest.fixture(scope="module")
def sides(minor, tmp_path_factory, request):
    if minor < 36:
        pytest.skip("mutating policies of v1 are served from 1.36 on")
    directory = tmp_path_factory.mktemp("policies")
    made = Sides(request.getfixturevalue("own_plane"), directory, make_certificates(directory / "keys"), CONFIGS)
    yield made
    made.close()


@pytest.fixture(scope="module")
def reached():
    """"outcome reason" of each decision of a policy, counted; filled by the tests, judged by the last."""
    return {}


def plain_warnings(answer):
    return sorted(re.sub(r"^Validation failed for ValidatingAdmissionPolicy '\S+' with binding '\S+': ", "", line)
                  for line in answer[2])


def warnings_differ(webhook, policy):
    """Nobody knows of a privileged pod that is stored whether it came so, nor of AppArmor's old annotation, which is a field
    by then. Pods that opt out are warned of here only: the selector of manifests/base leaves them out on both sides."""
    if any("opted out" in line or "metadata.annotations[container.apparmor" in line for line in webhook[2]):
        return None
    there = [[line for line in plain_warnings(each) if not line.startswith(
        ("code-executor stays privileged", "code-executor runs privileged"))] for each in (webhook, policy)]
    count = [len(each[2]) for each in (webhook, policy)]
    return f"warnings: {webhook[2]} | {policy[2]}" if there[0] != there[1] or count[0] != count[1] else None


def try_all(sides, pods, reached, compare_warnings=False):
    """What is wrong with what becomes of `pods`, [(name, number of the configuration, pod)], and the webhook's answers."""

    def one(each):
        name, number, pod = each
        webhook, policy, observer = (sides.send(side, number, pod) for side in ("webhook", "policy", "observer"))
        found = compare(webhook, policy)
        if compare_warnings and not found and webhook[0] == 201:
            found = [line for line in [warnings_differ(webhook, policy)] if line]
        seen = observer[1]["metadata"].get("annotations", {}).get(REASON) if observer[0] == 201 else None
        return [f"{name} ({number}): {line}" for line in found], webhook, seen

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        results = list(pool.map(one, pods))
    decided = sides.decided()
    wrong = []
    for (name, number, _), (found, webhook, seen) in zip(pods, results):
        wrong += found
        said = decided.get(webhook[3])
        if seen:
            reached[seen] = reached.get(seen, 0) + 1
            if said != seen:
                wrong.append(f"{name} ({number}): decided {said} | {seen}")
    return wrong, [webhook for _, webhook, _ in results]


def test_golden_pods(sides, reached):
    """Those of the rows also by the other fallbacks, so that no decision is left to chance."""
    pods = [(name, CONFIGS.index(config), pod) for name, config, pod in GOLDEN]
    pods += [(name, CONFIGS.index({"sandbox": {"fallback": fallback}}), pod) for fallback in ("unchanged", "deny")
             for name, config, pod in GOLDEN if name.startswith("row") and not config]
    wrong, _ = try_all(sides, pods, reached, True)
    assert not wrong, "\n".join(wrong)


def generators(sides, r):
    made = []
    for number, file in enumerate(sides.files):
        target = CONFIGS[number].get("target", {}).get("containerName", "code-executor")
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"},
               "spec": {"containers": [{"name": target, "image": "i"}]}}
        done = subprocess.run([BINARY, "mutate", "-f", "-", "-o", "json", "--config", file, "--profile", sides.profile,
                               "--kube-version", "1.37"], input=json.dumps(pod), capture_output=True, text=True, check=True)
        made.append(Generator(r, json.loads(done.stdout), target))
    return made


def random_pods(sides, r, count):
    makers = generators(sides, r)
    numbers = [r.randrange(len(CONFIGS)) for _ in range(count)]
    return makers, [(f"random-{i}", number, makers[number].pod()) for i, number in enumerate(numbers)]


def test_random_pods_and_what_came_of_them(sides, reached, figures):
    r = random.Random(SEED)
    wrong = []
    count, statuses = 0, {}
    while count < PODS:
        makers, pods = random_pods(sides, r, 200)
        found, answers = try_all(sides, pods, reached, True)
        wrong += found
        again = [(f"again-{name}", number, makers[number].again(answer[1]))
                 for (name, number, _), answer in zip(pods, answers) if answer[0] == 201]
        found, more = try_all(sides, again, reached, True)
        wrong += found
        count += len(pods) + len(again)
        for status, *_ in answers + more:
            statuses[status] = statuses.get(status, 0) + 1
        if len(wrong) > 20:
            break
    figures.append(f"{count} random pods (seed {SEED}) by webhook and policy: {len(wrong)} differences; {statuses}")
    assert not wrong, "\n".join(wrong[:40])


def test_every_decision_was_reached(sides, reached):
    assert set(reached) == REACHABLE, {"missing": REACHABLE - set(reached), "unforeseen": set(reached) - REACHABLE}


def test_the_old_apparmor_annotation_hides_no_denial(sides):
    """The API server makes a field of it before validating policies look."""
    number = next(n for n, config in enumerate(CONFIGS) if (config.get("sandbox") or {}) == {"fallback": "deny"})
    pod = {"metadata": {"name": "pod", "annotations": {
        "container.apparmor.security.beta.kubernetes.io/code-executor": "unconfined"}},
        "spec": {"hostNetwork": True, "containers": [{"name": "code-executor", "image": "i"}]}}
    webhook, policy = sides.send("webhook", number, pod), sides.send("policy", number, pod)
    assert webhook[0] == policy[0] == 403 and not compare(webhook, policy), (webhook, policy)


# What no pod that an API server takes can show, and why: these are not tried.
SAME = {
    r"^row 'already_sandboxed'": "its patch would be empty: that the decision is another, the observers see",
    r"^contextIsCurrent without variables\.contextIs ==": "no other context with our profile gets as far",
    r"^isUpToDate without variables\.contextIsCurrent": "likewise where all else is up to date, but for what edits the context",
    r"^seccompIsOurs without variables\.seccompIsCurrent": "its path is among those of ours",
    r"size\(\) == 2": "the type has no third member",
    r"^appArmorCanBeConfigured without": "the API demands the name for Localhost, and refuses it and other types elsewhere",
    r"== 'Localhost' &&$": "the API takes a path for no other type",
    r"size\(\) >= 88 &&": "substring() fails on a shorter one, and the other templates are asked all the same",
    r"orValue\(0\) < 0|id < 0": "the API refuses negative ids",
    r"^(profile|host)VolumesOurs without variables\.volumes\[i\]\.all": "a volume has one source",
    r"^hostVolumesOurs without && variables\.volumes\[i\]\['hostPath'\]\.all": "the type has no third member",
    r"^profileVolumesOurs without !\('defaultMode' in": "the API fills it in",
    r"^installer(s|Image)\w*Ours without variables\.\S+\.\?image\.orValue\(''\) ==": "it ends in the digest",
    r"^installerIsReplaced without (variables\.installer\.exists|(\|\| |&& )?(key == 'termin|variables\.installer\[key\] ==))":
        "the type has no field that is in neither list",
    r"^installerLeftOvers without && key in": "likewise",
    r"^installerLeftOvers without key in": "the list behind it has none of these",
    r"^(profile|host)VolumesOurs without && '\w+' in": "the API fills in what is missing, or refuses it",
    r"^(profile|host)VolumesOurs without .*\['name'\] == '(seccomp-profile|host-seccomp)'": "they were chosen by it",
    r"^reason without && !variables\.replaceChartDefault": "it is false in this configuration",
    r"^reason without variables\.hasContainerOfOurName": "the API refuses two containers of one name",
    r"^wouldFallBack without && !variables\.isPrivileged": "a context that is absent or ours is not privileged",
    r"^mutation without && !variables\.(profile|host)VolumesOurs\[0\]": "what is ours is written anew as it is",
    r"^mutation without variables\.contextIs != 'ours' &&": "one that is ours has AppArmor's setting, or gets it",
    r"^mutation without variables\.contextIs != 'ours' \|\|": "only one that is ours has the profile",
    r"^mutation without && !variables\.isPrivileged": "what falls back in this configuration has no context",
    r"<= 4096": "no path of that length is in these pods",
    r"^outsideVolumes without has\(v\.hostPath\)": "has() of a path that is not there is an error, as false",
}


def why_same(what):
    return next((why for pattern, why in SAME.items() if re.search(pattern, what)), None)


def put_in_force(sides, number, policy, mark):
    """`policy` acts in place of the one of that configuration: a pod that is called `mark` shows it."""
    expression = policy["spec"]["mutations"][0]["jsonPatch"]
    expression["expression"] = (
        f"object.metadata.name == '{mark}' ? [JSONPatch{{op: 'add', path: '/metadata/labels', value: {{'mark': '{mark}'}}}}]"
        f" : ({expression['expression']})")
    sides.client.put(policy)
    probe = {"metadata": {"name": mark}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    wait_until(lambda: sides.send("policy", number, probe)[1].get("metadata", {}).get("labels") == {"mark": mark},
               f"the policy {mark} is in force")


def test_what_is_left_out_is_noticed(sides, figures):
    """Each row, and with E2E_POLICY=all each fact and each part of an identity: without it some pod comes out otherwise."""
    number = CONFIGS.index({})
    r = random.Random(SEED)
    maker = generators(sides, r)[number]
    plain = {"metadata": {"name": "pod"}, "spec": {"containers": [{"name": "code-executor", "image": "i"}]}}
    near = near_misses(sides.send("webhook", number, plain)[1]) if ALL else []
    pods = [pod for _, config, pod in GOLDEN if not config] + [maker.pod() for _ in range(600 if ALL else 150)]

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(lambda pod: sides.send("webhook", number, pod), pods))
        again = [maker.again(answer[1]) for answer in answers if answer[0] == 201]
        answers += pool.map(lambda pod: sides.send("webhook", number, pod), again + near)
        known = [(pod, answer) for pod, answer in zip(pods + again + near, answers) if answer[0] == 201 or is_ours(answer)]
        known.reverse()  # the near misses first
        decided = sides.decided()

        def likely_first(what):
            """Those that the row decides on, which notice first that it is missing."""
            return sorted(known, key=lambda each: f"row '{decided.get(each[1][3], '').rpartition(' ')[2]}'" != what)

        def notices(part):
            return any(pool.map(lambda each: bool(compare(each[1], sides.send("policy", number, each[0]))), part))

        policy, survivors, count = sides.policies(number)[0], [], 0
        try:
            for what, mutant in mutants(policy, ALL):
                if why_same(what):
                    continue
                count += 1
                put_in_force(sides, number, mutant, f"mutant-{count}")
                tried = likely_first(what)
                if not any(notices(tried[start:start + 20]) for start in range(0, len(tried), 20)):
                    survivors.append(what)
        finally:
            put_in_force(sides, number, policy, "whole")
        assert not notices(known if ALL else known[:100]), "the whole policy differs"
    figures.append(f"{count} mutants of the policy, {len(survivors)} of them unnoticed by {len(known)} pods")
    assert not survivors, "\n".join(survivors)


HOSTILE = '{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[],"comment":"\N{SNOWMAN}\N{GRINNING FACE} \' \\" \\\\ \\n {{ }} $(A) \u2028"}'
LARGE = PROFILE[:-1] + ',"comment":"' + "x" * 110_000 + '"}'


@pytest.mark.parametrize(("name", "profile", "flags"), [
    ("literal", HOSTILE, []), ("param", LARGE, ["--param", "-n", "kube-system"])])
def test_the_profile_reaches_the_pod_as_it_is(sides, tmp_path, name, profile, flags):
    (tmp_path / "config.yaml").write_text("sandbox: {seccomp: {delivery: annotation}}")
    (tmp_path / "profile.json").write_text(profile)
    objects = printed(tmp_path / "config.yaml", "--profile", tmp_path / "profile.json", *flags)
    sides.client.send("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
    sides.client.send("POST", f"/api/v1/namespaces/{name}/serviceaccounts", {"metadata": {"name": "default"}})
    sides.client.send("POST", "/api/v1/namespaces/kube-system/configmaps", objects[0])
    policies = for_namespaces([each for each in objects if each["kind"] != "ConfigMap"], f"profile-{name}",
                              {"kubernetes.io/metadata.name": name})
    pod = {"metadata": {"name": "pod"}, "spec": {"containers": [{"name": "code-executor", "image": "i"}]}}

    def annotations():
        return sides.client.send("POST", f"/api/v1/namespaces/{name}/pods?dryRun=All", pod)[1].get("metadata", {}).get(
            "annotations")

    try:
        for each in policies:
            sides.client.put(each)
        made = wait_until(annotations, "the policy acts")
        assert made["code-executor-webhook/nsjail-seccomp.json"] == profile
        assert made["checksum/seccomp"] == hashlib.sha256(profile.encode()).hexdigest()
    finally:
        for each in policies:
            sides.client.delete(each)
