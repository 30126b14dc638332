"""How a fit ended.  Outcomes are data, not exceptions."""

from enum import StrEnum


class Status(StrEnum):
    CONVERGED = "converged"
    BOUNDARY = "boundary"  # converged with a variance at 0 or a correlation at +-1
    NOT_CONVERGED = "not_converged"
    NOT_IDENTIFIED = "not_identified"
    SEPARATED = "separated"
    INTERRUPTED = "interrupted"  # by Ctrl-C; start=fit.theta goes on from there

    @property
    def ok(self) -> bool:
        return self in (Status.CONVERGED, Status.BOUNDARY)
