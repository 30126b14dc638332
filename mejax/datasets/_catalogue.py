"""What each data set is: columns and units, origin, and what to know before relying on it."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Dataset:
    """One entry: `columns` maps names to meaning and unit, `value_labels` a column to the texts of its codes."""

    title: str
    rows: int
    columns: Mapping[str, str]
    origin: str
    remarks: tuple[str, ...] = ()
    value_labels: Mapping[str, Mapping[int, str]] = field(default_factory=dict)


_FLOAT32 = "Decimal columns hold the single-precision values of the original file, written with nine digits."

CATALOGUE: Mapping[str, Dataset] = {
    "pig": Dataset(
        title="weights of 48 pigs over nine weeks",
        rows=432,
        columns={"id": "pig, 1 to 48", "week": "week of the measurement, 1 to 9", "weight": "weight in kg"},
        origin=(
            "P. J. Diggle, P. Heagerty, K.-Y. Liang and S. L. Zeger, Analysis of Longitudinal Data (Oxford). "
            "Also in the R package SemiPar as pig.weights (GPL >= 2)."
        ),
        remarks=("Columns are named as in the copy that Stata's manuals use.",),
    ),
    "clippings": Dataset(
        title="chlorophyll in golf-turf clippings, a split-plot experiment",
        rows=24,
        columns={
            "chlorophyll": "chlorophyll content of the clippings in mg/g",
            "thatch": "years of thatch accumulation: 2, 5 or 8 (the subplot treatment)",
            "block": "block, 1 or 2",
            "nitrogen": "form of the nitrogen fertiliser (the whole-plot treatment), with value labels",
        },
        origin="R. O. Kuehl, Design of Experiments, 2nd edition (Duxbury, 2000), page 477.",
        remarks=(
            "The 24 values were not copied from a public file: they were written down from memory of the textbook's "
            "table. Fitted with whole plots = block x nitrogen they reproduce the published restricted log "
            "likelihood, variance components and all twelve cell means to every printed digit, but nobody has "
            "compared them with an original copy.",
            "There is no column for the whole plots, of which there are eight: make one with "
            "`df['wpunit'] = (df['nitrogen'] - 1) * 2 + df['block']`.",
            _FLOAT32,
        ),
        value_labels={"nitrogen": {1: "Urea", 2: "Ammonium sulphate", 3: "IBDU", 4: "Urea (SC)"}},
    ),
    "admissions": Dataset(
        title="graduate admissions of women and men in 23 departments",
        rows=46,
        columns={
            "department": "department, 1 to 23, in the order of Agresti's table",
            "nadmitted": "number of applicants admitted",
            "napplied": "number of applicants",
            "female": "1 for the row of the women, 0 for that of the men",
        },
        origin=(
            "A. Agresti, Categorical Data Analysis, 3rd edition (Wiley, 2013), page 219: graduate admissions at the "
            "University of Florida, 1997-98."
        ),
        remarks=(
            "No public copy was at hand: the counts were written down from memory of the table. They reproduce "
            "the published log likelihoods with and without random effects, the odds ratio and the variance to "
            "every printed digit.",
            "The numbering of the departments may differ from that of other copies; no fit depends on it.",
        ),
    ),
    "bangladesh": Dataset(
        title="contraceptive use of women in 60 districts of Bangladesh",
        rows=1934,
        columns={
            "district": "district, 1 to 61 (60 of them occur)",
            "c_use": "1 if the woman uses contraception",
            "urban": "1 if she lives in a town",
            "age": "age in years, minus the mean",
            "child1": "1 if she has one child",
            "child2": "1 if she has two children",
            "child3": "1 if she has three or more children",
            "children": "number of children: 0, 1, 2, or 3 for three and more",
        },
        origin=(
            "N. M. Huq and J. Cleland, Bangladesh Fertility Survey 1989, Main Report (1990). The copy is that of "
            "Stata's example data, which are free to download and carry no licence text."
        ),
        remarks=(
            "mlmRev::Contraception in R has the same women; in two rows the number of children differs (1 there, "
            "2 here), so fits differ slightly.",
            _FLOAT32,
        ),
    ),
    "diuretics": Dataset(
        title="nine trials of diuretics against pre-eclampsia, a meta-analysis",
        rows=9,
        columns={
            "trial": "trial, 1 to 9",
            "lnor": "log odds ratio of pre-eclampsia, treated against control",
            "var": "variance of the log odds ratio",
            "std": "its standard error, the square root of var",
        },
        origin=(
            "R. Collins, S. Yusuf and R. Peto, Overview of randomised trials of diuretics in pregnancy, "
            "British Medical Journal 290 (1985), 17-23."
        ),
        remarks=(
            "Rounded to two decimals; the log odds ratios agree with the raw counts of the trials to that precision.",
            _FLOAT32,
        ),
    ),
    "tvsfpors": Dataset(
        title="tobacco knowledge of pupils after a school-based prevention programme",
        rows=1600,
        columns={
            "school": "school (28 of them)",
            "class": "class (135 of them); school times 1000 plus a number",
            "thk": "tobacco and health knowledge after the programme, 1 (lowest) to 4",
            "prethk": "the same scale's score before the programme, 0 to 6",
            "cc": "1 if the school had the social-resistance classroom curriculum",
            "tv": "1 if the school had the television intervention",
        },
        origin=(
            "B. R. Flay and others, The Television, School, and Family Smoking Prevention and Cessation Project, "
            "Preventive Medicine 17 (1988), 585-607; analysed by D. Hedeker and R. D. Gibbons (1996). Circulates with "
            "S. Rabe-Hesketh and A. Skrondal, Multilevel and Longitudinal Modeling Using Stata, without a licence "
            "text; the same rows are in the R package mixor as SmokingPrevention (GPL >= 2)."
        ),
    ),
    "orange": Dataset(
        title="growth of five orange trees",
        rows=35,
        columns={
            "tree": "tree, 1 to 5",
            "age": "days since 1968-12-31",
            "circumf": "circumference of the trunk in mm",
        },
        origin=(
            "N. R. Draper and H. Smith, Applied Regression Analysis, 3rd edition (Wiley, 1998). "
            "Also in R as datasets::Orange (GPL)."
        ),
        remarks=("Trees are numbered by their labels in R.",),
    ),
    "catheter": Dataset(
        title="infections of 38 dialysis patients at the insertion point of the catheter",
        rows=76,
        columns={
            "patient": "patient, 1 to 38; two catheters each",
            "time": "days from insertion to infection, or until the catheter was removed for another reason",
            "infect": "1 if there was an infection, 0 if the catheter was removed before one",
            "age": "age in years, at each insertion",
            "female": "1 for women, 0 for men",
            "disease": "kidney disease: AN (acute nephritis), GN (glomerulonephritis), PKD (polycystic), Other",
        },
        origin=(
            "C. A. McGilchrist and C. W. Aisbett, Regression with frailty in survival analysis, Biometrics 47 (1991), "
            "461-466. The copy is that of the R package survival (kidney, LGPL >= 2)."
        ),
        remarks=(
            "The file of the same name that Stata's manuals use lists one mean age per patient and differs in some "
            "other value, so fits differ slightly.",
            "The original's column of estimated frailties is left out.",
        ),
    ),
    "nlswork": Dataset(
        title="wages of young women in the National Longitudinal Survey, 1970-1988",
        rows=19224,
        columns={
            "idcode": "woman (4,148 of them)",
            "year": "year of the interview, 70 to 88",
            "age": "age in years",
            "grade": "years of schooling completed",
            "not_smsa": "1 if she lives outside a metropolitan area",
            "south": "1 if she lives in the South",
            "union": "1 if her job is covered by a union",
            "ln_wage": "log of the hourly wage, deflated",
        },
        origin=(
            "US Bureau of Labor Statistics, National Longitudinal Survey of women aged 14 to 24 in 1968. The copy is "
            "that of Stata's example data nlswork, as kept in the repository of reghdfe (MIT)."
        ),
        remarks=(
            "Of the 28,534 person-years of the original these are the ones without a missing value in any of the "
            "eight columns kept; 6,890 of them have ln_wage >= 1.9.",
            _FLOAT32,
        ),
    ),
    "sdhouse": Dataset(
        title="housing of homeless people with severe mental illness over two years, a randomised trial",
        rows=1289,
        columns={
            "id": "person (361 of them)",
            "status": "where the person lives, with value labels",
            "sec8": "1 if randomised to a Section 8 rent certificate, 0 for the control arm",
            "time": "occasion: 0 baseline, 1 at 6 months, 2 at 12 months, 3 at 24 months",
        },
        origin=(
            "The McKinney Homeless Research Project in San Diego (R. L. Hough and others); analysed by D. Hedeker, "
            "A mixed-effects multinomial logistic regression model, Statistics in Medicine 22 (2003), 1433-1446. "
            "The copy is that of the web site of G. Rodriguez, grodri.github.io (MIT)."
        ),
        remarks=("Dummies and products that can be made from the four columns are left out.",),
        value_labels={"status": {0: "street", 1: "community", 2: "independent"}},
    ),
    "theoph": Dataset(
        title="concentrations of theophylline in 12 subjects after one oral dose",
        rows=132,
        columns={
            "subject": "subject, 1 to 12; eleven measurements each",
            "wt": "weight in kg",
            "dose": "dose in mg per kg of weight",
            "time": "hours since the dose",
            "conc": "concentration in the serum in mg/L",
        },
        origin=(
            "A. J. Boeckmann, L. B. Sheiner and S. L. Beal, NONMEM Users Guide: Part V (University of California, "
            "San Francisco, 1994). Also in R as datasets::Theoph (GPL)."
        ),
    ),
    "ovary": Dataset(
        title="numbers of large ovarian follicles of 11 mares over their cycles",
        rows=308,
        columns={
            "mare": "mare, 1 to 11",
            "time": "time in the cycle: the ovulations are at 0 and 1",
            "follicles": "number of follicles more than 10 mm in diameter",
            "sin1": "sin(2 pi time)",
            "cos1": "cos(2 pi time)",
        },
        origin=(
            "R. A. Pierson and O. J. Ginther, Follicular population dynamics during the estrous cycle of the mare, "
            "Animal Reproduction Science 14 (1987), 219-231. Also in the R package nlme as Ovary (GPL >= 2)."
        ),
        remarks=(
            "The measurements are daily, and the rows of a mare are in the order of time: make their number with "
            "`df['occasion'] = df.groupby('mare').cumcount() + 1`.",
        ),
    ),
    "penicillin": Dataset(
        title="an assay of penicillin: six samples on each of 24 plates",
        rows=144,
        columns={
            "plate": "plate, a to x",
            "sample": "sample of penicillin, A to F; each was put on every plate",
            "diameter": "diameter in mm of the zone in which the bacteria do not grow",
        },
        origin=(
            "O. L. Davies and P. L. Goldsmith (editors), Statistical Methods in Research and Production, 4th edition "
            "(Oliver and Boyd, 1972), section 6.6. Also in the R package lme4 as Penicillin (GPL >= 2)."
        ),
    ),
}
