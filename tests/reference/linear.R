# Refits the linear models of other_software.json with lme4 and prints each log likelihood beside the stored one.
# Run: Rscript tests/reference/linear.R
suppressMessages(library(lme4))
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
stored <- jsonlite::fromJSON(file.path(here, "other_software.json"), simplifyVector = FALSE)

read <- function(name) {
  files <- file.path(here, "data", paste0(name, c(".csv", ".csv.gz")))
  frame <- read.csv(files[file.exists(files)][1])
  groups <- setdiff(names(frame), c("Reaction", "Days", "diameter", "strength", "Yield", "score", "y", "service"))
  frame[groups] <- lapply(frame[groups], factor)
  frame
}

# A first fit by the default optimiser, then a second from there with tight tolerances.
refit <- function(case, frame) {
  control <- function(tolerance) {
    lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = tolerance, maxfun = 1e5), check.conv.singular = "ignore",
                check.conv.grad = "ignore", check.conv.hess = "ignore")
  }
  formula <- as.formula(case$formula)
  reml <- case$method == "REML"
  first <- lmer(formula, frame, REML = reml, control = control(1e-6))
  lmer(formula, frame, REML = reml, start = getME(first, "theta"), control = control(1e-9))
}

for (section in c("lmm", "insteval")) {
  for (name in names(stored[[section]])) {
    case <- stored[[section]][[name]]
    fit <- refit(case, read(strsplit(case$data, " ")[[1]][1]))
    cat(sprintf("%-22s logLik %.9f  stored %.9f  fixef %s\n", name, as.numeric(logLik(fit)), case$logLik,
                paste(format(fixef(fit), digits = 10), collapse = " ")))
  }
}
