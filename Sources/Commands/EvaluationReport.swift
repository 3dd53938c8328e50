import Aviary

/// The results of an evaluation, as lines and as JSON.
struct EvaluationReport {
  var lines: [String]
  var members: [(String, JSONValue)]
  /// Whether the loss, or the error, is a finite number.
  let isFinite: Bool

  /// Of a classification; `item` is the word for one example.
  init(_ metrics: ClassificationMetrics, item: String, skipped: [(path: String, reason: String)] = []) {
    isFinite = metrics.meanLoss?.isFinite ?? true
    lines = [
      "\(counted(metrics.count, item)), accuracy \(percent(metrics.accuracy ?? 0)), "
        + "loss \(fixed(metrics.meanLoss ?? 0, 4))\(skipped.isEmpty ? "" : ", \(skipped.count) skipped")"
    ]
    var rows = [["class", "precision", "recall"]]
    for (index, name) in metrics.classes.enumerated() {
      rows.append([
        name, metrics.precision[index].map(percent) ?? "-", metrics.recall[index].map(percent) ?? "-",
      ])
    }
    lines += table(rows, right: [1, 2])
    // --json has the matrix of more classes.
    if metrics.classes.count <= 20 {
      lines.append("confusion (rows: true class, columns: predicted)")
      var matrix = [[""] + metrics.classes]
      for (name, row) in zip(metrics.classes, metrics.confusion) { matrix.append([name] + row.map(grouped)) }
      lines += table(matrix, right: Set(1...metrics.classes.count))
    }
    members = [
      (item + "s", .integer(metrics.count)),
      ("accuracy", .real(metrics.accuracy)),
      ("loss", .real(metrics.meanLoss)),
      ("confusion", .array(metrics.confusion.map { .array($0.map { .integer($0) }) })),
      ("classes", .texts(metrics.classes)),
      ("precision", .array(metrics.precision.map { .real($0) })),
      ("recall", .array(metrics.recall.map { .real($0) })),
      ("skipped", .array(skipped.map { .members(["image": .text($0.path), "error": .text($0.reason)]) })),
    ]
  }

  /// Of a regression; `item` is the word for one example.
  ///
  /// - Parameter steps: the same for each of several numbers of an example by itself.
  init(_ metrics: RegressionMetrics, item: String = "row", steps: [RegressionMetrics] = []) {
    isFinite = metrics.meanSquaredError?.isFinite ?? true
    let count = steps.first?.count ?? metrics.count
    lines = [
      "\(counted(count, item))\(steps.count > 1 ? ", \(steps.count) values each" : ""), "
        + "root mean squared error \(shown(metrics.rootMeanSquaredError)), "
        + "mean absolute error \(shown(metrics.meanAbsoluteError)), "
        + "explained variance \(shown(metrics.explainedVariance))"
    ]
    if metrics.isConstant { lines.append(constantEstimates) }
    members = [
      (item + "s", .integer(count)),
      ("mse", .real(metrics.meanSquaredError)),
      ("rmse", .real(metrics.rootMeanSquaredError)),
      ("mae", .real(metrics.meanAbsoluteError)),
      ("r2", .real(metrics.explainedVariance)),
    ]
    guard steps.count > 1 else { return }
    let rows = steps.enumerated().map { place, step in
      [
        "\(place + 1)", shown(step.rootMeanSquaredError), shown(step.meanAbsoluteError), shown(step.explainedVariance),
      ]
    }
    lines += table([["step", "RMSE", "MAE", "explained variance"]] + rows, right: [0, 1, 2, 3])
    let values = steps.map { step -> JSONValue in
      .members([
        "rmse": .real(step.rootMeanSquaredError), "mae": .real(step.meanAbsoluteError),
        "r2": .real(step.explainedVariance),
      ])
    }
    members.append(("steps", .array(values)))
  }

  /// Of a language model.
  init(characters: Int, loss: Double) {
    isFinite = loss.isFinite
    lines = [
      "\(counted(characters, "character")), loss \(fixed(loss, 4)) nats per character, "
        + "\(fixed(loss / logOfTwo, 4)) bits per character"
    ]
    members = [("characters", .integer(characters)), ("loss", .real(loss)), ("bits", .real(loss / logOfTwo))]
  }

  /// The same, with the name of the part that was evaluated.
  func onPart(_ part: EvaluationPart) -> EvaluationReport {
    var report = self
    report.members.append(("part", .text(part.word)))
    return report
  }

  func print(asJSON: Bool) {
    if asJSON {
      Swift.print(JSONValue.object(members.map { .init($0.0, $0.1) }).serialized)
    } else {
      for line in lines { show(line) }
    }
  }
}

/// Said where the estimates are all but one number.
let constantEstimates = "every prediction is nearly the same number: the network has learned nothing from the inputs"

private let logOfTwo = 0.693147180559945309

private func shown(_ value: Double?) -> String { value.map { "\(significant($0, 5))" } ?? "-" }
