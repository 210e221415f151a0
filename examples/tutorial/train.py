"""Predict which customers leave. In customers.csv, -1 means that a value was not recorded."""

import argparse
import warnings
from pathlib import Path

import numpy
import pandas
import yaml
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

parser = argparse.ArgumentParser()
parser.add_argument("--config", default="config.yaml")
parser.add_argument("--seed", type=int, default=0)
options = parser.parse_args()
config = yaml.safe_load(Path(options.config).read_text())

warnings.filterwarnings("ignore")
table = pandas.read_csv(config["data"])
for name in config["features"]:  # replace missing values by the median
    table[name][table[name] < 0] = table[name][table[name] >= 0].median()

train, test = train_test_split(table, test_size=0.4, random_state=options.seed)
scaler = StandardScaler().fit(train[config["features"]])
model = SGDClassifier(loss="log_loss", alpha=config["alpha"], random_state=options.seed)
for epoch in range(1, config["epochs"] + 1):
    model.partial_fit(scaler.transform(train[config["features"]]), train["left"], classes=numpy.array([0, 1]))
    loss = log_loss(train["left"], model.predict_proba(scaler.transform(train[config["features"]])))
    print(f"epoch {epoch}/{config['epochs']} loss={loss:.4f}")
print(f"accuracy={model.score(scaler.transform(test[config['features']]), test['left']):.4f}")
