"""What the names of variants say: whose they are, and whether they are only there to compare with."""


def is_own(name: str) -> bool:
    """Whether a variant is reelgrad's."""
    return name.startswith("reelgrad")


def is_reference(name: str) -> bool:
    """Whether a variant is no way to have a derivative in Python."""
    return "no derivative" in name or name.startswith("limit")
