"""Where the C++ headers and the CMake package of the installed reelgrad are, for those who build on them."""

from __future__ import annotations

from pathlib import Path

from reelgrad import _core

_HOME = Path(_core.__file__).parent  # in an editable install the Python files are elsewhere


class HeadersNotFoundError(_core.ReelgradError, FileNotFoundError):
    """The files for C++ are not where this package was installed."""

    __module__ = "reelgrad"


def get_include() -> str:
    """Return the folder to give a C++ compiler with ``-I``: it holds ``reelgrad/python.hpp`` and the other headers.

    Raises
    ------
    HeadersNotFoundError
        If the package was installed without them.

    Examples
    --------
    >>> import os
    >>> import reelgrad as rg
    >>> os.path.isfile(os.path.join(rg.get_include(), "reelgrad", "python.hpp"))
    True
    """
    sources = _HOME.parent.parent / "csrc"  # of a module that was built in the source tree
    for folder in (_HOME / "include", sources):
        if (folder / "reelgrad" / "python.hpp").is_file():
            return str(folder)
    raise HeadersNotFoundError(f"no C++ headers in {_HOME / 'include'}: install reelgrad again, from a wheel or by pip")


def get_cmake_dir() -> str:
    """Return the folder of ``reelgrad-config.cmake``, for ``-Dreelgrad_DIR=...``; CMake's find_package reads it.

    Raises
    ------
    HeadersNotFoundError
        If the package was installed without it, or is run from its source tree.
    """
    folder = _HOME / "lib" / "cmake" / "reelgrad"
    if not (folder / "reelgrad-config.cmake").is_file():
        raise HeadersNotFoundError(
            f"no CMake package in {folder}: install reelgrad (pip install .) instead of running its source tree"
        )
    return str(folder)
