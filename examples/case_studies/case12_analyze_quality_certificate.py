"""Write a certificate that a client can read, keep and compare with the record."""

import json
from pathlib import Path

from contexta import Contexta

CRITERIA = {"precision": (">=", 0.95), "recall": (">=", 0.93), "latency_ms": ("<=", 50.0)}

with Contexta(workspace=".contexta") as ctx:
    run = ctx.get_run("acceptance")
    snapshot = ctx.get_run_snapshot(run.run_id)
    print(f"Client: {run.tags['client']}, run {run.run_id}, {run.status}")

    units = {record.key: record.unit for record in snapshot.records if record.record_type == "metric"}
    passed = True
    for metric_key, (comparison, limit) in CRITERIA.items():
        value = run.metrics[metric_key]
        met = value >= limit if comparison == ">=" else value <= limit
        passed = passed and met
        print(f"  {metric_key} {value} {units[metric_key] or ''} ({comparison} {limit}): {'met' if met else 'NOT MET'}")

    model = next(artifact for artifact in snapshot.artifacts if artifact.name == "model")
    print(f"Model: {model.kind}, {model.size_bytes} bytes, {str(model.digest)[:19]}")
    signature = next(record for record in snapshot.records if record.record_type == "event")
    print(f"Signed by {signature.payload['attributes']['signed_by']}: {signature.message}")
    deployment = snapshot.deployments[0]
    print(f"Delivered to {deployment.name}: {deployment.status}")

    audit = ctx.audit_reproducibility(run.run_id)
    print(f"Environment recorded: {'yes' if audit.package_count else 'no'}")

    report = ctx.build_run_report(run.run_id)
    Path("certificate.html").write_text(report.to_html(), encoding="utf-8")
    Path("certificate.md").write_text(report.to_markdown(), encoding="utf-8")
    certificate = {
        "client": run.tags["client"],
        "passed": passed,
        "content_digest": run.content_digest,
        "snapshot": snapshot.to_dict(),
    }
    Path("certificate.json").write_text(json.dumps(certificate, indent=2), encoding="utf-8")
    print(f"\nCertificate: {'PASSED' if passed else 'FAILED'}")

# The client reads the certificate back and compares it with the record.
with Contexta(workspace=".contexta") as ctx:
    stored = json.loads(Path("certificate.json").read_text(encoding="utf-8"))
    same = type(snapshot).from_dict(stored["snapshot"]) == ctx.get_run_snapshot("acceptance")
    print(f"The record is unchanged: {same and stored['content_digest'] == ctx.get_run('acceptance').content_digest}")
