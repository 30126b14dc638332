# The fixed point of Lindstrom and Bates's alternation, and (restricted) maximum likelihood of linear models with
# structured errors, with one dense covariance matrix per top-level group and no speed to speak of.
#
# A model is a list: `mean(p, d)` with p a list of one vector per fixed parameter (complex ones are passed, so that the
# derivatives are exact to rounding), `fixed` their names, `random` a list of blocks (by: factors, the first one the
# top-level group; terms: fixed parameters that vary; cov: "un" or "diag"), `group`, `y`, and `errors`, which may
# have cor(a, d), a correlation matrix of one group, and sd(a, d, v), its relative standard deviations, v the means.
# Parameters `theta` stand on their natural scale: entries of the covariance matrices, sigma2, then `errors$par`.

entries <- function(block) {
  k <- length(block$terms)
  switch(block$cov,
         diag = lapply(seq_len(k), function(i) { m <- matrix(0, k, k); m[i, i] <- 1; m }),
         un = unlist(lapply(seq_len(k), function(j) lapply(j:k, function(i) {
           m <- matrix(0, k, k); m[i, j] <- m[j, i] <- 1; m
         })), recursive = FALSE))
}

# What does not change from step to step: rows of each group, and within it the inner groups of every random block.
prepare <- function(model, d) {
  model$d <- d
  model$yv <- d[[model$y]]
  model$rows <- split(seq_len(nrow(d)), factor(d[[model$group]], unique(d[[model$group]])))
  model$parts <- lapply(model$rows, function(rows) d[rows, , drop = FALSE])
  model$random <- lapply(model$random, function(block) {
    block$basis <- entries(block)
    inner <- interaction(d[block$by], drop = TRUE)
    block$cells <- lapply(model$rows, function(rows) {
      code <- factor(inner[rows], unique(inner[rows]))
      outer(as.integer(code), seq_along(levels(code)), "==") + 0
    })
    block
  })
  model$count <- vapply(model$random, function(block) length(block$basis), 1L)
  model
}

unpack <- function(model, theta) {
  at <- 0
  covs <- lapply(model$random, function(block) {
    value <- Reduce(`+`, Map(`*`, block$basis, theta[at + seq_along(block$basis)]))
    at <<- at + length(block$basis)
    value
  })
  list(covs = covs, sigma2 = theta[[at + 1]], errors = theta[-seq_len(at + 1)])
}

parameters <- function(model, beta, effects) {
  p <- setNames(lapply(beta, rep, length.out = nrow(model$d)), model$fixed)
  for (r in seq_along(model$random)) {
    block <- model$random[[r]]
    for (i in seq_along(model$rows)) {
      b <- effects[[r]][[i]]
      for (k in seq_along(block$terms)) {
        rows <- model$rows[[i]]
        p[[block$terms[k]]][rows] <- p[[block$terms[k]]][rows] + drop(block$cells[[i]] %*% b[, k])
      }
    }
  }
  p
}

zero_effects <- function(model) lapply(model$random, function(block) lapply(block$cells, function(cells) {
  matrix(0, ncol(cells), length(block$terms))
}))

# Value and derivatives of the mean, and the working response at (beta, effects).
linearise <- function(model, beta, effects) {
  p <- parameters(model, beta, effects)
  value <- model$mean(p, model$d)
  step <- 1e-30
  jacobian <- sapply(model$fixed, function(name) {
    q <- p
    q[[name]] <- q[[name]] + 1i * step
    Im(model$mean(q, model$d)) / step
  })
  lin <- list(fitted = Re(value), X = jacobian)
  lin$Z <- lapply(seq_along(model$rows), function(i) do.call(cbind, lapply(model$random, function(block) {
    cells <- block$cells[[i]]
    do.call(cbind, lapply(block$terms, function(term) cells * jacobian[model$rows[[i]], term]))
  })))
  lin$w <- model$yv - lin$fitted + drop(jacobian %*% beta)
  for (i in seq_along(model$rows)) if (!is.null(lin$Z[[i]])) {
    flat <- unlist(lapply(seq_along(model$random), function(r) c(effects[[r]][[i]])))
    lin$w[model$rows[[i]]] <- lin$w[model$rows[[i]]] + drop(lin$Z[[i]] %*% flat)
  }
  lin
}

big_cov <- function(model, covs, i) {
  blocks <- Map(function(block, cov) kronecker(cov, diag(ncol(block$cells[[i]]))), model$random, covs)
  size <- sum(vapply(blocks, nrow, 1L))
  whole <- matrix(0, size, size)
  at <- 0
  for (block in blocks) {
    put <- at + seq_len(nrow(block))
    whole[put, put] <- block
    at <- at + nrow(block)
  }
  whole
}

error_cov <- function(model, value, v, i) {
  rows <- model$rows[[i]]
  d <- model$parts[[i]]
  sd <- if (is.null(model$errors$sd)) rep(1, length(rows)) else model$errors$sd(value$errors, d, v[rows])
  cor <- if (is.null(model$errors$cor)) diag(length(rows)) else model$errors$cor(value$errors, d)
  value$sigma2 * cor * outer(sd, sd)
}

# The linear mixed model of one linearisation: log likelihood at theta, with beta its GLS value or held.
lme_step <- function(model, lin, theta, v, reml, beta = NULL, full = FALSE) {
  value <- unpack(model, theta)
  p <- length(model$fixed)
  # With a negative variance the likelihood may rise still.
  improper <- any(vapply(value$covs, function(D) min(eigen(D, TRUE, TRUE)$values) < -1e-12 * max(abs(D)), TRUE))
  if (improper || value$sigma2 <= 0) return(if (full) NULL else NaN)
  A <- matrix(0, p, p); rhs <- numeric(p); logdet <- 0; solved <- list()
  for (i in seq_along(model$rows)) {
    rows <- model$rows[[i]]
    V <- error_cov(model, value, v, i)
    if (length(model$random)) V <- V + lin$Z[[i]] %*% big_cov(model, value$covs, i) %*% t(lin$Z[[i]])
    R <- tryCatch(chol(V), error = function(e) NULL)
    if (is.null(R)) return(if (full) NULL else NaN)
    half <- backsolve(R, cbind(lin$X[rows, , drop = FALSE], lin$w[rows]), transpose = TRUE)
    X <- half[, 1:p, drop = FALSE]
    A <- A + crossprod(X); rhs <- rhs + drop(crossprod(X, half[, p + 1]))
    logdet <- logdet + 2 * sum(log(diag(R)))
    solved[[i]] <- list(R = R, half = half)
  }
  if (is.null(beta)) beta <- solve(A, rhs)
  quad <- sum(vapply(solved, function(s) sum((s$half[, p + 1] - s$half[, 1:p, drop = FALSE] %*% beta)^2), 1))
  n <- length(model$yv)
  ll <- -0.5 * ((n - if (reml) p else 0) * log(2 * pi) + logdet + quad)
  if (reml) ll <- ll - 0.5 * as.numeric(determinant(A)$modulus)
  if (!full) return(ll)
  effects <- zero_effects(model)
  for (i in seq_along(model$rows)) if (length(model$random)) {
    r <- backsolve(solved[[i]]$R, solved[[i]]$half[, p + 1] - solved[[i]]$half[, 1:p, drop = FALSE] %*% beta)
    b <- big_cov(model, value$covs, i) %*% crossprod(lin$Z[[i]], r)
    at <- 0
    for (k in seq_along(model$random)) {
      size <- length(effects[[k]][[i]])
      effects[[k]][[i]][] <- b[at + seq_len(size)]
      at <- at + size
    }
  }
  list(logLik = ll, beta = setNames(beta, model$fixed), effects = effects, vcov = solve(A))
}

# Gauss-Newton on the penalised sum of squares with theta and the variance function's means held, steps halved.
pnls <- function(model, theta, beta, effects, v) {
  value <- unpack(model, theta)
  penalised <- function(beta, effects) {
    r <- model$yv - Re(model$mean(parameters(model, beta, effects), model$d))
    sum(vapply(seq_along(model$rows), function(i) {
      rows <- model$rows[[i]]
      total <- sum(r[rows] * solve(error_cov(model, value, v, i), r[rows]))
      if (length(model$random)) {
        b <- unlist(lapply(seq_along(model$random), function(k) c(effects[[k]][[i]])))
        total <- total + sum(b * (MASS::ginv(big_cov(model, value$covs, i)) %*% b))
      }
      total
    }, 1))
  }
  now <- penalised(beta, effects)
  for (k in 1:200) {
    step <- lme_step(model, linearise(model, beta, effects), theta, v, FALSE, full = TRUE)
    size <- max(abs(step$beta - beta) / pmax(abs(beta), 1e-8),
                if (length(model$random)) abs(unlist(step$effects) - unlist(effects)) / max(1e-8, abs(unlist(effects))))
    if (size < 1e-13) break
    factor <- 1
    repeat {
      mix <- function(a, b) Map(function(x, y) Map(function(s, t) s + factor * (t - s), x, y), a, b)
      beta_new <- beta + factor * (step$beta - beta); effects_new <- mix(effects, step$effects)
      then <- penalised(beta_new, effects_new)
      if (then <= now * (1 + 1e-12) || factor < 1e-3) break
      factor <- factor / 2
    }
    beta <- beta_new; effects <- effects_new; now <- then
  }
  list(beta = beta, effects = effects)
}

# The size of each parameter, which differences are relative to: for a covariance, that of the two variances.
sizes <- function(model, theta) {
  value <- unpack(model, theta)
  random <- unlist(Map(function(block, D) vapply(block$basis, function(basis) {
    at <- which(basis != 0, arr.ind = TRUE)[1, ]
    sqrt(D[at[1], at[1]] * D[at[2], at[2]])
  }, 1), model$random, value$covs))
  c(random, value$sigma2, pmax(abs(value$errors), 1e-8))
}
# First and second derivatives of f(theta) in units of `size`; the second ones' steps stay positive definite.
slopes <- function(f, theta, size) numDeriv::grad(function(z) f(theta + size * (z - 1)), rep(1, length(theta)))
curvature <- function(f, theta, size) {
  numDeriv::hessian(function(z) f(theta + size * (z - 1)), rep(1, length(theta)), method.args = list(d = 0.02))
}

# Newton steps of theta within the alternation, to the fixed point. `hold`: entries of theta that stay (variances at 0).
fixed_point <- function(model, theta, beta, reml = FALSE, hold = integer(0), steps = 200) {
  effects <- zero_effects(model)
  v <- Re(model$mean(parameters(model, beta, effects), model$d))
  free <- setdiff(seq_along(theta), hold)
  best <- Inf; since <- 0
  for (k in seq_len(steps)) {
    at <- pnls(model, theta, beta, effects, v)
    beta <- at$beta; effects <- at$effects
    v <- Re(model$mean(parameters(model, beta, effects), model$d))
    lin <- linearise(model, beta, effects)
    objective <- function(x) { theta[free] <- x; lme_step(model, lin, theta, v, reml) }
    size <- sizes(model, theta)[free]
    gradient <- slopes(objective, theta[free], size)
    if (k %% 4 == 1) hessian <- list(value = curvature(objective, theta[free], size), size = size)
    e <- eigen(-hessian$value * outer(size / hessian$size, size / hessian$size), symmetric = TRUE)
    move <- drop(e$vectors %*% (crossprod(e$vectors, gradient) / pmax(abs(e$values), 1e-12 * max(abs(e$values)))))
    here <- objective(theta[free]); factor <- 1
    while (factor > 1e-6) {
      there <- objective(theta[free] + factor * size * move)
      if (is.finite(there) && there > here - 1e-9) break
      factor <- factor / 2
    }
    theta[free] <- theta[free] + factor * size * move
    # The end is where steps shrink no more: rounding.
    since <- if (max(abs(move)) < best) 0 else since + 1
    best <- min(best, max(abs(move)))
    if (best < 1e-10 || (since >= 6 && best < 1e-5)) break
  }
  at <- pnls(model, theta, beta, effects, v)
  v <- Re(model$mean(parameters(model, at$beta, at$effects), model$d))
  lin <- linearise(model, at$beta, at$effects)
  final <- lme_step(model, lin, theta, v, reml, full = TRUE)
  list(theta = theta, logLik = final$logLik, beta = final$beta, vcov = final$vcov, effects = final$effects,
       fitted = lin$fitted, lin = lin, v = v, free = free, steps = k, last_step = max(abs(move)), reml = reml)
}

# Inverse observed information of theta, beta held at its estimate or profiled out; the variance function's means held.
theta_vcov <- function(model, fit, held) {
  objective <- function(x) {
    theta <- fit$theta
    theta[fit$free] <- x
    lme_step(model, fit$lin, theta, fit$v, fit$reml, beta = if (held) fit$beta)
  }
  size <- sizes(model, fit$theta)[fit$free]
  solve(-curvature(objective, fit$theta[fit$free], size)) * outer(size, size)
}
