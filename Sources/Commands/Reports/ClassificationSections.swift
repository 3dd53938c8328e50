import Aviary
import AviaryPictures

/// What a page says of a classification.
struct ClassificationSections {
  let metrics: ClassificationMetrics
  /// Nil where there are no probabilities.
  let findings: ProbabilityFindings?

  func sections() throws -> [ReportPage.Section] {
    let charts = ClassificationCharts(metrics: metrics, findings: findings)
    var sections = [ReportPage.Section("scores", "Scores", scores)]
    var confusion: [HTML] = []
    if let map = charts.confusion {
      confusion.append(
        try figure(map.drawing(), "Counts in the cells; the darker, the larger the share of the true class."))
    }
    confusion.append(mistakes)
    if metrics.classes.count <= 20 { confusion.append(matrix) }
    sections.append(ReportPage.Section("confusion", "Confusion", confusion))
    sections.append(ReportPage.Section("classes", "Classes", [classTable]))
    let ranking = charts.ranking
    if !ranking.isEmpty {
      let drawn = try ranking.map { try figure($0.drawing(width: 440, height: 340), $0.title + ".") }
      let hidden = metrics.classes.count > ClassificationCharts.mostCurves
      let note =
        "Each class against the rest. The areas of all are in the table of classes."
        + (hidden ? " The \(ClassificationCharts.mostCurves) classes with the smallest areas are drawn." : "")
      sections.append(
        ReportPage.Section(
          "curves", "Curves", [.paragraph(.text(note)), .element("div", [("class", "figures")], all: drawn)]))
    }
    if let findings { sections.append(try calibration(findings, charts)) }
    return sections
  }

  private var scores: [HTML] {
    func share(_ value: Double?) -> HTML? { value.map { HTML.text(percent($0)) } }
    func number(_ value: Double?) -> HTML? { HTML.text(shown(value)) }
    var facts: [(name: String, value: HTML?)] = []
    facts.append(("Accuracy", share(metrics.accuracy)))
    facts.append(("Balanced accuracy", share(metrics.balancedAccuracy)))
    facts.append(("F1, macro average", number(metrics.macroAverage?.f1)))
    facts.append(("F1, weighted average", number(metrics.weightedAverage?.f1)))
    facts.append(("Matthews correlation", number(metrics.matthewsCorrelation)))
    facts.append(("Cohen's kappa", number(metrics.cohensKappa)))
    facts.append(("Loss", number(metrics.meanLoss)))
    if let findings {
      facts.append(("Log loss", number(findings.probabilities.logLoss)))
      facts.append(("Brier score", number(findings.probabilities.brierScore)))
      facts.append(("ROC area", number(findings.areas?.roc)))
      facts.append(("Average precision", number(findings.areas?.averagePrecision)))
      for place in findings.places {
        facts.append(("Among the \(place) most probable", share(findings.probabilities.topAccuracy(place))))
      }
    }
    var content = [HTML.facts(facts)]
    let undefined = metrics.undefined + (findings?.undefined ?? [])
    if !undefined.isEmpty {
      content.append(.element("h3", "Undefined"))
      content.append(.element("ul", [], all: undefined.map { HTML.element("li", .text($0)) }))
    }
    return content
  }

  /// Which classes are taken for which.
  private var mistakes: HTML {
    var pairs = metrics.confusedPairs.filter { $0.predicted != $0.label }
    pairs.sort { ($1.count, $0.label, $0.predicted) < ($0.count, $1.label, $1.predicted) }
    guard !pairs.isEmpty else { return .paragraph("No mistakes.") }
    let support = metrics.support
    let rows = pairs.prefix(10).map { pair -> [HTML] in
      let rate = percent(Double(pair.count) / Double(support[pair.label]))
      return [
        .name(metrics.classes[pair.label]), .name(metrics.classes[pair.predicted]), .text(grouped(pair.count)),
        .text(rate),
      ]
    }
    return .table(
      "The most frequent mistakes", ["True class", "Predicted", "Count", "Of the class"], rows, numbers: [2, 3])
  }

  private var matrix: HTML {
    let rows = zip(metrics.classes, metrics.confusion).map { name, row -> [HTML] in
      [HTML.name(name)] + row.map { HTML.text(grouped($0)) }
    }
    return .element(
      "details", .element("summary", "The counts as a table"),
      .table(
        "Rows: true classes; columns: predicted ones", ["True class"] + metrics.classes, rows,
        numbers: Set(1...metrics.classes.count)))
  }

  private var classTable: HTML {
    let areas = findings?.areas?.classes
    func cell(_ share: Double?) -> HTML { HTML.text(share.map(percent) ?? "-") }
    var header = ["Class", "Precision", "Recall", "F1", "Support"]
    if areas != nil { header += ["ROC area", "Average precision", "Threshold", "F1 there"] }
    let (precision, recall, f1, support) = (metrics.precision, metrics.recall, metrics.f1, metrics.support)
    var rows: [[HTML]] = []
    for (index, name) in metrics.classes.enumerated() {
      var row: [HTML] = [.name(name), cell(precision[index]), cell(recall[index]), cell(f1[index])]
      row.append(.text(grouped(support[index])))
      if let area = areas?[index] {
        row += [HTML.text(shown(area.roc)), .text(shown(area.averagePrecision)), .text(shown(area.threshold))]
        row.append(cell(area.f1))
      }
      rows.append(row)
    }
    for (name, average) in [("Macro average", metrics.macroAverage), ("Weighted average", metrics.weightedAverage)] {
      guard let average else { continue }
      var row: [HTML] = [.text(name), cell(average.precision), cell(average.recall), cell(average.f1)]
      row.append(.text(grouped(metrics.count)))
      if areas != nil { row += Array(repeating: HTML.text(""), count: 4) }
      rows.append(row)
    }
    let caption =
      areas == nil
      ? "Precision, recall and F1 score of each class"
      : "Each class; the threshold is the probability above which the class has its highest F1 score"
    return .table(caption, header, rows, numbers: Set(1..<header.count))
  }

  private func calibration(
    _ findings: ProbabilityFindings, _ charts: ClassificationCharts
  ) throws -> ReportPage.Section {
    let error = findings.probabilities.reliability.expectedCalibrationError.map(percent) ?? "-"
    var content: [HTML] = [
      .paragraph(
        .text("Confidence and accuracy differ by \(error) on average (expected calibration error, 15 bins)."))
    ]
    if let scaling = findings.temperature.scaling {
      let direction = scaling.temperature > 1 ? "too confident" : "not confident enough"
      let scaled = scaling.reliability.expectedCalibrationError.map(percent) ?? "-"
      content.append(
        .paragraph(
          .text(
            "The network is \(direction): logits divided by a temperature of \(significant(scaling.temperature, 4)) have an error of \(scaled) and a log loss of \(significant(scaling.logLoss, 4)). The temperature is fitted on these very examples; judge it on others. aviary predict takes it as --temperature."
          )))
    }
    if let chart = charts.reliability {
      content.append(
        try figure(chart.drawing(width: 440, height: 340), "Below the diagonal the network is too confident."))
    }
    let rows = findings.probabilities.reliability.bins.filter { $0.count > 0 }.map { bin -> [HTML] in
      [
        .text("\(percent(bin.lower)) to \(percent(bin.upper))"), .text(grouped(bin.count)),
        .text(bin.meanConfidence.map(percent) ?? "-"), .text(bin.accuracy.map(percent) ?? "-"),
      ]
    }
    content.append(
      .element(
        "details", .element("summary", "The bins as a table"),
        .table(
          "Predictions by confidence", ["Confidence", "Predictions", "Mean confidence", "Right"], rows,
          numbers: [1, 2, 3])))
    return ReportPage.Section("calibration", "Calibration", content)
  }
}
