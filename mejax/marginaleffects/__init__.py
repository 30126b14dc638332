"""Fits for the package marginaleffects: predictions, comparisons, slopes and tests with its functions and pictures.

    from marginaleffects import avg_slopes, datagrid, plot_predictions, predictions
    from mejax.marginaleffects import adapt

    model = adapt(fit)
    avg_slopes(model)
    predictions(model, newdata=datagrid(week=[1, 9]))
    plot_predictions(model, condition=["week", "treatment"])

Nothing else in mejax imports that package, which is an extra: `pip install mejax[marginaleffects]`.  It switches JAX to
double precision for the whole process when its functions are imported; mejax computes the same with and without that.
"""

from .adapter import FitModel as FitModel
from .adapter import adapt as adapt
