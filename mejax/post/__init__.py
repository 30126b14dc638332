"""What follows a fit: functions of `Estimates`, a package for each of the things that can be asked.

The modules beside the packages are what several of them use: kinds of models, tables of estimates, the normal
distribution, functions of estimates with their covariance and their Wald tests.
"""
