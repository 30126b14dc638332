"""What was asked of `predict`."""

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Request:
    """A statistic ("": the model's own) and how it is to be computed; `mejax.post.prediction.predict` explains them."""

    statistic: str = ""
    conditional: str | None = None
    marginal: bool = False
    outcome: Any = None
    relevel: str | None = None
    offset: bool = True
    lower: Any = None
    upper: Any = None
    at: Any = None

    def require_known(self, statistic: str, known: Sequence[str]) -> None:
        """Raise an error where the statistic is none of those `known`."""
        if statistic not in known:
            near = difflib.get_close_matches(str(statistic), known, n=1)
            hint = f"did you mean `{near[0]}`? " if near else ""
            raise ValueError(f"predict: unknown statistic `{statistic}`; {hint}known are {', '.join(known)}")

    def require_plain_of(self, what: str, options: Sequence[str]) -> None:
        """Raise an error where one of these options was given to a prediction that has no use for it."""
        for name in options:
            value = vars(self)[name]
            if value is not None and value is not False:
                raise ValueError(f"predict: `{name}={value!r}` says nothing about {what}; leave it out")

    def require_offset(self, statistic: str) -> None:
        """Raise an error where `offset=False` was given for a statistic that no offset enters."""
        if not self.offset:
            raise ValueError(f"predict: `offset=False` says nothing about {statistic}; leave it out")

    def require_sample(self, statistic: str, compared: Sequence[str], instead: str, data: Any) -> None:
        """Raise an error where new data are given to one of the statistics `compared` with the response."""
        if statistic in compared and data is not None:
            raise ValueError(
                f"predict: `{statistic}` compares with the response of the estimation sample; predict `{instead}` on "
                "the new data and subtract it from the response"
            )
