"""Questions about whole data sets: resumable, saved with provenance, on Dask where there is a client."""

from .features import extract

__all__ = ["extract"]
