"""The software that is compared.  A Python peer is one file here with two functions and one line of `PEERS`.

    refuses(case) -> str | None    why it cannot fit the case, if it cannot
    fit(case, frame)               from the data frame to the estimates with standard errors of the fixed effects:
                                   (log likelihood, converged), the first full and maximized, the second a bool; or
                                   (log likelihood, converged, facts), a dict with any of
                                       note: a text for the column of remarks
                                       monte_carlo_error: the standard error of a log likelihood that is an estimate
                                       peak_device_memory_mb: on an accelerator

An R peer is one function of `peers.R`.  `python -m benchmarks --adapter FILE` reads a file with the two functions from
anywhere.
"""

from .kinds import AdapterPeer as AdapterPeer
from .kinds import Peer as Peer
from .kinds import PythonPeer as PythonPeer
from .kinds import RPeer as RPeer
from .kinds import Unavailable as Unavailable

PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        PythonPeer(name="mejax", package="mejax", module="mejax_peer"),
        PythonPeer(name="mejax-iterative", package="mejax", module="mejax_iterative", stochastic=True),
        PythonPeer(name="glmm", package="glmm", module="glmm_peer"),
        PythonPeer(name="mixedlm", package="mixedlm", module="mixedlm_peer"),
        PythonPeer(name="gpboost-cholesky", package="gpboost", module="gpboost_cholesky"),
        PythonPeer(name="gpboost-iterative", package="gpboost", module="gpboost_iterative", stochastic=True),
        PythonPeer(name="statsmodels", package="statsmodels", module="statsmodels_peer"),
        RPeer(name="lme4", package="lme4"),
        RPeer(name="glmmTMB", package="glmmTMB"),
        RPeer(name="nlme", package="nlme"),
    )
}
