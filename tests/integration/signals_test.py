#!/usr/bin/python3
"""What signals do while the server ends. Needs WEBHOOK_BINARY."""

import signal

import pytest

from webhook_server import WebhookServer


@pytest.fixture
def draining(keys, tmp_path):
    """A server that was asked to end, and takes its time."""
    config = tmp_path / "config.yaml"
    config.write_text("server: {shutdownDelay: 2s}")
    with WebhookServer(keys, "--config", config) as server:
        server.process.send_signal(signal.SIGTERM)
        server.wait_for_log("draining")
        yield server


def test_a_reload_during_the_drain_does_not_cut_it_short(draining):
    assert draining.stop(signal.SIGHUP) == 0
    assert draining.logged("stopped")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_second_signal_ends_it_at_once(draining, sent):
    assert draining.stop(sent) == -sent
    assert not draining.logged("stopped")
