from reelgrad import _core
from reelgrad._core import *
from reelgrad._version import __version__
