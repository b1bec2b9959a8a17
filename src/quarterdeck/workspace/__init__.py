"""The Python API of Quarterdeck: `Workspace`. Every interface calls it and nothing else."""

from quarterdeck.workspace.facade import Publication, Run, SyncReport, Workspace
from quarterdeck.workspace.runner import Progress, ProgressEvent, StepRun
from quarterdeck.workspace.world import simulate_company

__all__ = [
    "Progress",
    "ProgressEvent",
    "Publication",
    "Run",
    "StepRun",
    "SyncReport",
    "Workspace",
    "simulate_company",
]
