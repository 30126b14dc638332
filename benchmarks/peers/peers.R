# Times one R package on one case: Rscript peers.R PACKAGE TABLE SECONDS FORMULA FAMILY POINTS BEYOND CALL
# TABLE is a folder as store.py writes it.  The last line of output is the result as JSON, as in measure.py.  Each fitting function goes from the data frame to the
# estimates with the standard errors of the fixed effects.  BEYOND and CALL are empty for models that FORMULA says.
arguments <- commandArgs(trailingOnly = TRUE)
package <- arguments[1]
seconds <- as.numeric(arguments[3])
formula <- as.formula(arguments[4])
family <- arguments[5]
points <- as.integer(arguments[6])
beyond <- arguments[7]
call <- arguments[8]
suppressWarnings(suppressMessages(library(package, character.only = TRUE)))

finish <- function(text) {
  cat(text, "\n", sep = "")
  quit(status = 0)
}

# y ~ x + (x | g)  ->  list(fixed = y ~ x, random = ~ x | g), if there is one random term
parts <- function(formula) {
  text <- paste(deparse(formula), collapse = "")
  random <- regmatches(text, gregexpr("\\([^()]*\\|[^()]*\\)", text))[[1]]
  if (length(random) != 1) return(NULL)
  list(fixed = as.formula(sub(" *\\+ *\\([^()]*\\)", "", text)), random = as.formula(paste("~", gsub("[()]", "", random))))
}

# With more than one point glmer leaves out the log likelihood of the saturated model, which is 0 for zeros and ones.
left_out <- function(frame) {
  if (points == 1 || family != "poisson") return(0)
  y <- frame[[all.vars(formula)[1]]]
  sum(dpois(y, y, log = TRUE))
}

refusal <- function() {
  if (nzchar(call)) return(NULL)
  if (nzchar(beyond)) return(paste("fits no", beyond))
  if (package == "nlme" && family != "gaussian") return("linear and nonlinear models only")
  if (package == "nlme" && is.null(parts(formula))) return("several random terms are not practical in it")
  if (package == "glmmTMB" && points > 1) return("has Laplace's approximation only")
}

# The call that the case has for this package.
stated <- function(frame) eval(parse(text = call))

# What bootMer keeps of each replicate; the log likelihood of the fit itself comes with its own.
estimates <- function(fit) c(fixef(fit), as.data.frame(VarCorr(fit))$vcov, loglik = as.numeric(logLik(fit)))

resampled <- function(found) {
  kept <- found$t[complete.cases(found$t), ]
  errors <- apply(kept[, seq_along(found$mle$beta)], 2, sd)
  said <- paste(sprintf("%s %.4g", names(errors), errors), collapse = " ")
  note <- sprintf("std. errors %s of %d replicates", said, nrow(kept))
  list(loglik = found$t0[["loglik"]], converged = TRUE, note = note)
}

fits <- list(
  lme4 = function(frame) {
    if (nzchar(call)) return(resampled(stated(frame)))
    linear <- family == "gaussian"
    fit <- if (linear) lmer(formula, frame, REML = FALSE) else glmer(formula, frame, family, nAGQ = points)
    stopifnot(all(diag(as.matrix(vcov(fit))) > 0))
    list(loglik = as.numeric(logLik(fit)) + left_out(frame), converged = fit@optinfo$conv$opt == 0)
  },
  glmmTMB = function(frame) {
    fit <- if (nzchar(call)) stated(frame) else glmmTMB(formula, frame, family)
    stopifnot(all(diag(vcov(fit)$cond) > 0))
    list(loglik = as.numeric(logLik(fit)), converged = fit$fit$convergence == 0)
  },
  nlme = function(frame) {
    model <- parts(formula)
    fit <- if (nzchar(call)) stated(frame)
      else lme(model$fixed, frame, model$random, method = "ML", control = lmeControl(opt = "optim"))
    stopifnot(all(diag(vcov(fit)) > 0))
    list(loglik = as.numeric(logLik(fit)), converged = TRUE)
  }
)

number <- function(x) if (length(x)) format(x, digits = 15) else "null"

report <- function(result, first, warm) {
  sprintf(paste('{"loglik": %s, "converged": %s, "seconds_first": %s, "first_at": %s, "start_memory_mb": %s,',
                '"seconds_warm": %s, "seconds_best": %s, "fits": %d%s}'),
          number(result$loglik), tolower(result$converged), number(first), number(first_at), number(start_memory),
          number(if (length(warm)) median(warm)), number(if (length(warm)) min(warm)), 1L + length(warm),
          if (is.null(result$note)) "" else sprintf(', "note": "%s"', result$note))
}

table_of <- function(folder) {
  columns <- read.table(file.path(folder, "columns.txt"), col.names = c("name", "kind", "rows"))
  read <- function(name, kind, rows) {
    size <- if (kind == "integer") 4 else 8
    readBin(file.path(folder, paste0(name, ".bin")), kind, rows, size, endian = "little")
  }
  as.data.frame(setNames(Map(read, columns$name, columns$kind, columns$rows), columns$name))
}

# Linux only.
resident_mb <- function() {
  if (!file.exists("/proc/self/status")) return(NULL)
  line <- grep("^VmRSS:", readLines("/proc/self/status"), value = TRUE)
  round(as.numeric(gsub("[^0-9]", "", line)) / 1024)
}

if (!is.null(refusal())) finish(sprintf('{"reason": "%s"}', refusal()))

frame <- table_of(arguments[2])
start_memory <- resident_mb()
clock <- function() as.numeric(Sys.time())
now <- clock()
result <- fits[[package]](frame)
first_at <- clock()
first <- first_at - now
cat(report(result, first, numeric()), "\n", sep = "")
warm <- numeric()
while (length(warm) < 20 && (!length(warm) || sum(warm) + tail(warm, 1) < seconds)) {
  now <- clock()
  result <- fits[[package]](frame)
  warm <- c(warm, clock() - now)
}
finish(report(result, first, warm))
