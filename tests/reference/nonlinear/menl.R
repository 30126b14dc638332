# The nonlinear cases: data, Stata's command, the model, and nlme's call where it has the model.
# Where nlme is not asked, `start` holds starting values; `hold` names variances that are 0 at the maximum.
case <- function(model, command, nlme = NULL, reml = FALSE, note = NULL, start = NULL, hold = integer(0)) {
  list(model = model, command = command, nlme = nlme, reml = reml, note = note, start = start, hold = hold)
}

# nlme stops with "step halving factor reduced below minimum" where its tolerance is too tight; the tightest that does
# not is found by trial, and `control` is that of the trial.
tighten <- function(tolerance) {
  nlmeControl(tolerance = tolerance, pnlsTol = tolerance, msTol = 1e-10, maxIter = 300, pnlsMaxIter = 100,
              msMaxIter = 500)
}

# Growth of orange trees.
logistic <- function(top, middle, scale, x) top / (1 + exp(-(x - middle) / scale))
orange <- function(random = list(block("tree", "b1")), errors = NULL) {
  list(data = "orange", y = "circumf", group = "tree", fixed = c("b1", "b2", "b3"), random = random, errors = errors,
       mean = function(p, d) logistic(p$b1, p$b2, p$b3, d$age))
}
orange_nlme <- function(d, ..., random = b1 ~ 1) {
  nlme(circumf ~ SSlogis(age, b1, b2, b3), d, fixed = b1 + b2 + b3 ~ 1, groups = ~tree, random = random,
       start = c(191, 722, 344), method = "ML", control = control, ...)
}
orange_text <- function(options = NULL) {
  paste(c("menl circumf = ({b1}+{U1[tree]})/(1+exp(-(age-{b2})/{b3}))", options), collapse = ", ")
}
orange_two <- paste("menl circumf = {phi1:}/(1+exp(-(age-{phi2:})/{b3})), define(phi1: U1[tree], xb)",
                    "define(phi2: U2[tree], xb)")

# Theophylline: absorption and elimination of first order. SSfol's lKe, lKa, lCl are b2, b1, b0.
first_order <- function(p, d) {
  ke <- exp(p$b2); ka <- exp(p$b1); cl <- exp(p$b0)
  d$dose * ke * ka / (cl * (ka - ke)) * (exp(-ke * d$time) - exp(-ka * d$time))
}
theoph <- function(random = list(block("subject", c("b0", "b1"), "diag")), errors = NULL) {
  list(data = "theoph", y = "conc", group = "subject", fixed = c("b0", "b1", "b2"), random = random, errors = errors,
       mean = first_order)
}
theoph_nlme <- function(d, ..., random = pdDiag(b0 + b1 ~ 1)) {
  nlme(conc ~ SSfol(dose, time, b2, b1, b0), d, fixed = b0 + b1 + b2 ~ 1, groups = ~subject, random = random,
       start = c(-3.23, 0.47, -2.45), method = "ML", control = control, ...)
}
theoph_text <- function(options = NULL, ke = "{b2}") {
  paste(c("menl conc = (dose*{ke:}*{ka:}/({cl:}*({ka:}-{ke:})))*(exp(-{ke:}*time)-exp(-{ka:}*time)),",
          "define(cl: exp({b0}+{U0[subject]})) define(ka: exp({b1}+{U1[subject]}))",
          paste0("define(ke: exp(", ke, "))"), options), collapse = " ")
}

loblolly <- function(random) {
  list(data = "loblolly", y = "height", group = "Seed", fixed = c("Asym", "R0", "lrc"), random = random,
       mean = function(p, d) p$Asym + (p$R0 - p$Asym) * exp(-exp(p$lrc) * d$age))
}
loblolly_nlme <- function(d, random) {
  nlme(height ~ SSasymp(age, Asym, R0, lrc), d, fixed = Asym + R0 + lrc ~ 1, groups = ~Seed, random = random,
       start = c(103, -8.5, -3.3), method = "ML", control = control)
}

indometh <- function(random) {
  list(data = "indometh", y = "conc", group = "Subject", fixed = c("A1", "lrc1", "A2", "lrc2"), random = random,
       mean = function(p, d) p$A1 * exp(-exp(p$lrc1) * d$time) + p$A2 * exp(-exp(p$lrc2) * d$time))
}
indometh_nlme <- function(d, random) {
  nlme(conc ~ SSbiexp(time, A1, lrc1, A2, lrc2), d, fixed = A1 + lrc1 + A2 + lrc2 ~ 1, groups = ~Subject,
       random = random, start = c(2.8, 0.8, 0.5, -1.1), method = "ML", control = control)
}
indometh_text <- function(last) {
  paste0("menl conc = ({A1}+{U1[Subject]})*exp(-exp({lrc1}+{U2[Subject]})*time)+", last, "*exp(-exp({lrc2})*time)")
}

soybean <- function(random = list(block("Plot", "Asym")), errors = NULL) {
  list(data = "soybean", y = "weight", group = "Plot", fixed = c("Asym", "xmid", "scal"), random = random,
       errors = errors, mean = function(p, d) logistic(p$Asym, p$xmid, p$scal, d$Time))
}
soybean_nlme <- function(d, ..., random = Asym ~ 1) {
  nlme(weight ~ SSlogis(Time, Asym, xmid, scal), d, fixed = Asym + xmid + scal ~ 1, groups = ~Plot, random = random,
       start = c(18, 54, 8), method = "ML", control = control, ...)
}
soybean_text <- function(middle, scale, options = NULL) {
  paste(c(paste0("menl weight = ({Asym}+{U1[Plot]})/(1+exp(-(Time-", middle, ")/", scale, "))"), options),
        collapse = ", ")
}
soybean_columns <- list(Asym = c("P", "Y89", "Y90", "PY89", "PY90"), xmid = c("Y89", "Y90", "P"),
                        scal = c("Y89", "Y90"))
soybean_covariates <- list(
  data = "soybean", y = "weight", group = "Plot", random = list(block("Plot", "Asym")), errors = power_mean,
  fixed = unlist(Map(function(name, more) paste0(name, c("", more)), names(soybean_columns), soybean_columns),
                 use.names = FALSE),
  mean = function(p, d) logistic(combination(p, d, "Asym", soybean_columns$Asym),
                                 combination(p, d, "xmid", soybean_columns$xmid),
                                 combination(p, d, "scal", soybean_columns$scal), d$Time))

ovary <- function(random = list(block("mare", "A")), errors = NULL) {
  list(data = "ovary", y = "follicles", group = "mare", fixed = c("A", "B", "C", "w"), random = random, errors = errors,
       mean = function(p, d) p$A + p$B * sin(2 * pi * p$w * d$time) + p$C * cos(2 * pi * p$w * d$time))
}
ovary_nlme <- function(d, ..., random = A ~ 1) {
  nlme(follicles ~ A + B * sin(2 * pi * w * time) + C * cos(2 * pi * w * time), d, fixed = A + B + C + w ~ 1,
       groups = ~mare, random = random, start = c(12, -3, -1, 1), method = "ML", control = control, ...)
}
ovary_text <- function(options) {
  paste0("menl follicles = {A}+{U[mare]}+{B}*sin(2*_pi*{w}*time)+{C}*cos(2*_pi*{w}*time), ", options)
}

with_offset <- function(top, rate, zero, x) top * (1 - exp(-exp(rate) * (x - zero)))
co2_columns <- c("Mis", "chi", "Mischi")
co2 <- list(
  data = "co2_plants", y = "uptake", group = "Plant", random = list(block("Plant", "Asym")),
  fixed = c(paste0("Asym", c("", co2_columns)), paste0("lrc", c("", co2_columns)), "c0"),
  mean = function(p, d) with_offset(combination(p, d, "Asym", co2_columns), combination(p, d, "lrc", co2_columns),
                                    p$c0, d$conc))
dialyzer <- list(
  data = "dialyzer", y = "rate", group = "Subject", fixed = c("Asym", "Asymhigh", "lrc", "lrchigh", "c0"),
  random = list(block("Subject", "Asym")), errors = power_of("pressure"),
  mean = function(p, d) with_offset(combination(p, d, "Asym", "high"), combination(p, d, "lrc", "high"), p$c0,
                                    d$pressure))

# Superposition of first-order elimination after each dose, as in nlme's phenoModel.
doses <- function(lCl, lV, d) {
  out <- 0 * lCl
  for (k in seq_len(length(grep("^dose[0-9]", names(d))))) {
    out <- out + d[[paste0("dose", k)]] * exp(-lV) * exp(-exp(lCl - lV) * d[[paste0("since", k)]])
  }
  out
}
phenobarb <- function(fixed, mean) {
  list(data = "phenobarb", y = "conc", group = "subject", fixed = fixed, mean = mean,
       random = list(block("subject", c("lCl", "lV"), "diag")))
}

# Two levels: sites within wafers. The slope is an exponential so that the model is not linear.
wafer <- list(
  data = "wafer", y = "current", group = "Wafer", fixed = c("A", "la", "Avv", "B", "C"),
  random = list(block("Wafer", c("A", "la"), "diag"), block(c("Wafer", "Site"), c("A", "la"), "diag")),
  mean = function(p, d) p$A + exp(p$la) * d$voltage + p$Avv * d$voltage^2 + p$B * cos(4.5679 * d$voltage) +
    p$C * sin(4.5679 * d$voltage))

order_note <- "occasion: the order of the rows within the group"
menl_cases <- list(
  orange_asym = case(orange(), orange_text(), orange_nlme, reml = TRUE),
  orange_diag = case(orange(list(block("tree", c("b1", "b2"), "diag"))), orange_two,
                     function(d) orange_nlme(d, random = pdDiag(b1 + b2 ~ 1)), reml = TRUE),
  orange_un = case(orange(list(block("tree", c("b1", "b2")))), paste(orange_two, "covariance(U1 U2, unstructured)"),
                   function(d) orange_nlme(d, random = b1 + b2 ~ 1), reml = TRUE),
  orange_power_age = case(orange(errors = power_of("age")), orange_text("resvariance(power age, noconstant)"),
                          function(d) orange_nlme(d, weights = varPower(form = ~age))),
  orange_power_yhat = case(orange(errors = power_mean), orange_text("resvariance(power _yhat, noconstant)"),
                           function(d) orange_nlme(d, weights = varPower()), reml = TRUE),
  orange_exponential_age = case(orange(errors = exponential_of("age")), orange_text("resvariance(exponential age)"),
                                function(d) orange_nlme(d, weights = varExp(form = ~age))),
  orange_exponential_yhat = case(orange(errors = exponential_mean), orange_text("resvariance(exponential _yhat)"),
                                 function(d) orange_nlme(d, weights = varExp())),
  orange_linear_age = case(orange(errors = linear_in("age")), orange_text("resvariance(linear age)"), reml = TRUE,
                           start = list(beta = c(191, 722, 344), theta = c(1000, 0.1))),
  orange_ar1 = case(orange(errors = ar1()), orange_text("rescorrelation(ar 1, t(occasion))"), reml = TRUE,
                    function(d) orange_nlme(d, correlation = corAR1(0.1, form = ~1 | tree)), note = order_note),
  theoph_diag = case(theoph(), theoph_text(), theoph_nlme, reml = TRUE),
  theoph_un = case(theoph(list(block("subject", c("b0", "b1")))), theoph_text("covariance(U0 U1, unstructured)"),
                   function(d) theoph_nlme(d, random = b0 + b1 ~ 1), reml = TRUE),
  theoph_diag3 = case(theoph(list(block("subject", c("b0", "b1", "b2"), "diag"))),
                      theoph_text(ke = "{b2}+{U2[subject]}"),
                      function(d) theoph_nlme(d, random = pdDiag(b0 + b1 + b2 ~ 1)),
                      hold = 3, note = "the variance of b2 is 0 at the maximum; nlme stops at a tiny value"),
  theoph_diag_power = case(theoph(errors = constant_power), theoph_text("resvariance(power _yhat)"),
                           function(d) theoph_nlme(d, weights = varConstPower(0.7, 0.3)), reml = TRUE),
  loblolly_asym = case(loblolly(list(block("Seed", "Asym"))),
                       "menl height = {Asym:}+({R0}-{Asym:})*exp(-exp({lrc})*age), define(Asym: U[Seed], xb)",
                       function(d) loblolly_nlme(d, Asym ~ 1), reml = TRUE),
  loblolly_diag = case(loblolly(list(block("Seed", c("Asym", "lrc"), "diag"))),
                       paste("menl height = {Asym:}+({R0}-{Asym:})*exp(-exp({lrc:})*age),",
                             "define(Asym: U[Seed], xb) define(lrc: V[Seed], xb)"),
                       function(d) loblolly_nlme(d, pdDiag(Asym + lrc ~ 1))),
  indometh_diag2 = case(indometh(list(block("Subject", c("A1", "lrc1"), "diag"))), indometh_text("{A2}"),
                        function(d) indometh_nlme(d, pdDiag(A1 + lrc1 ~ 1)), reml = TRUE),
  indometh_diag3 = case(indometh(list(block("Subject", c("A1", "lrc1", "A2"), "diag"))),
                        indometh_text("({A2}+{U3[Subject]})"),
                        function(d) indometh_nlme(d, pdDiag(A1 + lrc1 + A2 ~ 1)), reml = TRUE),
  soybean_asym = case(soybean(), soybean_text("{xmid}", "{scal}"), soybean_nlme, reml = TRUE),
  soybean_asym_power = case(soybean(errors = power_mean),
                            soybean_text("{xmid}", "{scal}", "resvariance(power _yhat, noconstant)"),
                            function(d) soybean_nlme(d, weights = varPower()), reml = TRUE),
  soybean_diag_power = case(soybean(list(block("Plot", c("Asym", "xmid"), "diag")), power_mean),
                            soybean_text("{xmid}-{U2[Plot]}", "{scal}", "resvariance(power _yhat, noconstant)"),
                            function(d) soybean_nlme(d, random = pdDiag(Asym + xmid ~ 1), weights = varPower()),
                            reml = TRUE),
  soybean_diag3_power = case(soybean(list(block("Plot", c("Asym", "xmid", "scal"), "diag")), power_mean),
                             soybean_text("{xmid}-{U2[Plot]}", "({scal}+{U3[Plot]})",
                                          "resvariance(power _yhat, noconstant)"),
                             start = list(beta = c(17.3, 52, 7.5), theta = c(10.3, 2, 0, 0.05, 0.934)), hold = 3,
                             note = "the variance of scal is 0 at the maximum"),
  soybean_covariates = case(
    soybean_covariates,
    paste("menl weight = {Asym:}/(1+exp(-(Time-{xmid:})/{scal:})), define(Asym: P Y89 Y90 PY89 PY90 U[Plot])",
          "define(xmid: Y89 Y90 P) define(scal: Y89 Y90) resvariance(power _yhat, noconstant)"),
    function(d) nlme(weight ~ SSlogis(Time, Asym, xmid, scal), d, groups = ~Plot, random = Asym ~ 1, method = "ML",
                     fixed = list(Asym ~ P + Y89 + Y90 + PY89 + PY90, xmid ~ Y89 + Y90 + P, scal ~ Y89 + Y90),
                     start = c(19.4, 1, -8, -4, 1, 1, 53, -2, -5, -1, 8, -0.1, -0.7), weights = varPower(),
                     control = control),
    reml = TRUE, note = paste("P: Variety is P; Y89, Y90: the year; PY89, PY90: products",
                              "(Pinheiro and Bates, section 8.2)")),
  ovary_diag = case(ovary(list(block("mare", c("A", "B", "w"), "diag"))),
                    paste0("menl follicles = {A}+{U1[mare]}+({B}+{U2[mare]})*sin(2*_pi*({w}+{U3[mare]})*time)",
                           "+{C}*cos(2*_pi*({w}+{U3[mare]})*time)"),
                    function(d) ovary_nlme(d, random = pdDiag(A + B + w ~ 1))),
  ovary_ar1 = case(ovary(errors = ar1()), ovary_text("rescorrelation(ar 1, t(occasion))"), reml = TRUE,
                   function(d) ovary_nlme(d, correlation = corAR1(0.5, form = ~1 | mare)), note = order_note),
  ovary_ma1 = case(ovary(errors = arma(0, 1)), ovary_text("rescorrelation(ma 1, t(occasion))"), note = order_note,
                   function(d) ovary_nlme(d, correlation = corARMA(0.4, form = ~1 | mare, q = 1))),
  ovary_ctar1 = case(ovary(errors = ar1("time")), ovary_text("rescorrelation(ctar1, t(time))"),
                     function(d) ovary_nlme(d, correlation = corCAR1(1e-4, form = ~time | mare)),
                     note = "rho: the correlation one unit of time apart"),
  co2_treatment = case(
    co2, paste("menl uptake = {Asym:}*(1-exp(-exp({lrc:})*(conc-{c0}))), define(Asym: Mis chi Mischi U[Plant])",
               "define(lrc: Mis chi Mischi)"),
    function(d) nlme(uptake ~ SSasympOff(conc, Asym, lrc, c0), d, groups = ~Plant, random = Asym ~ 1, method = "ML",
                     fixed = list(Asym ~ Mis + chi + Mischi, lrc ~ Mis + chi + Mischi, c0 ~ 1),
                     start = c(42, -11, -3, -10, -4.6, 0, 0, 0, 50), control = control),
    note = "Mis: Type is Mississippi; chi: Treatment is chilled; Mischi: their product", reml = TRUE),
  dialyzer_power = case(
    dialyzer, paste("menl rate = {Asym:}*(1-exp(-exp({lrc:})*(pressure-{c0}))), define(Asym: high U[Subject])",
                    "define(lrc: high, xb) resvariance(power pressure, noconstant)"),
    function(d) nlme(rate ~ SSasympOff(pressure, Asym, lrc, c0), d, fixed = list(Asym + lrc ~ high, c0 ~ 1),
                     groups = ~Subject, random = Asym ~ 1, weights = varPower(form = ~pressure),
                     start = c(45, 17, 0.77, -0.5, 0.22), method = "ML", control = control),
    note = "high: QB is 300", reml = TRUE),
  phenobarb_plain = case(
    phenobarb(c("lCl", "lV"), function(p, d) doses(p$lCl, p$lV, d)), NULL,
    function(d) nlme(conc ~ phenoModel(subject, time, dose, lCl, lV), attr(d, "long"), fixed = lCl + lV ~ 1,
                     groups = ~subject, random = pdDiag(lCl + lV ~ 1), start = c(-5, 0), na.action = NULL,
                     naPattern = ~!is.na(conc), method = "ML", control = control), reml = TRUE,
    note = paste("the mean is the sum over the doses given before of dose exp(-lV) exp(-exp(lCl - lV) t),",
                 "t the time since the dose")),
  phenobarb_covariates = case(
    phenobarb(c("lCl", "lClw", "lV", "lVw", "lVf"), function(p, d) doses(
      combination(list(lCl = p$lCl, lClweight = p$lClw), d, "lCl", "weight"),
      combination(list(lV = p$lV, lVweight = p$lVw, lVfapgar = p$lVf), d, "lV", c("weight", "fapgar")), d)), NULL,
    start = list(beta = c(-5.957, 0.62, -0.458, 0.532, -0.032), theta = c(0.0467, 0.0296, 7.49)), reml = TRUE,
    note = "as phenobarb_plain with lCl + lClw weight for lCl and lV + lVw weight + lVf fapgar for lV"),
  wafer_nested = case(
    wafer, paste("menl current = {A:}+exp({la:})*voltage+{Avv}*voltage^2+{B}*cos(4.5679*voltage)",
                 "+{C}*sin(4.5679*voltage), define(A: U0[Wafer] S0[Wafer>Site]) define(la: U1[Wafer] S1[Wafer>Site])"),
    start = list(beta = c(-4.26, log(5.62), 1.26, -0.096, 0.104), theta = c(0.015, 0.0035, 0.002, 0.002, 0.001)),
    note = "two levels, sites within wafers", reml = TRUE)
)
