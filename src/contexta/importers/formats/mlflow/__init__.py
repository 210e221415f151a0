"""Runs of MLflow: its two stores, and the models that it logged."""
