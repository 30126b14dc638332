# Fits 60 of the data sets of data.csv.gz with lme4 by the Laplace approximation and writes lme4.json.
# Run: Rscript tests/reference/small_logit/make.R (packages lme4 and jsonlite)
#
# `logLik` is what glmer reports; `logLik_tight` is its Laplace log likelihood at the same estimates with the inner
# iterations run to the end (tolPwrss = 1e-13).
suppressMessages(library(lme4))
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
frame <- read.csv(gzfile(file.path(here, "data.csv.gz")))
sets <- c(round(seq(0, 997, length.out = 48)), 25 * round(seq(1, 40, length.out = 12)) - 1)

number <- function(x) paste(sprintf("%.17g", x), collapse = ", ")

refit <- function(set) {
  rows <- cbind(frame[150 * set + 1:150, ], group = rep(1:30, each = 5))
  fit <- suppressWarnings(suppressMessages(glmer(y ~ x + (1 | group), rows, family = binomial, nAGQ = 1)))
  tight <- glmer(y ~ x + (1 | group), rows, family = binomial, nAGQ = 1, devFunOnly = TRUE,
                 control = glmerControl(tolPwrss = 1e-13))
  messages <- jsonlite::toJSON(as.character(unlist(fit@optinfo$conv$lme4$messages)))
  sprintf('{"set": %d, "logLik": %s, "logLik_tight": %s, "beta": [%s], "theta": %s, "messages": %s}',
          set, number(logLik(fit)), number(-tight(c(getME(fit, "theta"), fixef(fit))) / 2),
          number(fixef(fit)), number(getME(fit, "theta")), messages)
}

fits <- vapply(sets, refit, "")
software <- paste0(R.version.string, ", lme4 ", packageVersion("lme4"))
writeLines(c("{", sprintf(' "software": "%s",', software),
             ' "call": "glmer(y ~ x + (1 | group), family = binomial, nAGQ = 1), default control",',
             ' "fits": [', paste0("  ", fits, c(rep(",", length(fits) - 1), "")), " ]", "}"),
           file.path(here, "lme4.json"))
