import Aviary

extension EvaluationReport {
  /// Of a regression; `item` is the word for one example.
  ///
  /// - Parameter steps: the same for each of several numbers of an example by itself.
  init(_ metrics: RegressionMetrics, item: String = "row", steps: [RegressionMetrics] = []) {
    (content, self.item) = (.numbers(metrics), item)
    isFinite = metrics.meanSquaredError?.isFinite ?? true
    let count = steps.first?.count ?? metrics.count
    lines = [
      "\(counted(count, item))\(steps.count > 1 ? ", \(steps.count) values each" : ""), root mean squared error \(shown(metrics.rootMeanSquaredError)), "
        + "mean absolute error \(shown(metrics.meanAbsoluteError)), R² \(shown(metrics.r2))",
      "median absolute error \(shown(metrics.medianAbsoluteError)), mean error \(shown(metrics.meanError)), "
        + "explained variance \(shown(metrics.explainedVariance))",
    ]
    var undefined: [String] = []
    if metrics.count > 0 {
      if metrics.r2 == nil { undefined.append("R² and explained variance: all targets are the same number") }
      if metrics.medianAbsoluteError == nil { undefined.append("median absolute error: the errors are not kept") }
    }
    lines += undefined.map { "undefined: \($0)" }
    if metrics.isConstant { lines.append(constantEstimates) }
    members = [
      (item + "s", .integer(count)),
      ("mse", .real(metrics.meanSquaredError)),
      ("rmse", .real(metrics.rootMeanSquaredError)),
      ("mae", .real(metrics.meanAbsoluteError)),
      ("r2", .real(metrics.r2)),
      ("median_absolute_error", .real(metrics.medianAbsoluteError)),
      ("mean_error", .real(metrics.meanError)),
      ("explained_variance", .real(metrics.explainedVariance)),
      ("undefined", .texts(undefined)),
    ]
    guard steps.count > 1 else { return }
    let rows = steps.enumerated().map { place, step in
      ["\(place + 1)", shown(step.rootMeanSquaredError), shown(step.meanAbsoluteError), shown(step.r2)]
    }
    lines += table([["step", "RMSE", "MAE", "R²"]] + rows, right: [0, 1, 2, 3])
    let values = steps.map { step -> JSONValue in
      .members([
        "rmse": .real(step.rootMeanSquaredError), "mae": .real(step.meanAbsoluteError), "r2": .real(step.r2),
      ])
    }
    members.append(("steps", .array(values)))
  }
}

/// Said where the estimates are all but one number.
let constantEstimates = "every prediction is nearly the same number: the network has learned nothing from the inputs"

/// Five digits, or a dash for what is undefined.
func shown(_ value: Double?) -> String { value.map { "\(significant($0, 5))" } ?? "-" }
