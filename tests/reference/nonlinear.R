# Fits every case of nonlinear.json by nlme, polishes each by nonlinear/dense.R, and integrates the `exact` ones.
# Run: Rscript tests/reference/nonlinear.R [cases]   (all: a quarter of an hour; nonlinear.json is written only then)
# Packages: nlme, numDeriv, MASS, jsonlite.
suppressMessages(library(nlme))
here <- dirname(sub("--file=", "", grep("--file=", commandArgs(), value = TRUE)))
for (part in c("dense", "parts", "menl", "errors", "exact")) source(file.path(here, "nonlinear", paste0(part, ".R")))

read <- function(name) {
  files <- file.path(c(file.path(here, "data"), file.path(here, "..", "..", "mejax", "datasets")), paste0(name, ".csv"))
  d <- read.csv(files[file.exists(files)][1])
  is <- function(x) x + 0
  in_order <- function(group) ave(seq_len(nrow(d)), d[[group]], FUN = seq_along)
  switch(name,
    soybean = transform(d, P = is(Variety == "P"), Y89 = is(Year == 1989), Y90 = is(Year == 1990),
                        PY89 = is(Variety == "P" & Year == 1989), PY90 = is(Variety == "P" & Year == 1990)),
    co2_plants = transform(d, Mis = is(Type == "Mississippi"), chi = is(Treatment == "chilled"),
                           Mischi = is(Type == "Mississippi" & Treatment == "chilled")),
    dialyzer = transform(d, high = is(QB == 300), p2 = pressure^2, p3 = pressure^3, p4 = pressure^4),
    ovary = transform(d, occasion = in_order("mare")),
    orthodont = transform(d, female = is(Sex == "Female"), occasion = (age - 6) / 2),
    bodyweight = transform(d, Diet2 = is(Diet == 2), Diet3 = is(Diet == 3), occasion = in_order("Rat")),
    phenobarb = with_doses(d), d)
}

# The rows with a concentration, each with the doses given before and the time since; the attribute has all rows.
with_doses <- function(d) {
  seen <- which(!is.na(d$conc))
  before <- lapply(seen, function(i) which(d$subject == d$subject[i] & !is.na(d$dose) & seq_len(nrow(d)) < i))
  wide <- d[seen, ]
  for (k in seq_len(max(lengths(before)))) {
    at <- vapply(before, function(rows) rows[k], 1L)
    wide[[paste0("dose", k)]] <- ifelse(is.na(at), 0, d$dose[at])
    wide[[paste0("since", k)]] <- ifelse(is.na(at), 0, d$time[seen] - d$time[at])
  }
  d$subject <- factor(d$subject, unique(d$subject))
  structure(wide, long = d)
}

quietly <- function(expr) {
  said <- character(0)
  value <- withCallingHandlers(
    tryCatch(expr, error = function(e) { said <<- c(said, conditionMessage(e)); NULL }),
    warning = function(w) { said <<- c(said, conditionMessage(w)); invokeRestart("muffleWarning") })
  list(value = value, said = unique(said))
}

# A fit's estimates in the order of `theta`.
theta_of <- function(fit, model) {
  covs <- unlist(lapply(model$random, function(block) {
    D <- as.matrix(fit$modelStruct$reStruct[[tail(block$by, 1)]]) * fit$sigma^2
    terms <- intersect(c(block$terms, paste0(block$terms, ".(Intercept)")), rownames(D))
    D <- D[terms, terms, drop = FALSE]
    if (block$cov == "diag") diag(D) else D[lower.tri(D, diag = TRUE)]
  }), use.names = FALSE)
  values <- function(struct) if (!is.null(struct)) coef(struct, unconstrained = FALSE)
  cor <- values(fit$modelStruct$corStruct)
  if (inherits(fit$modelStruct$corStruct, "corExp")) cor <- exp(-1 / cor)
  sd <- values(fit$modelStruct$varStruct)
  if (inherits(fit$modelStruct$varStruct, "varConstPower")) sd <- rev(sd)
  sigma <- fit$sigma
  if (inherits(fit$modelStruct$varStruct, "varIdent")) {
    ratios <- coef(fit$modelStruct$varStruct, unconstrained = FALSE, allCoef = TRUE)[model$errors$levels]
    sigma <- sigma * ratios[[1]]
    sd <- ratios[-1] / ratios[[1]]
  }
  c(covs, sigma^2, if (length(model$errors$par)) as.numeric(c(cor, sd)))
}

labels_of <- function(model) {
  random <- unlist(lapply(model$random, function(block) {
    k <- length(block$terms)
    cells <- if (block$cov == "diag") cbind(1:k, 1:k) else which(lower.tri(diag(k), diag = TRUE), arr.ind = TRUE)
    text <- ifelse(cells[, 1] == cells[, 2], paste0("var(", block$terms[cells[, 1]], ")"),
                   paste0("cov(", block$terms[cells[, 2]], ",", block$terms[cells[, 1]], ")"))
    paste0(paste(block$by, collapse = ">"), ":", text)
  }))
  c(random, "sigma2", model$errors$par)
}

`%||%` <- function(a, b) if (is.null(a)) b else a

named <- function(x, names) as.list(setNames(as.numeric(x), names))

nlme_entry <- function(fit, model, said, tolerance) {
  V <- if (inherits(fit, "gls")) fit$varBeta else fit$varFix
  beta <- if (inherits(fit, "gls")) coef(fit) else fixef(fit)
  list(logLik = as.numeric(logLik(fit)), fixef = named(beta, model$fixed), se = named(sqrt(diag(V)), model$fixed),
       vc = named(theta_of(fit, model), labels_of(model)), tolerance = tolerance, remarks = as.list(said))
}

entry <- function(model, command, note, fp, held) {
  n <- nrow(model$d); p <- length(model$fixed)
  se <- rep(NA, length(fp$theta))
  se[fp$free] <- sqrt(diag(theta_vcov(model, fp, held)))
  levels <- vapply(model$random, function(block) paste(block$by, collapse = ">"), "")
  # The option follows a comma, or other options.
  reml <- if (grepl("^mixed|, (define|res|cov)", command %||% "")) " reml" else ", reml"
  list(data = model$data, command = if (!is.null(command)) paste0(command, if (fp$reml) reml),
       method = if (fp$reml) "REML" else "ML", note = note, n = n, groups = length(model$rows),
       npar = p + length(fp$theta), logLik = fp$logLik, fixef = named(fp$beta, model$fixed),
       se_unadjusted = named(sqrt(diag(fp$vcov)), model$fixed),
       se_adjusted = named(sqrt(diag(fp$vcov) * n / (n - p)), model$fixed), vcov_unadjusted = unname(fp$vcov),
       vc = named(fp$theta, labels_of(model)), vc_se = named(se, labels_of(model)),
       ranef_first = Map(function(effects, level) list(
         level = level, groups = head(names(model$rows), 3), values = lapply(unname(head(effects, 3)), unname)),
         unname(fp$effects), levels),
       fitted_first = head(fp$fitted, 5), last_step = fp$last_step)
}
report <- function(name, value) {
  cat(sprintf("%-34s logLik %.9f  nlme %.9f  last step %.0e\n", name, value$logLik, value$nlme$logLik %||% NA,
              value$last_step))
}

run_menl <- function(name, case) {
  d <- read(case$model$data)
  model <- prepare(case$model, d)
  beta <- case$start$beta; theta <- case$start$theta
  fit <- NULL
  if (!is.null(case$nlme)) {
    for (tolerance in 10^-(9:3)) {
      control <<- tighten(tolerance)
      attempt <- quietly(case$nlme(d))
      fit <- attempt$value
      if (!is.null(fit)) break
    }
    beta <- as.numeric(fixef(fit)); theta <- theta_of(fit, model)
  }
  theta[case$hold] <- 0
  result <- list()
  for (reml in c(FALSE, if (case$reml) TRUE)) {
    fp <- fixed_point(model, theta, beta, reml, case$hold)
    theta <- fp$theta; beta <- fp$beta
    value <- entry(model, case$command, case$note, fp, held = TRUE)
    if (!reml && !is.null(fit)) value$nlme <- nlme_entry(fit, model, attempt$said, tolerance)
    full <- paste0(name, if (reml) "_reml" else "_ml")
    report(full, value)
    result[[full]] <- value
  }
  result
}

run_errors <- function(name, case) {
  d <- read(case$design$data)
  model <- prepare(c(linear(case$design$formula, d), case$design[c("data", "group")],
                     list(random = case$random, errors = case$errors)), d)
  beta <- lm.fit(model.matrix(case$design$formula, d), d[[model$y]])$coefficients
  theta <- case$start
  result <- list()
  for (method in c("ML", "REML")) {
    if (!is.null(case$fit)) {
      attempt <- quietly(case$fit(d, method))
      theta <- theta_of(attempt$value, model)
    }
    fp <- fixed_point(model, theta, beta, method == "REML")
    theta <- fp$theta
    value <- entry(model, case$command, case$design$note, fp, held = grepl("^menl", case$command))
    if (!is.null(case$fit)) value$nlme <- nlme_entry(attempt$value, model, attempt$said, 1e-12)
    full <- paste0(name, "_", tolower(method))
    report(full, value)
    result[[full]] <- value
  }
  result
}

chosen <- commandArgs(trailingOnly = TRUE)
pick <- function(cases) if (length(chosen)) cases[intersect(names(cases), chosen)] else cases
gather <- function(run, cases) {
  done <- suppressWarnings(parallel::mcmapply(run, names(cases), cases, SIMPLIFY = FALSE, mc.cores = 2,
                                              mc.preschedule = FALSE))
  failed <- vapply(done, inherits, TRUE, "try-error")
  if (any(failed)) cat(paste0(names(cases)[failed], ": ", unlist(done[failed])), sep = "\n")
  unlist(unname(done[!failed]), recursive = FALSE)
}
values <- list(menl = gather(run_menl, pick(menl_cases)), errors = gather(run_errors, pick(error_cases)),
               exact = lapply(pick(exact_cases), function(case) run_exact(case, read(case$data))))
if (!length(chosen)) {
  text <- jsonlite::toJSON(values, auto_unbox = TRUE, digits = NA, null = "null", na = "null", pretty = 1)
  writeLines(text, file.path(here, "nonlinear.json"))
}
