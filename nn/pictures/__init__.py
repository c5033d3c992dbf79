"""Pictures of networks and of their training, drawn with matplotlib: ``pip install "gradstep[plot]"``.

Each function gives a matplotlib ``Figure`` that shows itself in Jupyter and writes itself with ``savefig``; none
touches pyplot or its settings. Blue is positive and orange negative everywhere.

``X``, ``y`` and ``loss`` are those of ``fit``; the loss is by default that of training, or ``"mse"``.
``ax`` is where to draw; None makes a new figure. What does not fit is a ValueError or TypeError that says why.

``theme`` is that of ``engine.draw``: ``"light"``, ``"dark"``, ``"print"`` in grey, or ``"auto"``: light, but dark on a
figure that is and in a notebook that is. ``follow_theme()`` does the latter for all other figures of a notebook.
Numbers, names of layers and colours are those of ``draw``, too.

>>> from nn import MLP
>>> from nn.pictures import network
>>> network(MLP(2, [3, 1], seed=0), [0.5, -1.0]).savefig("network.svg")
"""

from importlib.util import find_spec

if find_spec("matplotlib") is None:
    raise ModuleNotFoundError('pictures are drawn with matplotlib: pip install "gradstep[plot]"', name="matplotlib")

from nn.pictures.boundaries import decision_boundary
from nn.pictures.changes import WantedChanges, wanted_changes
from nn.pictures.confusions import confusion_table
from nn.pictures.costs import CostSurface, DescentPath, cost_surface, descent_paths
from nn.pictures.dark import follow_theme
from nn.pictures.images import first_layer, worst_mistakes
from nn.pictures.networks import network
from nn.pictures.training_curves import LiveCurves, curves
from nn.pictures.training_stepper import TrainingStepper

__all__ = ["CostSurface", "DescentPath", "LiveCurves", "TrainingStepper", "WantedChanges", "confusion_table"]
__all__ += ["cost_surface", "curves", "decision_boundary", "descent_paths", "first_layer", "follow_theme", "network"]
__all__ += ["wanted_changes", "worst_mistakes"]
