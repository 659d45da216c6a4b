"""Questions about whole data sets: resumable, saved with provenance, on Dask where there is a client."""

from .extraction import extract
from .hull_distances import extrapolation
from .neighbours import adjacency, restore_adjacency
from .pixels import certify, flips
from .table import Study

__all__ = ["Study", "adjacency", "certify", "extract", "extrapolation", "flips", "restore_adjacency"]
