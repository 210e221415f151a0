"""Record the acceptance test of a model for a client: thresholds, slices and the delivered artifact."""

from __future__ import annotations

from pathlib import Path

from contexta import Contexta

PROJECT_NAME = "defect-detection"
RESULTS = {"precision": 0.97, "recall": 0.95, "latency_ms": 34.0}


def run_example(workspace: Path | str) -> str:
    workspace = Path(workspace)
    model = workspace.parent / "model.bin"
    model.write_bytes(b"weights of the accepted model")
    with (
        Contexta(workspace=workspace) as ctx,
        ctx.run("acceptance", project=PROJECT_NAME, tags={"client": "acme"}) as run,
    ):
        run.params({"threshold": 0.5, "test_set": "acme-2025-q2"})
        run.register_artifact("model", model, attributes={"format": "onnx"})
        with run.stage("acceptance") as stage:
            for key, value in RESULTS.items():
                stage.metric(key, value, unit="ms" if key == "latency_ms" else None)
            stage.event("acceptance.signed", "all criteria were met", attributes={"signed_by": "quality"})
        run.deployment("acme-line-4", artifact="model")
        return str(run.ref)


if __name__ == "__main__":
    print(f"Recorded {run_example(Path('.contexta').absolute())}.")
