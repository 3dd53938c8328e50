import Aviary
import AviaryPictures

/// What a page says of an evaluation.
struct EvaluationSections {
  let report: EvaluationReport
  /// Words for one example.
  var item: String { report.item }

  /// - Throws: where a drawing cannot be made.
  func sections() throws -> [ReportPage.Section] {
    try scoreSections() + (report.slices?.section.map { [$0] } ?? [])
  }

  private func scoreSections() throws -> [ReportPage.Section] {
    switch report.content {
    case .classes(let metrics, let findings):
      try ClassificationSections(metrics: metrics, findings: findings).sections()
    case .numbers(let metrics): try numbers(metrics)
    case .characters(let count, let loss): [characters(count, loss)]
    case .other: [ReportPage.Section("scores", "Scores", report.lines.map { .paragraph(.text($0)) })]
    }
  }

  /// The most important numbers as one sentence.
  var lead: String {
    switch report.content {
    case .classes(let metrics, _):
      "\(percent(metrics.accuracy ?? 0)) of \(counted(metrics.count, item)) right"
        + (metrics.balancedAccuracy.map { ", balanced accuracy \(percent($0))" } ?? "")
    case .numbers(let metrics):
      "root mean squared error \(shown(metrics.rootMeanSquaredError)), R² \(shown(metrics.r2)) on \(counted(metrics.count, item))"
    case .characters(let count, let loss): "\(fixed(loss, 4)) nats a character on \(counted(count, "character"))"
    case .other: report.lines.first ?? ""
    }
  }

  /// For a model card: Hugging Face's type of the measure, a name, and the value.
  var measures: [(type: String, name: String, value: Double)] {
    let all: [(String, String, Double?)] =
      switch report.content {
      case .classes(let metrics, let findings):
        [
          ("accuracy", "Accuracy", metrics.accuracy), ("f1", "F1, macro average", metrics.macroAverage?.f1),
          ("precision", "Precision, macro average", metrics.macroAverage?.precision),
          ("recall", "Recall, macro average", metrics.macroAverage?.recall),
          ("matthews_correlation", "Matthews correlation", metrics.matthewsCorrelation),
          ("roc_auc", "ROC area", findings?.areas?.roc),
          ("brier_score", "Brier score", findings?.probabilities.brierScore),
        ]
      case .numbers(let metrics):
        [
          ("rmse", "Root mean squared error", metrics.rootMeanSquaredError),
          ("mae", "Mean absolute error", metrics.meanAbsoluteError), ("r_squared", "R²", metrics.r2),
        ]
      case .characters(_, let loss): [("loss", "Nats a character", loss)]
      case .other: []
      }
    return all.compactMap { type, name, value in value.flatMap { $0.isFinite ? (type, name, $0) : nil } }
  }

  private func numbers(_ metrics: RegressionMetrics) throws -> [ReportPage.Section] {
    func number(_ value: Double?) -> HTML? { HTML.text(shown(value)) }
    var facts: [(name: String, value: HTML?)] = []
    facts.append(("Root mean squared error", number(metrics.rootMeanSquaredError)))
    facts.append(("Mean absolute error", number(metrics.meanAbsoluteError)))
    facts.append(("Median absolute error", number(metrics.medianAbsoluteError)))
    facts.append(("Mean error", number(metrics.meanError)))
    facts.append(("R²", number(metrics.r2)))
    facts.append(("Explained variance", number(metrics.explainedVariance)))
    var scores = [HTML.facts(facts)]
    if metrics.isConstant { scores.append(.paragraph(.text(constantEstimates))) }
    var sections = [ReportPage.Section("scores", "Scores", scores)]
    guard let pairs = metrics.pairs, !pairs.isEmpty else { return sections }
    // More points than this are not told apart.
    let step = max(1, pairs.count / 2000)
    let sample = stride(from: 0, to: pairs.count, by: step).map { pairs[$0] }
    var predicted = ScatterChart(
      title: "Predicted over true", xTitle: "true", yTitle: "predicted",
      groups: [.init(item, points: sample.map { Drawing.Point(x: $0.target, y: $0.estimate) })])
    (predicted.hasDiagonal, predicted.hasEqualAxes) = (true, true)
    let residuals = ScatterChart(
      title: "Residuals", xTitle: "predicted", yTitle: "predicted − true",
      groups: [.init(item, points: sample.map { Drawing.Point(x: $0.estimate, y: $0.estimate - $0.target) })])
    sections.append(
      .init(
        "residuals", "Predictions",
        [
          .element(
            "div", [("class", "figures")],
            try figure(predicted.drawing(width: 440, height: 380), "On the dashed line the estimates are exact."),
            try figure(residuals.drawing(width: 440, height: 380), "By how much estimates are too high."))
        ]))
    return sections
  }

  private func characters(_ count: Int, _ loss: Double) -> ReportPage.Section {
    .init(
      "scores", "Scores",
      [
        .facts([
          ("Characters", .text(grouped(count))), ("Loss", .text("\(fixed(loss, 4)) nats a character")),
          ("Bits", .text("\(fixed(loss / 0.693147180559945309, 4)) a character")),
        ])
      ])
  }
}

/// A drawing with its caption; its title says what it shows.
func figure(_ drawing: Drawing, _ caption: String) throws -> HTML {
  .element("figure", .drawing(try drawing.svg()), .element("figcaption", .text(caption)))
}
