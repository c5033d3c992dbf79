"""Pictures of networks and of their training, drawn with matplotlib."""

from nn.pictures.networks import network
from nn.pictures.changes import WantedChanges, wanted_changes
from nn.pictures.costs import CostSurface, DescentPath, cost_surface, descent_paths
