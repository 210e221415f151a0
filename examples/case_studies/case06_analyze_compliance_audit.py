"""Check every deployed model for what a regulation asks: environment, data, approval, provenance."""

from contexta import Contexta
from contexta.config import UnifiedConfig, WorkspaceConfig

PROJECT_NAME = "credit-scoring"

ctx = Contexta(config=UnifiedConfig(project_name=PROJECT_NAME, workspace=WorkspaceConfig(root_path=".contexta")))
store = ctx.metadata_store
try:
    project = store.projects.get_project(f"project:{PROJECT_NAME}")
    print(f"{project.name}: {project.description} (risk class {project.tags['risk-class']})")

    findings = 0
    for deployment in ctx.list_deployments(PROJECT_NAME):
        assert deployment.run_id is not None
        snapshot = ctx.get_run_snapshot(deployment.run_id)
        audit = ctx.audit_reproducibility(deployment.run_id)
        approvals = [
            record.payload["attributes"]["approver"]
            for record in snapshot.records
            if record.record_type == "event" and record.key == "model.approved"
        ]
        data = [artifact.location for artifact in snapshot.artifacts if artifact.kind == "dataset"]
        policies = [provenance.policy_ref for provenance in snapshot.provenance]
        print(f"\n{deployment.name} ({deployment.started_at[:10]})")
        print(f"  environment: {audit.reproducibility_status}, {audit.package_count} packages")
        print(f"  data: {', '.join(data)}")
        print(f"  approved by: {', '.join(approvals) or 'NOBODY'}")
        print(f"  provenance: {', '.join(policy for policy in policies if policy)}")
        for note in snapshot.completeness_notes:
            print(f"  [{note.severity}] {note.summary}")
        findings += (not approvals) + (audit.reproducibility_status == "missing")

    print(f"\nFindings: {findings}")
    report = ctx.build_snapshot_report(f"run:{PROJECT_NAME}.v2")
    print(f"Evidence for v2: {report.title}, sections {', '.join(section.title for section in report.sections)}")
finally:
    store.close()
