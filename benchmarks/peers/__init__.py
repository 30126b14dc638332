"""The software that is compared.  A Python peer is one file here with two functions and one line of `PEERS`.

    refuses(case) -> str | None         why it cannot fit the case, if it cannot
    fit(case, frame) -> (float, bool)   from the data frame to the estimates with standard errors of the fixed effects:
                                        the log likelihood (full, maximum likelihood), and whether it converged;
                                        a third value, if there is one, is a text for the column of remarks

An R peer is one function of `peers.R`.
"""

from .kinds import PythonPeer as PythonPeer
from .kinds import RPeer as RPeer

PEERS = {
    peer.name: peer
    for peer in (
        PythonPeer(name="mejax", package="mejax", module="mejax_peer"),
        PythonPeer(name="glmm", package="glmm", module="glmm_peer"),
        PythonPeer(name="mixedlm", package="mixedlm", module="mixedlm_peer"),
        PythonPeer(name="gpboost-cholesky", package="gpboost", module="gpboost_cholesky"),
        PythonPeer(name="gpboost-iterative", package="gpboost", module="gpboost_iterative"),
        PythonPeer(name="statsmodels", package="statsmodels", module="statsmodels_peer"),
        RPeer(name="lme4", package="lme4"),
        RPeer(name="glmmTMB", package="glmmTMB"),
        RPeer(name="nlme", package="nlme"),
    )
}
