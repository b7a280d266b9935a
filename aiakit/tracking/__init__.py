"""Experiment trackers that a run can report to, off unless ``--track`` asks for one."""
