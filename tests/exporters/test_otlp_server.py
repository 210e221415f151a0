"""Runs that are sent by OTLP: requests of the SDK's exporters, decoded by the messages of the protocol."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from support.indexed import indexed_environment
from support.paths import ROOT

from contexta import Contexta

COLLECTOR = """
import gzip, json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

KINDS = {"/v1/traces": ExportTraceServiceRequest, "/v1/metrics": ExportMetricsServiceRequest}


class Collector(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        if REFUSES:
            self.send_response(400)
            self.end_headers()
            return
        message = MessageToDict(KINDS[self.path].FromString(body))
        print(json.dumps([self.path, message]), file=LOG, flush=True)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *arguments):
        pass


LOG, REFUSES = open(sys.argv[1], "a"), sys.argv[2] == "refuse"
server = HTTPServer(("127.0.0.1", 0), Collector)
print(server.server_port, flush=True)
server.serve_forever()
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    with Contexta(workspace=tmp_path / "workspace") as ctx:
        with ctx.run("march", project="churn") as run:
            run.param("learning_rate", 0.1)
            run.tag("team", "risk")
            with run.stage("train") as stage:
                for step in range(3):
                    stage.metric("loss", 1 / (step + 1), step=step)
        with pytest.raises(RuntimeError), ctx.run("april", project="churn"):
            raise RuntimeError("stop")
    return tmp_path / "workspace"


@pytest.mark.online
@pytest.mark.slow
@pytest.mark.parametrize("version", ["==1.20.0", ""], ids=["1.20", "newest"])
def test_a_collector_receives_runs_as_spans_and_metrics_as_gauges(
    workspace: Path, tmp_path: Path, version: str
) -> None:
    exporter = f"opentelemetry-exporter-otlp-proto-http{version}"
    python = indexed_environment(tmp_path / "environment", str(ROOT), exporter, "setuptools<81")
    (tmp_path / "collector.py").write_text(COLLECTOR)
    log = tmp_path / "received"
    command = [python, "collector.py", str(log)]
    with (
        subprocess.Popen([*command, "accept"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as accepting,
        subprocess.Popen([*command, "refuse"], cwd=tmp_path, stdout=subprocess.PIPE, text=True) as refusing,
    ):
        assert accepting.stdout is not None
        assert refusing.stdout is not None
        try:
            port, other_port = int(accepting.stdout.readline()), int(refusing.stdout.readline())
            send = [python, "-m", "contexta.cli", "export", "--workspace", str(workspace), "--json", "--otlp"]
            for _ in range(2):
                done = subprocess.run([*send, f"http://127.0.0.1:{port}"], capture_output=True, text=True, timeout=120)
                assert done.returncode == 0, done.stderr
            refused = subprocess.run(
                [*send, f"http://127.0.0.1:{other_port}"], capture_output=True, text=True, timeout=120
            )
        finally:
            accepting.terminate()
            refusing.terminate()
    assert refused.returncode == 2
    assert "the collector did not accept it" in refused.stderr
    requests = [json.loads(line) for line in log.read_text().splitlines()]
    spans = [
        span
        for path, message in requests
        if path == "/v1/traces"
        for resource in message["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    assert [span["name"] for span in spans] == ["march", "train", "april"] * 2
    assert len({span["spanId"] for span in spans}) == 3
    march, train, april = spans[:3]
    assert train["parentSpanId"] == march["spanId"]
    assert april["status"] == {"message": "failed", "code": "STATUS_CODE_ERROR"}
    attributes = {attribute["key"]: attribute["value"] for attribute in march["attributes"]}
    assert attributes["param.learning_rate"] == {"stringValue": "0.1"}
    assert attributes["tag.team"] == {"stringValue": "risk"}
    (gauge,) = (
        metric
        for path, message in requests[: len(requests) // 2]
        if path == "/v1/metrics"
        for resource in message["resourceMetrics"]
        for scope in resource["scopeMetrics"]
        for metric in scope["metrics"]
    )
    points = [
        (point["attributes"][0]["value"]["intValue"], point["asDouble"]) for point in gauge["gauge"]["dataPoints"]
    ]
    assert (gauge["name"], points) == ("loss", [("0", 1.0), ("1", 0.5), ("2", 1 / 3)])
