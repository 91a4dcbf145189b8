"""The machine and the versions that a benchmark ran on."""

import importlib.metadata
import os
import platform
from pathlib import Path

PACKAGES = ("numpy", "xad", "micrograd", "autograd", "torch", "casadi", "jax")


def processor() -> str:
    """Return the processor's name."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        fields: dict[str, str] = {}
        for line in info.read_text().splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
        if "model name" in fields:
            # Virtual machines often hide the exact name; family and model tell the generation.
            numbers = f"family {fields.get('cpu family', '?')}, model {fields.get('model', '?')}"
            return f"{fields['model name']} ({numbers})"
    return platform.processor() or platform.machine()


def system() -> str:
    """Return the operating system."""
    if platform.system() == "Linux":
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
        return f"{name}, Linux {platform.release()}, {platform.machine()}"
    return platform.platform()


def cores() -> int:
    """Return how many cores the machine has."""
    return os.cpu_count() or 1


def load() -> str:
    """Return the load average over the last minute: above 1 on a pinned core, times cannot be trusted."""
    return f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that are installed."""
    found = {"Python": f"{platform.python_version()} ({platform.python_compiler()})"}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
