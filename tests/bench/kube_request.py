"""The request that a kube-apiserver sends, header by header (k8s.io/apiserver, pkg/util/webhook), and its answer."""

import base64
import gzip
import json
import pathlib

REVIEW = pathlib.Path(__file__).with_name("review.json")

HEAD = (b"POST /mutate?timeout=10s HTTP/1.1\r\n"
        b"Host: code-executor-webhook.retool.svc:443\r\n"
        b"User-Agent: kube-apiserver-admission\r\n"
        b"Content-Length: %d\r\n"
        b"Accept: application/json, */*\r\n"
        b"Content-Type: application/json\r\n"
        b"Accept-Encoding: gzip\r\n"
        b"\r\n")


def to_request(body):
    return HEAD % len(body) + body


def join_chunks(body):
    whole = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        if int(size, 16) == 0:
            return whole
        whole, body = whole + body[:int(size, 16)], body[int(size, 16) + 2:]


def split_answer(answer):
    """The body of a 200, decoded; fails on any other."""
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    assert lines[0].startswith("HTTP/1.1 200"), lines[0]
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if headers.get("transfer-encoding") == "chunked":
        body = join_chunks(body)
    return gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body


def to_patch(body):
    """The JSON patch of an AdmissionReview that allows."""
    response = json.loads(body)["response"]
    assert response["allowed"] and response["patchType"] == "JSONPatch", response
    patch = response["patch"]
    # kube-core's bytes are a list of numbers, which Go takes for base64.
    return json.loads(bytes(patch) if isinstance(patch, list) else base64.b64decode(patch, validate=True))
