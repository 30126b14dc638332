"""Whole reports as text, against the published layout; the numbers come from `tables_examples`."""

import pytest
from tables_examples import EXAMPLES

from mejax.tables import render

WHOLE, PARTS = {}, {}

WHOLE["growth"] = """\
Mixed-effects ML regression                        Number of obs    =      432
Group variable: id                                 Number of groups =       48
                                                   Obs per group:
                                                                min =        9
                                                                avg =      9.0
                                                                max =        9
                                                   Wald chi2(1)     = 25337.49
Log likelihood = -1014.9268                        Prob > chi2      =   0.0000

------------------------------------------------------------------------------
      weight | Coefficient  Std. err.      z    P>|z|     [95% conf. interval]
-------------+----------------------------------------------------------------
        week |   6.209896   .0390124   159.18   0.000     6.133433    6.286359
       _cons |   19.35561   .5974059    32.40   0.000     18.18472    20.52651
------------------------------------------------------------------------------

------------------------------------------------------------------------------
  Random-effects parameters  |   Estimate   Std. err.     [95% conf. interval]
-----------------------------+------------------------------------------------
id: Identity                 |
                  var(_cons) |   14.81751   3.124225      9.801716    22.40002
-----------------------------+------------------------------------------------
               var(Residual) |   4.383264   .3163348      3.805112     5.04926
------------------------------------------------------------------------------
LR test vs. linear model: chibar2(01) = 472.65        Prob >= chibar2 = 0.0000"""

WHOLE["split_plot"] = """\
note: 8.thatch omitted because of collinearity.
note: 2.block omitted because of collinearity.

Mixed-effects REML regression                       Number of obs    =      24
Group variable: wpunit                              Number of groups =       8
                                                    Obs per group:
                                                                 min =       3
                                                                 avg =     3.0
                                                                 max =       3
                                                    Wald chi2(13)    = 2438.36
Log restricted-likelihood = -13.203125              Prob > chi2      =  0.0000

-------------------------------------------------------------------------------
  chlorophyll | Coefficient  Std. err.      z    P>|z|     [95% conf. interval]
--------------+----------------------------------------------------------------
     nitrogen |
        Urea  |   5.245833   .3986014    13.16   0.000     4.464589    6.027078
Ammonium s..  |   5.945833   .3986014    14.92   0.000     5.164589    6.727078
        IBDU  |   7.945834   .3986014    19.93   0.000     7.164589    8.727078
   Urea (SC)  |   8.595833   .3986014    21.56   0.000     7.814589    9.377078
              |
       thatch |
           2  |       -1.1   .4632314    -2.37   0.018    -2.007917   -.1920828
           5  |   .1500006   .4632314     0.32   0.746    -.7579163    1.057917
              |
     nitrogen#|
       thatch |
      Urea#2  |  -.1500005   .6551081    -0.23   0.819    -1.433989    1.133988
      Urea#5  |   .0999994   .6551081     0.15   0.879    -1.183989    1.383988
Ammonium s.. #|
           2  |   .8999996   .6551081     1.37   0.169    -.3839887    2.183988
Ammonium s.. #|
           5  |  -.1000006   .6551081    -0.15   0.879    -1.383989    1.183988
      IBDU#2  |  -.2000005   .6551081    -0.31   0.760    -1.483989    1.083988
      IBDU#5  |  -1.950001   .6551081    -2.98   0.003    -3.233989   -.6660124
              |
        block |
           1  |  -.2916666   .2643563    -1.10   0.270    -.8097955    .2264622
-------------------------------------------------------------------------------

------------------------------------------------------------------------------
  Random-effects parameters  |   Estimate   Std. err.     [95% conf. interval]
-----------------------------+------------------------------------------------
wpunit: Identity             |
                  var(_cons) |   .0682407   .1195933      .0021994    2.117345
-----------------------------+------------------------------------------------
               var(Residual) |   .2145833   .1072917       .080537    .5717376
------------------------------------------------------------------------------
LR test vs. linear model: chibar2(01) = 0.53          Prob >= chibar2 = 0.2324"""

WHOLE["correlated"] = """\
Mixed-effects ML regression                         Number of obs    =     432
Group variable: id                                  Number of groups =      48
                                                    Obs per group:
                                                                 min =       9
                                                                 avg =     9.0
                                                                 max =       9
                                                    Wald chi2(1)     = 4649.17
Log likelihood = -868.96185                         Prob > chi2      =  0.0000

------------------------------------------------------------------------------
      weight | Coefficient  Std. err.      z    P>|z|     [95% conf. interval]
-------------+----------------------------------------------------------------
        week |   6.209896   .0910745    68.18   0.000     6.031393    6.388399
       _cons |   19.35561   .3996387    48.43   0.000     18.57234    20.13889
------------------------------------------------------------------------------

------------------------------------------------------------------------------
  Random-effects parameters  |   Estimate   Std. err.     [95% conf. interval]
-----------------------------+------------------------------------------------
id: Unstructured             |
                   var(week) |   .3715251   .0812958      .2419532     .570486
                  var(_cons) |   6.823363   1.566194      4.351297    10.69986
             cov(week,_cons) |  -.0984378   .2545767     -.5973991    .4005234
-----------------------------+------------------------------------------------
               var(Residual) |   1.596829    .123198      1.372735    1.857505
------------------------------------------------------------------------------
LR test vs. linear model: chi2(3) = 764.58                Prob > chi2 = 0.0000

Note: LR test is conservative and provided only for reference."""

WHOLE["crossed"] = """\
Mixed-effects ML regression                        Number of obs    =      432
Group variable: _all                               Number of groups =        1
                                                   Obs per group:
                                                                min =      432
                                                                avg =    432.0
                                                                max =      432
                                                   Wald chi2(1)     = 13258.28
Log likelihood = -1013.824                         Prob > chi2      =   0.0000

------------------------------------------------------------------------------
      weight | Coefficient  Std. err.      z    P>|z|     [95% conf. interval]
-------------+----------------------------------------------------------------
        week |   6.209896   .0539313   115.14   0.000     6.104192    6.315599
       _cons |   19.35561   .6333982    30.56   0.000     18.11418    20.59705
------------------------------------------------------------------------------

------------------------------------------------------------------------------
  Random-effects parameters  |   Estimate   Std. err.     [95% conf. interval]
-----------------------------+------------------------------------------------
_all: Identity               |
                   var(R.id) |   14.83623   3.126142      9.816733    22.42231
-----------------------------+------------------------------------------------
_all: Identity               |
                 var(R.week) |   .0849874   .0868856      .0114588    .6303302
-----------------------------+------------------------------------------------
               var(Residual) |   4.297328   .3134404      3.724888    4.957741
------------------------------------------------------------------------------
LR test vs. linear model: chi2(2) = 474.85                Prob > chi2 = 0.0000

Note: LR test is conservative and provided only for reference."""

WHOLE["tobit"] = """\
Mixed-effects tobit regression                       Number of obs    =    240
                                                           Uncensored =    119
Limits: Lower =   0                                     Left-censored =    104
        Upper = 2.5                                    Right-censored =     17

Group variable: id                                   Number of groups =     30

                                                     Obs per group:
                                                                  min =      8
                                                                  avg =    8.0
                                                                  max =      8

Integration method: mvaghermite                      Integration pts. =      7

                                                     Wald chi2(2)     =  62.75
Log likelihood = -274.19701                          Prob > chi2      = 0.0000

------------------------------------------------------------------------------
           y | Coefficient  Std. err.      z    P>|z|     [95% conf. interval]
-------------+----------------------------------------------------------------
           x |   .6500512   .0929829     6.99   0.000     .4678082    .8322943
           z |  -.6245891   .1466852    -4.26   0.000    -.9120868   -.3370914
       _cons |   .4202136   .1500915     2.80   0.005     .1260396    .7143875
-------------+----------------------------------------------------------------
id           |
   var(_cons)|   .4515976   .1759018                      .2104748     .968954
-------------+----------------------------------------------------------------
     var(e.y)|   1.167894   .1772828                      .8673489    1.572582
------------------------------------------------------------------------------
LR test vs. tobit model: chibar2(01) = 25.75          Prob >= chibar2 = 0.0000"""

WHOLE["survival"] = """\
Mixed-effects Weibull PH regression                  Number of obs    =     76
                                                      No. of subjects =     76
                                                      No. of failures =     58
                                                         Time at risk =  7,724

Group variable: patient                              Number of groups =     38

                                                     Obs per group:
                                                                  min =      2
                                                                  avg =    2.0
                                                                  max =      2

Integration method: mvaghermite                      Integration pts. =      7

                                                     Wald chi2(2)     =  10.98
Log likelihood = -333.03018                          Prob > chi2      = 0.0041

------------------------------------------------------------------------------
          _t | Haz. ratio   Std. err.      z    P>|z|     [95% conf. interval]
-------------+----------------------------------------------------------------
         age |   1.005977   .0127171     0.47   0.637     .9813587    1.031214
      female |   .1962282   .0969705    -3.30   0.001      .074494    .5168939
       _cons |    .009891   .0089363    -5.11   0.000     .0016834    .0581148
-------------+----------------------------------------------------------------
       /ln_p |   .1634479   .1348246                     -.1008035    .4276993
-------------+----------------------------------------------------------------
patient      |
   var(_cons)|   .5926337   .3753646                      .1712573    2.050802
------------------------------------------------------------------------------
Note: Estimates are transformed only in the first equation to hazard ratios.
Note: _cons estimates baseline hazard (conditional on zero random effects).
LR test vs. Weibull model: chibar2(01) = 7.05         Prob >= chibar2 = 0.0040"""

PARTS["outcomes"] = """\
Mixed-effects multinomial logistic regression        Number of obs    =  1,200
Base outcome: Car
Group variable: city                                 Number of groups =     40

                                                     Obs per group:
...
----------------------------------------------------------------------------------------------
                        mode |        RRR   Std. err.      z    P>|z|     [95% conf. interval]
-----------------------------+----------------------------------------------------------------
Bus                          |
                         age |       1.25       .125     2.23   0.026     1.027511    1.520663
                             |
                        zone |
                          2  |        1.5         .3     2.03   0.043     1.013587     2.21984
                          3  |          1        .25     0.00   1.000     .6126264    1.632316
                             |
                       _cons |         .5         .1    -3.47   0.001     .3378621    .7399467
-----------------------------+----------------------------------------------------------------
Car                          |  (base outcome)
-----------------------------+----------------------------------------------------------------
Express train                |
                         age |         .8        .08    -2.23   0.026     .6576084    .9732241
...
-----------------------------+----------------------------------------------------------------
city                         |
               var(Bus:_cons)|        .25         .1                      .1141458    .5475455
     var(Express train:_cons)|         .5         .2                      .2282917    1.095091
-----------------------------+----------------------------------------------------------------
city                         |
   cov(Bus:_cons,Exp~n:_cons)|       .125      .0625     2.00   0.046     .0025023    .2474977
----------------------------------------------------------------------------------------------
Note: Estimates are transformed only in the first 2 equations to relative-risk
      ratios.
Note: _cons estimates baseline relative risk for each outcome (conditional on
      zero random effects).
LR test vs. mlogit model: chi2(3) = 40.50                                 Prob > chi2 = 0.0000"""

PARTS["binomial"] = """\
Mixed-effects logistic regression                    Number of obs    =     46
Binomial variable: napplied
Group variable: department                           Number of groups =     23

                                                     Obs per group:
                                                                  min =      2
                                                                  avg =    2.0
                                                                  max =      2

...

                                                     Wald chi2(1)     =   2.14
Log likelihood = -140.61628                          Prob > chi2      = 0.1435
...
------------------------------------------------------------------------------
   nadmitted | Odds ratio   Std. err.      z    P>|z|     [95% conf. interval]
-------------+----------------------------------------------------------------
      female |   1.176898   .1310535     1.46   0.144     .9461357    1.463944
       _cons |   .7907009   .2057191    -0.90   0.367     .4748457    1.316655
-------------+----------------------------------------------------------------
department   |
   var(_cons)|   1.345383    .460702                      .6876497    2.632234
------------------------------------------------------------------------------
Note: Estimates are transformed only in the first equation to odds ratios.
Note: _cons estimates baseline odds (conditional on zero random effects).
LR test vs. logistic model: chibar2(01) = 318.77      Prob >= chibar2 = 0.0000"""

PARTS["three_levels"] = """\
        Grouping information
        -------------------------------------------------------------
                        |     No. of       Observations per group
         Group variable |     groups    Minimum    Average    Maximum
        ----------------+--------------------------------------------
                 school |         28         18       57.1        137
                  class |        135          1       11.9         28
        -------------------------------------------------------------

Integration method: mvaghermite                      Integration pts. =      7

                                                     Wald chi2(4)     = 124.20
Log likelihood = -2116.6981                          Prob > chi2      = 0.0000

...
        1.cc |   .5254813   .1285816     4.09   0.000     .2734659    .7774967
        1.tv |   .1455573   .1255827     1.16   0.246    -.1005803    .3916949
             |
       cc#tv |
        1 1  |  -.2426203   .1811999    -1.34   0.181    -.5977656    .1125251
-------------+----------------------------------------------------------------
       /cut1 |   -.074617   .1029791                     -.2764523    .1272184
       /cut2 |   .6863046   .1034813                      .4834849    .8891242
       /cut3 |   1.413686   .1064889                      1.204972    1.622401
-------------+----------------------------------------------------------------
school       |
   var(_cons)|   .0186456   .0160226                      .0034604    .1004695
-------------+----------------------------------------------------------------
school>class |
   var(_cons)|   .0519974   .0224014                      .0223496    .1209745
------------------------------------------------------------------------------
LR test vs. oprobit model: chi2(2) = 22.13                Prob > chi2 = 0.0000

Note: LR test is conservative and provided only for reference."""

PARTS["blocked"] = """\
-------------------------------------------------------------------------------------------
                    c_use | Odds ratio   Std. err.      z    P>|z|     [95% conf. interval]
--------------------------+----------------------------------------------------------------
                    urban |
                       0  |          1  (constrained)
                       1  |   2.105163   .2546604     6.15   0.000     1.660796    2.668426
                          |
                      age |   .9735765   .0077461    -3.37   0.001     .9585122    .9888775
                          |
                 children |
                       0  |          1  (constrained)
                       1  |   2.992596    .502149     6.53   0.000     2.153867    4.157931
                       2  |   3.879345   .7094125     7.41   0.000     2.710815    5.551584
                       3  |   3.774627   .7055812     7.11   0.000     2.616744    5.444863
...
           var(2.children)|   .0841518   .0880698                      .0108201     .654479
           var(3.children)|   .0841518   .0880698                      .0108201     .654479
                var(_cons)|   .1870273   .0787274                      .0819596     .426786
--------------------------+----------------------------------------------------------------
district                  |
cov(1.children,2.children)|   .0616875   .0844681     0.73   0.465    -.1038669    .2272419"""

PARTS["meta_analysis"] = """\
Integration method: laplace

                                                     Wald chi2(0)     =      .
Log likelihood = -9.4552759                          Prob > chi2      =      .
 ( 1)  [/]var(std[trial]) = 1
------------------------------------------------------------------------------
        lnor | Coefficient  Std. err.      z    P>|z|     [95% conf. interval]
-------------+----------------------------------------------------------------
       _cons |  -.5166151   .2059448    -2.51   0.012    -.9202594   -.1129707
-------------+----------------------------------------------------------------
_all         |
 var(1.trial)|        .16  (constrained)
 var(9.trial)|        .07  (constrained)
-------------+----------------------------------------------------------------
  var(e.lnor)|   .2377469   .1950926                      .0476023    1.187413
------------------------------------------------------------------------------"""

PARTS["orange"] = """\

phi1: U1[tree], xb
phi2: U2[tree], xb

------------------------------------------------------------------------------
     circumf | Coefficient  Std. err.      z    P>|z|     [95% conf. interval]
-------------+----------------------------------------------------------------
phi1         |
       _cons |   190.5939     16.211    11.76   0.000     158.8209    222.3669
-------------+----------------------------------------------------------------
phi2         |
       _cons |   719.6027   35.77597    20.11   0.000     649.4831    789.7223
-------------+----------------------------------------------------------------
         /b3 |   342.0794   26.42036    12.95   0.000     290.2965    393.8624
------------------------------------------------------------------------------

------------------------------------------------------------------------------"""


@pytest.mark.parametrize("name", WHOLE)
def test_whole_report(name):
    assert render(EXAMPLES[name]()) == WHOLE[name]


@pytest.mark.parametrize("name", PARTS)
def test_part_of_report(name):
    text = render(EXAMPLES[name]())
    for part in PARTS[name].split("\n...\n"):
        assert part in text


@pytest.mark.parametrize("name", EXAMPLES)
def test_bars_stand_in_one_column(name):
    for table in render(EXAMPLES[name]()).split("\n\n"):
        bars = {line.index("|") for line in table.splitlines() if "|" in line}
        assert len(bars) <= 1


def test_no_line_is_wider_than_the_page_unless_its_label_needs_it():
    widths = {name: max(map(len, render(make()).splitlines())) for name, make in EXAMPLES.items()}
    assert widths.pop("blocked") == 91  # cov(1.children,2.children)
    assert widths.pop("outcomes") == 94  # cov(Bus:_cons,Express train:_cons), abbreviated
    assert max(widths.values()) == 79  # a level of twelve characters
    assert widths["growth"] == 78
