"""The exceptions of the Python layer; those of the engine come from the compiled module."""

from reelgrad._core import ReelgradError

__all__ = ["SettingError"]


class SettingError(ReelgradError, ValueError):
    """A setting, such as a learning rate, a width or the name of an activation, is none that makes sense."""
