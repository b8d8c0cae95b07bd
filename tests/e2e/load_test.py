"""Many pods at once through a real API server."""

import concurrent.futures
import http.client
import json
import re
import ssl
import time

from control_plane import TOKEN
from pods import is_sandboxed, pod

PODS, CLIENTS = 500, 50
OURS = 'name="sandbox.code-executor-webhook.io"'


def seconds_of_webhook(plane):
    """(sum, count) of the time that the API server spent on us."""
    page = plane.get("/metrics").decode()
    return [sum(float(value) for labels, value in re.findall(
        rf"^apiserver_admission_webhook_admission_duration_seconds_{part}{{(.*)}} (\S+)$", page, re.M)
        if OURS in labels) for part in ("sum", "count")]


def test_500_pods_by_50_clients(plane, webhook, minor, namespace, figures):
    context = ssl.create_default_context(cafile=plane.ca_file)
    context.check_hostname = False
    took = []

    def client(number):
        connection = http.client.HTTPSConnection("127.0.0.1", plane.port, context=context, timeout=120)
        stored = []
        for turn in range(PODS // CLIENTS):
            began = time.monotonic()
            connection.request(
                "POST", f"/api/v1/namespaces/{namespace}/pods", json.dumps(pod(f"load-{number}-{turn}")),
                {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"})
            response = connection.getresponse()
            body = response.read()
            took.append(time.monotonic() - began)
            assert response.status == 201, body
            stored.append(json.loads(body))
        connection.close()
        return stored

    theirs, ours = seconds_of_webhook(plane), webhook.metrics()
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        made = [each for stored in pool.map(client, range(CLIENTS)) for each in stored]
    assert len(made) == PODS
    if minor >= 33:
        assert all(map(is_sandboxed, made))
    theirs_after, ours_after = seconds_of_webhook(plane), webhook.metrics()
    count = theirs_after[1] - theirs[1]
    assert count >= PODS
    grown = {name: value - ours[name] for name, value in ours_after.items() if "_duration_seconds_" in name}
    assert grown["request_duration_seconds_count"] == count, "both histograms count the same calls"
    assert grown["admission_duration_seconds_count"] == count
    answered, decided = grown["request_duration_seconds_sum"], grown["admission_duration_seconds_sum"]
    assert answered >= decided, "from the first byte on: the decision is a part of it"
    figures.append(
        f"{PODS} pods by {CLIENTS} clients: {count:.0f} calls, {count / PODS:g} a pod; each took "
        f"{(theirs_after[0] - theirs[0]) / count * 1e3:.2f} ms by the API server's histogram, "
        f"{answered / count * 1e3:.3f} ms by ours, {decided / count * 1e3:.3f} of them to decide; a create took {sum(took) / PODS * 1e3:.0f} ms by its client's clock")
