"""Train a small classifier on digits and record the run: what it ran on, and how good it got.

Run by compare.py in two environments; run it in any environment that holds scikit-learn and Contexta:

    python train.py NAME WORKSPACE
"""

from __future__ import annotations

import sys

from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from contexta import Contexta

SEED = 7


def main(name: str, workspace: str) -> None:
    with Contexta(workspace=workspace) as ctx, ctx.run(name, project="digits") as run:
        run.params({"seed": SEED, "clusters": 30, "test_size": 0.4})
        with run.stage("train") as stage:
            features, labels = load_digits(return_X_y=True)
            train_x, test_x, train_y, test_y = train_test_split(
                features, labels, test_size=0.4, random_state=SEED, stratify=labels
            )
            # Distances to cluster centres as features. How many times KMeans starts anew is left to the library, and
            # scikit-learn 1.4 changed that default: the same script, another model.
            model = make_pipeline(
                KMeans(n_clusters=30, random_state=SEED), LogisticRegression(max_iter=3_000, random_state=SEED)
            )
            model.fit(train_x, train_y)
            stage.metric("accuracy", model.score(test_x, test_y))
            stage.metric("inertia", float(model[0].inertia_))


if __name__ == "__main__":
    main(*sys.argv[1:3])
