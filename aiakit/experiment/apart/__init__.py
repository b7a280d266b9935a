"""Plugins of others in processes of their own, which hold what they may see and nothing else.

A plugin that comes with aiakit runs in the process of its cell. Any other is made, fitted and asked in a process that
is forked for this one cell from a template without data, and that is handed arrays as files and answers likewise:
labels of test people, other people's photographs and the objects of aiakit are not in it. No pickle is read: an answer
is JSON and tensors, and is checked like a stranger's file.
"""

from aiakit.experiment.apart.proxies import TEMPLATE, Apart, make
from aiakit.experiment.apart.template import FORKS

__all__ = ["FORKS", "TEMPLATE", "Apart", "make"]
