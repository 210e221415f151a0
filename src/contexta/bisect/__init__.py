"""Bisect: which of the changes between two environments moved a metric, shown by rerunning mixes of both."""
