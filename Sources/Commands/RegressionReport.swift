import Aviary

extension EvaluationReport {
  /// Of a regression; `item` is the word for one example.
  init(_ metrics: RegressionMetrics, item: String = "row") {
    (content, self.item) = (.numbers(metrics), item)
    isFinite = metrics.meanSquaredError?.isFinite ?? true
    lines = [
      "\(counted(metrics.count, item)), root mean squared error \(shown(metrics.rootMeanSquaredError)), "
        + "mean absolute error \(shown(metrics.meanAbsoluteError)), R² \(shown(metrics.r2))",
      "median absolute error \(shown(metrics.medianAbsoluteError)), mean error \(shown(metrics.meanError)), "
        + "explained variance \(shown(metrics.explainedVariance))",
    ]
    let undefined =
      metrics.count > 0 && metrics.r2 == nil ? ["R² and explained variance: all targets are the same number"] : []
    lines += undefined.map { "undefined: \($0)" }
    if metrics.isConstant { lines.append(constantEstimates) }
    members = [
      (item + "s", .integer(metrics.count)),
      ("mse", .real(metrics.meanSquaredError)),
      ("rmse", .real(metrics.rootMeanSquaredError)),
      ("mae", .real(metrics.meanAbsoluteError)),
      ("r2", .real(metrics.r2)),
      ("median_absolute_error", .real(metrics.medianAbsoluteError)),
      ("mean_error", .real(metrics.meanError)),
      ("explained_variance", .real(metrics.explainedVariance)),
      ("undefined", .texts(undefined)),
    ]
  }
}

/// Said where the estimates are all but one number.
let constantEstimates = "every prediction is nearly the same number: the network has learned nothing from the inputs"

/// Five digits, or a dash for what is undefined.
func shown(_ value: Double?) -> String { value.map { "\(significant($0, 5))" } ?? "-" }
