"""Data sources: each makes training batches and names its validation cases."""


def source(settings, folder, runs):
    """The data source named in a config's `data`, reading `folder` and what was prepared below `runs`.

    Imported on demand: each source needs its own files.
    """
    arguments = dict(settings)
    name = arguments.pop("name")
    if name == "hippocampus":
        from .hippocampus import Hippocampus

        return Hippocampus(folder, **arguments)
    if name == "heads":
        from .heads import Heads

        return Heads(folder, runs, **arguments)
    if name == "nuclei":
        from .nuclei import Nuclei

        return Nuclei(folder, **arguments)
    if name == "vessels":
        from .vessels import Vessels

        return Vessels(folder, **arguments)
    if name == "ventricle":
        from .ventricle import Ventricle

        return Ventricle(folder, **arguments)
    raise ValueError(f"data source {name!r} is not one of hippocampus, heads, nuclei, vessels, ventricle")
