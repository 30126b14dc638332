"""What goes wrong with the file of a fit."""


class Unsavable(ValueError):
    """The fit holds something that a file cannot hold."""


class Unreadable(ValueError):
    """The file does not hold what the file of a fit holds."""
