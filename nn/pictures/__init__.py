"""Pictures of networks and of their training, drawn with matplotlib."""

from nn.pictures.networks import network
from nn.pictures.changes import WantedChanges, wanted_changes
from nn.pictures.costs import CostSurface, DescentPath, cost_surface, descent_paths
from nn.pictures.boundaries import decision_boundary
from nn.pictures.confusions import confusion_table
from nn.pictures.images import first_layer, worst_mistakes
from nn.pictures.training_curves import LiveCurves, curves
