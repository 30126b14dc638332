# What the models are made of: errors as dense.R takes them, random effects, linear combinations.

# Errors: `par` names the parameters; see dense.R for `cor` and `sd`.
constant_power <- list(par = c("delta", "_cons"), sd = function(a, d, v) a[2] + abs(v)^a[1])
power_mean <- list(par = "delta", sd = function(a, d, v) abs(v)^a[1])
exponential_mean <- list(par = "gamma", sd = function(a, d, v) exp(a[1] * v))
power_of <- function(x) list(par = "delta", sd = function(a, d, v) abs(d[[x]])^a[1])
exponential_of <- function(x) list(par = "gamma", sd = function(a, d, v) exp(a[1] * d[[x]]))
linear_in <- function(x) list(par = character(0), sd = function(a, d, v) sqrt(d[[x]]))
# The ratio of standard deviations to the first level's; a negative one is the same model again, and not wanted.
positive <- function(ratios) if (any(ratios <= 0)) NaN * ratios else ratios
distinct <- function(x, levels) list(par = paste0("sd ratio ", levels[-1]), levels = as.character(levels),
                                     sd = function(a, d, v) c(1, positive(a))[match(d[[x]], levels)])
arma <- function(p = 0, q = 0, time = NULL) list(
  par = c(sprintf("phi%d", seq_len(p)), sprintf("theta%d", seq_len(q))),
  cor = function(a, d) {
    t <- if (is.null(time)) seq_len(nrow(d)) else d[[time]]
    lags <- abs(outer(t, t, "-"))
    acf <- ARMAacf(ar = if (p) a[1:p] else numeric(0), ma = if (q) a[p + 1:q] else numeric(0), lag.max = max(lags))
    matrix(acf[lags + 1], nrow(d))
  })
ar1 <- function(time = NULL) list(par = "rho", cor = function(a, d) {
  t <- if (is.null(time)) seq_len(nrow(d)) else d[[time]]
  a[1]^abs(outer(t, t, "-"))
})
exchangeable <- list(par = "rho", cor = function(a, d) a[1] + (1 - a[1]) * diag(nrow(d)))
lower_corr <- function(n, time, keep = n) {
  pairs <- which(lower.tri(diag(n)) & abs(outer(1:n, 1:n, "-")) <= keep, arr.ind = TRUE)
  list(par = sprintf("corr(%d,%d)", pairs[, 1], pairs[, 2]), cor = function(a, d) {
    whole <- diag(n)
    whole[pairs] <- a; whole[pairs[, 2:1, drop = FALSE]] <- a
    whole[d[[time]], d[[time]], drop = FALSE]
  })
}
toeplitz_corr <- function(q, time) list(par = sprintf("rho%d", 1:q), cor = function(a, d) {
  lags <- abs(outer(d[[time]], d[[time]], "-"))
  matrix(c(1, a, rep(0, 1 + max(lags)))[lags + 1], nrow(d))
})
# Both a correlation and a variance function: the parameters of the first stand first.
both <- function(first, second) {
  k <- length(first$par)
  list(par = c(first$par, second$par), levels = second$levels, cor = function(a, d) first$cor(a[seq_len(k)], d),
       sd = function(a, d, v) second$sd(a[-seq_len(k)], d, v))
}
# Each level of x has parameters of its own, those of the correlation and, from the second level on, its sd ratio.
by_levels <- function(x, levels, one) {
  k <- length(one$par)
  list(par = c(outer(one$par, levels, function(p, g) paste0(g, ": ", p)), paste0("sd ratio ", levels[-1])),
       cor = function(a, d) one$cor(a[(match(d[[x]][1], levels) - 1) * k + seq_len(k)], d),
       sd = function(a, d, v) c(1, positive(a[-seq_len(k * length(levels))]))[match(d[[x]], levels)])
}

# Intercept and slopes of a parameter on columns of the data.
combination <- function(p, d, name, columns) {
  names <- paste0(name, c("", columns))
  Reduce(`+`, lapply(seq_along(names), function(j) p[[names[j]]] * (if (j == 1) 1 else d[[columns[j - 1]]])))
}

block <- function(by, terms, cov = "un") list(by = by, terms = terms, cov = cov)

# A linear model: one fixed parameter per column of the model matrix.
linear <- function(formula, d) {
  X <- model.matrix(formula, d)
  list(y = all.vars(formula)[1], fixed = colnames(X),
       mean = function(p, d) Reduce(`+`, lapply(seq_len(ncol(X)), function(j) X[, j] * p[[j]])))
}
