"""Run a job of Hydra with the configuration ``conf/config.yaml``, which this script writes."""

import logging
from pathlib import Path

import hydra

Path("conf").mkdir(exist_ok=True)
Path("conf", "config.yaml").write_text(
    "lr: 0.01\nmodel:\n  depth: 6\nlayers:\n- 8\n- 16\nrate: ${lr}\napi_key: Zq8vT2mXw4Lr9sKd\n"
)


@hydra.main(config_path="conf", config_name="config", version_base=None)
def train(config):  # type: ignore[no-untyped-def]  # Hydra passes it
    logging.getLogger(__name__).info("training of the february run")


train()
