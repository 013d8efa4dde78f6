"""Image sequences from a model of the telescope, its coronagraph and the atmosphere."""

from exobench.datasets.simulator.presets import Preset, load_preset, preset_names
from exobench.datasets.simulator.scene import (
    Scene,
    coronagraph_transmission,
    expose,
    simulate,
    simulate_scene,
)

__all__ = [
    "Preset",
    "Scene",
    "coronagraph_transmission",
    "expose",
    "load_preset",
    "preset_names",
    "simulate",
    "simulate_scene",
]
