# The linear cases with structured errors: data, formula, Stata's command, the model, and nlme's call where it has it.
linear_case <- function(design, command, errors, fit = NULL, random = design$random, start = NULL) {
  list(design = design, command = command, errors = errors, fit = fit, random = random, start = start)
}
design <- function(data, formula, group, random = list(), note = NULL) {
  list(data = data, formula = formula, group = group, random = random, note = note)
}

follicles <- design("ovary", follicles ~ sin1 + cos1, "mare", list(block("mare", "(Intercept)")),
                    "occasion: the order of the rows within mare")
distances <- design("orthodont", distance ~ female * age, "Subject",
                    note = "female: Sex is Female; occasion: (age - 6) / 2")
weights <- design("bodyweight", weight ~ Time * (Diet2 + Diet3), "Rat", list(block("Rat", c("(Intercept)", "Time"))),
                  "Diet2, Diet3: dummies of Diet; occasion: the order of the rows within Rat")
rates <- design("dialyzer", rate ~ (pressure + p2 + p3 + p4) * high, "Subject",
                note = "p2, p3, p4: powers of pressure; high: QB is 300 (Pinheiro and Bates, section 5.4)")
subject <- list(block("Subject", "(Intercept)"))
slope <- list(block("Subject", c("(Intercept)", "age")))
sexes <- c("Male", "Female")
ages <- c(8, 10, 12, 14)

tight <- lmeControl(tolerance = 1e-12, msTol = 1e-12, niterEM = 50, maxIter = 500, msMaxIter = 1000)
tight_gls <- glsControl(tolerance = 1e-12, msTol = 1e-12, maxIter = 500, msMaxIter = 1000)
by_lme <- function(design, random, ...) {
  force(random); more <- list(...)
  function(d, method) do.call(lme, c(list(design$formula, d, random = random, method = method, control = tight), more))
}
by_gls <- function(design, ...) {
  more <- list(...)
  function(d, method) do.call(gls, c(list(design$formula, d, method = method, control = tight_gls), more))
}
mare_text <- function(errors) paste0("mixed follicles sin1 cos1 || mare:, ", errors)
sex_text <- function(equation, errors) paste0("mixed distance i.female##c.age || Subject: ", equation, ", ", errors)
sex_alone <- function(errors) paste0("mixed distance i.female##c.age || Subject:, noconstant residuals(", errors, ")")
rat_text <- function(errors) paste("mixed weight i.Diet##c.Time || Rat: Time, covariance(unstructured)", errors)
rat_menl <- function(errors) {
  paste("menl weight = {xb: i.Diet##c.Time U0[Rat] c.Time#U1[Rat]}, covariance(U0 U1, unstructured)", errors)
}

error_cases <- list(
  ovary_ar1 = linear_case(follicles, mare_text("residuals(ar 1, t(occasion))"), ar1(),
                          by_lme(follicles, ~1 | mare, correlation = corAR1(0.5, ~1 | mare))),
  ovary_ar2 = linear_case(follicles, mare_text("residuals(ar 2, t(occasion))"), arma(2, 0),
                          by_lme(follicles, ~1 | mare, correlation = corARMA(c(0.5, 0.1), ~1 | mare, p = 2))),
  ovary_ma1 = linear_case(follicles, mare_text("residuals(ma 1, t(occasion))"), arma(0, 1),
                          by_lme(follicles, ~1 | mare, correlation = corARMA(0.4, ~1 | mare, q = 1))),
  ovary_ma2 = linear_case(follicles, mare_text("residuals(ma 2, t(occasion))"), arma(0, 2),
                          by_lme(follicles, ~1 | mare, correlation = corARMA(c(0.4, 0.2), ~1 | mare, q = 2))),
  ovary_exponential = linear_case(follicles, mare_text("residuals(exponential, t(time))"), ar1("time"),
                                  by_lme(follicles, ~1 | mare, correlation = corExp(0.1, ~time | mare))),
  ovary_car1 = linear_case(follicles, mare_text("residuals(exponential, t(time))"), ar1("time"),
                           by_lme(follicles, ~1 | mare, correlation = corCAR1(1e-4, ~time | mare))),
  ovary_toeplitz2 = linear_case(follicles, mare_text("residuals(toeplitz 2, t(occasion))"),
                                toeplitz_corr(2, "occasion"), start = c(8, 12, 0.4, 0.2)),
  ovary_gls_ar1 = linear_case(follicles, mare_text("noconstant residuals(ar 1, t(occasion))"), ar1(), random = list(),
                              by_gls(follicles, correlation = corAR1(0.5, ~1 | mare))),
  ovary_gls_exponential = linear_case(follicles, mare_text("noconstant residuals(exponential, t(time))"), ar1("time"),
                                      by_gls(follicles, correlation = corExp(0.1, ~time | mare)), random = list()),
  orthodont_unstructured = linear_case(distances, sex_alone("unstructured, t(occasion)"),
                                       both(lower_corr(4, "occasion"), distinct("age", ages)),
                                       by_gls(distances, correlation = corSymm(form = ~occasion | Subject),
                                              weights = varIdent(form = ~1 | age))),
  orthodont_exchangeable = linear_case(distances, sex_alone("exchangeable"), exchangeable,
                                       by_gls(distances, correlation = corCompSymm(0.5, ~1 | Subject))),
  orthodont_banded1 = linear_case(distances, sex_alone("banded 1, t(occasion)"),
                                  both(lower_corr(4, "occasion", 1), distinct("age", ages)),
                                  start = c(5, 0.4, 0.4, 0.4, 1, 1, 1)),
  orthodont_toeplitz3 = linear_case(distances, sex_alone("toeplitz 3, t(occasion)"), toeplitz_corr(3, "occasion"),
                                    start = c(5, 0.6, 0.65, 0.5)),
  orthodont_ar1_by_sex = linear_case(distances, sex_alone("ar 1, t(occasion) by(female)"),
                                     by_levels("Sex", sexes, ar1("occasion")), start = c(5, 0.5, 0.7, 0.9)),
  orthodont_by_sex = linear_case(distances, sex_text("", "residuals(independent, by(female))"),
                                 distinct("Sex", sexes), random = subject,
                                 by_lme(distances, ~1 | Subject, weights = varIdent(form = ~1 | Sex))),
  orthodont_ri_ar1 = linear_case(distances, sex_text("", "residuals(ar 1, t(occasion))"), ar1("occasion"),
                                 by_lme(distances, ~1 | Subject, correlation = corAR1(0.1, ~occasion | Subject)),
                                 random = subject),
  orthodont_rs_by_sex = linear_case(distances, random = slope, errors = distinct("Sex", sexes),
                                    sex_text("age", "covariance(unstructured) residuals(independent, by(female))"),
                                    by_lme(distances, ~age | Subject, weights = varIdent(form = ~1 | Sex))),
  bodyweight_exponential = linear_case(weights, rat_text("residuals(exponential, t(Time))"), ar1("Time"),
                                       by_lme(weights, ~Time | Rat, correlation = corExp(5, ~Time | Rat))),
  bodyweight_power_time = linear_case(weights, rat_menl("resvariance(power Time, noconstant)"), power_of("Time"),
                                      by_lme(weights, ~Time | Rat, weights = varPower(form = ~Time))),
  bodyweight_exponential_time = linear_case(weights, rat_menl("resvariance(exponential Time)"), exponential_of("Time"),
                                            by_lme(weights, ~Time | Rat, weights = varExp(form = ~Time))),
  bodyweight_power_yhat = linear_case(weights, rat_menl("resvariance(power _yhat, noconstant)"), power_mean,
                                      by_lme(weights, ~Time | Rat, weights = varPower())),
  bodyweight_ar1_by_diet = linear_case(
    weights, rat_menl("resvariance(distinct, index(Diet)) rescorrelation(ar 1, t(occasion))"),
    both(ar1(), distinct("Diet", 1:3)),
    by_lme(weights, ~Time | Rat, correlation = corAR1(0.3, ~1 | Rat), weights = varIdent(form = ~1 | Diet))),
  dialyzer_gls_ar1 = linear_case(
    rates, "mixed rate i.high##(c.pressure c.p2 c.p3 c.p4) || Subject:, noconstant residuals(ar 1, t(index))",
    ar1(), by_gls(rates, correlation = corAR1(0.5, ~1 | Subject))),
  dialyzer_gls_power_ar1 = linear_case(
    rates, paste("menl rate = {xb: i.high##(c.pressure c.p2 c.p3 c.p4)}, resvariance(power pressure, noconstant)",
                 "rescorrelation(ar 1, t(index) group(Subject))"), both(ar1(), power_of("pressure")),
    by_gls(rates, correlation = corAR1(0.5, ~1 | Subject), weights = varPower(form = ~pressure)))
)
