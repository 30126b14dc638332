# Exact marginal log likelihoods at stated parameters: the trapezoidal rule over the random effects of each group,
# centred at their mode and scaled by the curvature there, on nodes `step` apart up to 24 such units.  The rule is
# exponentially accurate for such integrands: halving the step changes nothing.
log_sum <- function(x) max(x) + log(sum(exp(x - max(x))))

# `joint(u, d)`: log density of one group's data and of its random effects, one row of `u` per node.
group_integral <- function(joint, d, q, step) {
  at_one <- function(u) joint(matrix(u, 1), d)
  mode <- optim(numeric(q), function(u) -at_one(u), method = "BFGS", control = list(reltol = 1e-14, maxit = 1000))$par
  mode <- mode - solve(numDeriv::hessian(at_one, mode), numDeriv::grad(at_one, mode))
  scale <- t(chol(solve(-numDeriv::hessian(at_one, mode))))
  grid <- as.matrix(expand.grid(rep(list(seq(-24, 24, by = step)), q)))
  log_sum(joint(sweep(grid %*% t(scale), 2, mode, "+"), d)) + q * log(step) + sum(log(diag(scale)))
}
marginal <- function(joint, d, group, q) {
  parts <- split(d, factor(d[[group]], unique(d[[group]])))
  by_step <- sapply(c(0.2, 0.1), function(step) sapply(parts, function(part) group_integral(joint, part, q, step)))
  list(logLik = sum(by_step[, 2]), change_on_halving = abs(sum(by_step[, 2]) - sum(by_step[, 1])),
       by_group = as.list(by_step[, 2]))
}

density <- function(y, mean, sd) {
  rowSums(matrix(dnorm(rep(y, each = nrow(mean)), c(mean), c(sd), log = TRUE), nrow(mean)))
}
orange_joint <- function(a, sd) function(u, d) {
  age <- rep(d$age, each = nrow(u))
  mean <- matrix((a[["b1"]] + u[, 1]) / (1 + exp(-(age - a[["b2"]]) / a[["b3"]])), nrow(u))
  density(d$circumf, mean, sd(mean, a)) + dnorm(u[, 1], 0, sqrt(a[["var(U1)"]]), log = TRUE)
}
theoph_joint <- function(a, sd) function(u, d) {
  time <- rep(d$time, each = nrow(u))
  ke <- exp(a[["b2"]]); ka <- exp(a[["b1"]] + u[, 2]); cl <- exp(a[["b0"]] + u[, 1])
  mean <- matrix(d$dose[1] * ke * ka / (cl * (ka - ke)) * (exp(-ke * time) - exp(-ka * time)), nrow(u))
  density(d$conc, mean, sd(mean, a)) + dnorm(u[, 1], 0, sqrt(a[["var(U0)"]]), log = TRUE) +
    dnorm(u[, 2], 0, sqrt(a[["var(U1)"]]), log = TRUE)
}

# Standard deviations of the errors; the mean in them is the true one, with the group's random effects.
constant_sd <- function(mean, a) sqrt(a[["sigma2"]])
power_sd <- function(mean, a) sqrt(a[["sigma2"]]) * abs(mean)^a[["delta"]]
constant_power_sd <- function(mean, a) sqrt(a[["sigma2"]]) * (a[["_cons"]] + abs(mean)^a[["delta"]])

orange_b <- c(b1 = 191, b2 = 722.5, b3 = 344.2)
theoph_b <- c(b0 = -3.23, b1 = 0.45, b2 = -2.455)
exact_case <- function(data, group, q, joint, sd, sd_text, a) {
  list(data = data, group = group, q = q, joint = joint, sd = sd, sd_text = sd_text, parameters = a)
}
on_orange <- function(...) exact_case("orange", "tree", 1, orange_joint, ...)
on_theoph <- function(...) exact_case("theoph", "subject", 2, theoph_joint, ...)
exact_cases <- list(
  orange_asym = on_orange(constant_sd, "sigma", c(orange_b, "var(U1)" = 990, sigma2 = 61.5)),
  orange_asym_far = on_orange(constant_sd, "sigma", c(b1 = 180, b2 = 700, b3 = 350, "var(U1)" = 2500, sigma2 = 30)),
  orange_power = on_orange(power_sd, "sigma |mean|^delta", c(orange_b, "var(U1)" = 990, sigma2 = 0.9, delta = 0.45)),
  orange_constant_power = on_orange(constant_power_sd, "sigma (_cons + |mean|^delta)",
                                    c(orange_b, "var(U1)" = 990, sigma2 = 0.6, delta = 0.5, "_cons" = 1.5)),
  theoph_diag = on_theoph(constant_sd, "sigma", c(theoph_b, "var(U0)" = 0.028, "var(U1)" = 0.43, sigma2 = 0.5)),
  theoph_constant_power = on_theoph(constant_power_sd, "sigma (_cons + |mean|^delta)",
                                    c(theoph_b, "var(U0)" = 0.03, "var(U1)" = 0.4, sigma2 = 0.1, delta = 0.32,
                                      "_cons" = 0.73)))

run_exact <- function(case, d) {
  value <- marginal(case$joint(case$parameters, case$sd), d, case$group, case$q)
  c(list(data = case$data, error_sd = case$sd_text, parameters = as.list(case$parameters)), value)
}
