"""The queries of alerts and dashboard against what the real server exposes."""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from tree import BASE, CONFIG, CONTAINER, DEPLOYMENT, MANIFESTS, ROOT, one, port_of, section

sys.path.append(str(ROOT / "tests/integration"))
from webhook_server import WebhookServer, make_certificates  # noqa: E402

FOLDER = MANIFESTS / "monitoring"
PREFIX = "code_executor_webhook_"
RULES = one("PrometheusRule", FOLDER)["spec"]
DASHBOARD = json.loads((FOLDER / "dashboard.json").read_text())
CASES = yaml.safe_load(pathlib.Path(__file__).with_name("alerts.yaml").read_text())
QUERIES = ([rule["expr"] for group in RULES["groups"] for rule in group["rules"]]
           + [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]])
ADDED_BY_PROMETHEUS = {"pod", "namespace", "container", "endpoint", "instance", "job"}
needs_promtool = pytest.mark.skipif(not shutil.which("promtool"), reason="no promtool (Debian: prometheus)")


@pytest.fixture(name="page", scope="module")
def scrape(tmp_path_factory):
    keys = make_certificates(tmp_path_factory.mktemp("tls"))
    with WebhookServer(keys) as server:
        return server.ops("/metrics").body.decode()


@pytest.fixture(name="exposed", scope="module")
def read_series(page):
    """{name: {label: {values}}} of the page."""
    series = {}
    for name, labels in re.findall(r"^(\w+)(?:\{(.*)\})? \S+$", page, re.M):
        known = series.setdefault(name, {})
        for label, value in re.findall(r'(\w+)="([^"]*)"', labels):
            known.setdefault(label, set()).add(value)
    return series


def promtool(*arguments, text=None):
    return subprocess.run(["promtool", *map(str, arguments)], input=text, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("query", QUERIES)
def test_queries_ask_for_series_that_the_server_exposes(exposed, query):
    selectors = re.findall(rf"({PREFIX}\w+)(?:\{{([^}}]*)\}})?", query)
    assert selectors
    labels = set()
    for name, matchers in selectors:
        assert name in exposed
        labels |= exposed[name].keys()
        for label, operator, value in re.findall(r'(\w+)(=~|!=|=)"([^"]*)"', matchers):
            pattern = value if operator == "=~" else re.escape(value)
            assert any(re.fullmatch(pattern, each) for each in exposed[name][label]), (label, value)
    for grouping in re.findall(r"by \(([^)]*)\)", query):
        assert set(grouping.split(", ")) <= labels | ADDED_BY_PROMETHEUS


def test_legends_and_texts_use_labels_that_their_queries_keep():
    texts = [(rule["expr"], " ".join(rule["annotations"].values()), r"\$labels\.(\w+)")
             for group in RULES["groups"] for rule in group["rules"]]
    texts += [(target["expr"], target["legendFormat"], r"\{\{(\w+)\}\}")
              for panel in DASHBOARD["panels"] for target in panel["targets"]]
    for query, text, pattern in texts:
        kept = {label for each in re.findall(r"by \(([^)]*)\)", query) for label in each.split(", ")}
        assert set(re.findall(pattern, text)) <= kept, text


def test_the_page_has_a_row_for_each_metric(page):
    exposed = {name.removeprefix(PREFIX): kind for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", page, re.M)}
    metrics = section("operations", "Metrics")
    assert dict(re.findall(r"^\| `(\w+)` \| (\w+) \|", metrics, re.M)) == exposed


def test_the_page_names_the_labels_of_each_metric(exposed):
    metrics = section("operations", "Metrics")
    for name, labels in re.findall(r"^\| `(\w+)` \| \w+ \| (.*?) ?\|", metrics, re.M):
        series = exposed.get(PREFIX + name, {})
        assert set(re.findall(r"`(\w+)`", labels)) == set(series), name


def test_the_pods_are_found_and_may_be_scraped():
    monitor = one("PodMonitor", FOLDER)["spec"]
    labels = DEPLOYMENT["spec"]["template"]["metadata"]["labels"]
    assert monitor["selector"]["matchLabels"].items() <= labels.items()
    (endpoint,) = monitor["podMetricsEndpoints"]
    ports = {port["name"]: port["containerPort"] for port in CONTAINER["ports"]}
    assert ports[endpoint["port"]] == port_of(CONFIG["server"]["opsListen"])
    rules = one("NetworkPolicy", BASE)["spec"]["ingress"]
    assert any({"port": ports[endpoint["port"]], "protocol": "TCP"} in rule["ports"] and "from" not in rule
               for rule in rules)
    assert endpoint["path"] == "/metrics" and endpoint["scheme"] == "http"


def test_panels_have_ids_of_their_own_and_do_not_overlap():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [(x, y) for panel in panels for place in [panel["gridPos"]]
             for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])]
    assert len(set(cells)) == len(cells) and max(x for x, _ in cells) < 24


@needs_promtool
def test_metrics_are_named_as_prometheus_wants_them(page):
    done = promtool("check", "metrics", text=page)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@needs_promtool
def test_the_rules_are_valid(tmp_path):
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(RULES))
    done = promtool("check", "rules", "--lint-fatal", tmp_path / "rules.yaml")
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_case():
    assert {case["alert"] for case in CASES} == {
        rule["alert"] for group in RULES["groups"] for rule in group["rules"]}


def fire(tmp_path, cases):
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(RULES))
    (tmp_path / "test.yaml").write_text(yaml.safe_dump(
        {"rule_files": ["rules.yaml"], "evaluation_interval": "1m", "tests": cases}))
    return promtool("test", "rules", tmp_path / "test.yaml")


def to_test(series, minutes, query, want):
    return {"interval": "1m",
            "input_series": [{"series": name, "values": values} for name, values in series.items()],
            "promql_expr_test": [{"expr": query, "eval_time": f"{minutes}m", "exp_samples": [
                {"labels": labels, "value": 1} for labels in want]}]}


@needs_promtool
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["alert"])
def test_alerts_fire_when_they_should(tmp_path, case):
    # Other alerts may fire too, where the case leaves their series out.
    query = f'ALERTS{{alertstate="firing",alertname="{case["alert"]}"}}'
    labels = f'ALERTS{{alertname="{case["alert"]}", alertstate="firing", {case["labels"]}}}'
    done = fire(tmp_path, [to_test(case["series"], case["quiet"], query, []),
                           to_test(case["series"], case["fires"], query, [labels])])
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_a_healthy_server_fires_nothing(tmp_path, page):
    series = {name: f"{value}x180" for name, value in re.findall(r"^(\w+(?:\{.*\})?) (\S+)$", page, re.M)}
    done = fire(tmp_path, [to_test(series, 170, "ALERTS", [])])
    assert done.returncode == 0, done.stdout + done.stderr
