"""Every option of every command, in one table.

An option's *name* is its key in `Spec.options`; its *spelling* is the word in a command, with the shortest
abbreviation before the colon; its *keyword* is what Python calls it (the name, where nothing else is said).
The value's type follows from its *kind*:

| kind | value |
|---|---|
| flag | True (absent otherwise) |
| level, number, tolerance | float |
| count | int |
| points | int, or a tuple with one int per level |
| numbers | tuple of int |
| grid | True (bare), or a tuple of float |
| name | str, a column |
| names of choices (intmethod, link, startvalues, ...) | str, written out |
| vce | ("oim",), ("robust",) or ("cluster", column) |
| covariance | `Covariance` |
| family | (family,), ("binomial", expression), ("nbinomial", "mean" or "constant"): see `families.family_of` |
| dfmethod | (method, suboptions as typed) |
| expression | `Expression` |
| bound | True (bare), or `Expression` |
| outcome | float, or str: the value or the label of a category |
| raw | the text between the parentheses; as a keyword any object |
| residuals, resvariance, rescorrelation, rescovariance | `Residuals`: together they are `Spec.residuals` |
| initial | pairs (label, number), which go to `Nonlinear.starts`; or a tuple of float, in printed order |
| definition, block | tuple of cursors over texts that are read together with the mean; these options may be repeated |

Some options end up elsewhere in a `Spec`: `offset` in `Spec.offset`, the fixed part's `noconstant` in its columns,
`covariance` and weights of a random-effects equation in that equation.  `constraints` is a tuple of numbers; the
definitions given by the keyword of the same name lie under `constraint_definitions`.  `collinear` is the fixed
part's; the positions of equations that have their own lie under `collinear_equations`.  `meintreg` has its second
response under `second_response` (after a formula: `upper(y2)`), `mestreg` its first under `Spec.response`.
Of `mestreg`, `eform` is True where ratios are printed, whatever said so (see `survival`).  `shared` ends up in the
equations that it holds for.
`cbind(successes, failures)` is read as the response `successes` with `binomial` successes + failures.
`exactderivatives` differentiates the whole adaptive approximation, where by default its nodes are held.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from .words import abbreviates, full

COMMANDS = (
    "mixed", "meglm", "melogit", "meprobit", "mecloglog", "meologit", "meoprobit", "mepoisson", "menbreg", "metobit",
    "meintreg", "mestreg", "memlogit", "menl",
)  # fmt: skip
_PREDICTED = COMMANDS[:-1]  # the mean is a function of linear predictors
_GENERALIZED = _PREDICTED[1:]
_RATIOS = (*COMMANDS[1:9], "mestreg", "memlogit")  # the response of the others is on the scale of eta
_ORDINAL = ("meologit", "meoprobit")
_BINARY = ("melogit", "meprobit", "mecloglog")
_COUNT = ("mepoisson", "menbreg")


@dataclass(frozen=True)
class Option:
    """One row of the table.  `unbuilt` maps commands that do not have it yet to what can be done instead."""

    name: str
    spelling: str
    kind: str = "flag"
    keyword: str = ""
    commands: tuple[str, ...] = COMMANDS
    unbuilt: Mapping[str, str] = field(default_factory=dict)
    value: object = True  # of a flag
    repeated: bool = False

    @property
    def word(self) -> str:
        return full(self.spelling)

    @property
    def takes_argument(self) -> bool:
        return self.kind != "flag"


def _flags(commands: tuple[str, ...], *spellings: str) -> list[Option]:
    return [Option(full(spelling), spelling, commands=commands) for spelling in spellings]


def _values(kind: str, commands: tuple[str, ...], *spellings: str) -> list[Option]:
    return [Option(full(spelling), spelling, kind, commands=commands) for spelling in spellings]


def _unbuilt(advice: str, *options: Option) -> list[Option]:
    return [replace(option, unbuilt=dict.fromkeys(option.commands, advice)) for option in options]


_MIXED = ("mixed",)
_MENL = ("menl",)
_LINEAR = _MIXED + _MENL  # menl is made of linear models
_NEWTON = "Leave it out: convergence is judged by the gain still expected, and tolerance() sets how much"
_PLAIN = "Leave it out: nothing but the printed table depends on it"
_SMALL = "Give a dfmethod(), by which the table has t statistics; tests take `small=True`"
_DF_TABLE = "`fit.estat.df()` shows the degrees of freedom of every coefficient"

_ESTIMATION = [
    *_flags(_LINEAR, "ml:e", "reml"),
    *_flags(_PREDICTED, "nocons:tant", "col:linear", "dif:ficult"),
    *_flags(COMMANDS, "nolo:g", "lo:g"),
    *_unbuilt(_NEWTON, *_flags(_PREDICTED, "nonrtol:erance")),
    *_flags(_MIXED, "emonly", "emlog"),
    *_values("count", COMMANDS, "iter:ate"),
    *_values("count", _LINEAR, "emiter:ate"),
    *_values("tolerance", COMMANDS, "tol:erance", "ltol:erance"),
    *_values("tolerance", _PREDICTED, "nrtol:erance"),
    *_values("tolerance", _MIXED, "emtol:erance"),
    *_values("technique", _PREDICTED, "tech:nique"),
    Option("start", "from", "raw", keyword="start"),
    Option("constraints", "const:raints", "numbers", commands=_PREDICTED),
    Option("vce", "vce", "vce", commands=_PREDICTED),
    Option("vce", "r:obust", commands=_PREDICTED, value=("robust",)),
    Option("vce", "cl:uster", "cluster", commands=_PREDICTED),
    Option("covariance", "cov:ariance", "covariance", commands=_PREDICTED),
    *[Option(w, f"{w[:2]}:{w[2:]}", "expression", commands=_PREDICTED) for w in ("fweight", "iweight", "pweight")],
    *_values("residuals", _MIXED, "res:iduals"),
    *_values("dfmethod", _MIXED, "dfm:ethod"),
    *_unbuilt(_SMALL, *_flags(_MIXED, "small")),
    *_unbuilt(_DF_TABLE, *_values("raw", _MIXED, "dftab:le")),
    *_values("pwscale", _MIXED, "pwscale"),
    *_values("solver", _PREDICTED, "solver"),
    *_values("raw", _PREDICTED, "devices"),
    *_values("count", _PREDICTED, "probes", "rseed"),
    *_unbuilt("Leave it out: progress is shown by the iteration log", *_flags(_MIXED, "emdots")),
    *_unbuilt("Leave it out: the log shows no more", *_flags(_PREDICTED, "trace", "grad:ient", "showstep", "hess:ian")),
]  # fmt: skip

_REPORTING = [
    *_flags(_LINEAR, "var:iance", "stddev:iations"),
    *_values("level", COMMANDS, "l:evel"),
    *_flags(COMMANDS, "nohead:er", "nogr:oup"),
    *_flags(_PREDICTED, "nolr:test", "nocnsr:eport"),
    *_unbuilt("The labels are those of `fit.params.index`", *_flags(COMMANDS, "coefl:egend")),
    *_flags(_LINEAR, "nofet:able", "noret:able"),
    *_flags(COMMANDS, "base:levels", "allbase:levels", "noomit:ted", "noempty:cells", "nofvlab:el"),
    *_flags(_GENERALIZED, "notab:le"),
    *_unbuilt(_PLAIN, *_flags(COMMANDS, "vsquish", "noci", "nopv:alues", "nolstretch")),
    *_unbuilt(_PLAIN, *_values("raw", COMMANDS, "fvwrap", "fvwrapon", "cformat", "pformat", "sformat")),
]

_MODELS = [
    *_values("expression", _PREDICTED, "off:set"),
    *_values("expression", ("meglm", *_COUNT), "exp:osure"),
    *_values("expression", _BINARY, "bin:omial"),
    *_flags((*_BINARY, "meglm"), "asis"),
    *_values("family", ("meglm",), "f:amily"),
    *_values("link", ("meglm",), "l:ink"),
    *_values("dispersion", ("menbreg",), "d:ispersion"),
    *_values("intmethod", (*_GENERALIZED, "menl"), "intm:ethod"),
    *_values("points", (*_GENERALIZED, "menl"), "intp:oints"),
    *_values("startvalues", _GENERALIZED, "startv:alues"),
    *_values("grid", _GENERALIZED, "startg:rid"),
    *_unbuilt("`iterate(0)` stops at the starting values", *_flags(_GENERALIZED, "noest:imate")),
    *_flags(_GENERALIZED, "exactd:erivatives"),
    *_unbuilt("Leave it out: exact derivatives are always used", *_flags(_GENERALIZED, "dnum:erical")),
    *_values("bound", ("metobit",), "ll", "ul"),
    Option("second_response", "upper", "expression", commands=("meintreg",)),
    *_values("distribution", ("mestreg",), "d:istribution"),
    Option("aft", "time", keyword="aft", commands=("mestreg",)),
    Option("time", "time", "expression", commands=("mestreg",)),
    *_values("expression", ("mestreg",), "fail:ure", "enter"),
    Option("enter", "t0", "expression", commands=("mestreg",)),
    *_values("name", ("mestreg",), "id"),
    *_flags(("mestreg",), "nohr"),
    *_values("outcome", ("memlogit",), "baseo:utcome"),
    *_flags(("memlogit",), "shared"),
    Option("eform", "ef:orm", commands=_RATIOS),
    Option("eform", "or", commands=("meglm", *_BINARY[:1], *_ORDINAL[:1])),
    Option("eform", "ir:r", commands=("meglm", *_COUNT)),
    Option("eform", "hr", commands=("mestreg",), value="hr"),
    Option("eform", "tr:atio", commands=("mestreg",), value="tratio"),
    Option("eform", "rrr", commands=("memlogit",)),
    Option("define", "def:ine", "definition", commands=_MENL, repeated=True),
    Option("covariance", "cov:ariance", "block", commands=_MENL, repeated=True),
    *_values("initial", _MENL, "init:ial"),
    *[Option(w, f"{w[:6]}:{w[6:]}", w, commands=_MENL) for w in ("resvariance", "rescorrelation", "rescovariance")],
]

BARE = ("bound", "grid")  # kinds that may stand without parentheses
OPTIONS: tuple[Option, ...] = (*_ESTIMATION, *_REPORTING, *_MODELS)
EQUATION_OPTIONS = ("covariance", "noconstant", "collinear", "shared", "fweight", "iweight", "pweight")
EXCLUSIVE = (
    ("mle", "reml"), ("log", "nolog"), ("variance", "stddeviations"), ("nrtolerance", "nonrtolerance"),
    ("eform", "nohr"), ("rescovariance", "resvariance"), ("rescovariance", "rescorrelation"),
)  # fmt: skip


def options_of(command: str) -> tuple[Option, ...]:
    return tuple(option for option in OPTIONS if command in option.commands)


def candidates(command: str, typed: str) -> list[Option]:
    """The options that a typed word may mean; an exact word means nothing else."""
    known = options_of(command)
    exact = [option for option in known if option.word == typed]
    return exact or [option for option in known if abbreviates(typed, option.spelling)]


def keywords_of(command: str) -> dict[str, Option]:
    """Python keyword -> option.  The suite's own word serves as well, where the two differ."""
    known = options_of(command)
    by_word = {option.word: option for option in reversed(known) if not (option.keyword and option.name != option.word)}
    return by_word | {option.keyword or option.name: option for option in reversed(known)}
