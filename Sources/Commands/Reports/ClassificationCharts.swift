import Aviary
import AviaryPictures

/// The charts of a classification.
struct ClassificationCharts {
  let metrics: ClassificationMetrics
  /// Nil where there are no probabilities.
  let findings: ProbabilityFindings?
  /// The most classes whose curves are drawn into one chart.
  static let mostCurves = 6
  /// The most points of a curve: more are not seen.
  private static let mostPoints = 300

  /// The confusion matrix as shares of each true class, with counts in the cells; nil for more classes than can be read.
  var confusion: HeatMap? {
    guard metrics.classes.count <= 20 else { return nil }
    var map = HeatMap(
      title: "Confusion", rowTitle: "true class", columnTitle: "predicted", rows: metrics.classes.map { printable($0) },
      columns: metrics.classes.map { printable($0) },
      values: metrics.confusionRates.map { row in row.map { $0 ?? Double.nan } },
      colors: .sequential(0...1))
    map.texts = metrics.confusion.map { $0.map(grouped) }
    return map
  }

  /// Which classes have curves of their own: the second of two, else those with the smallest areas.
  private var curves: [(name: String, curve: ScoreCurve)] {
    guard let findings, let areas = findings.areas?.classes else { return [] }
    var labels = metrics.classes.indices.filter { areas[$0].roc != nil }
    if metrics.classes.count == 2 { labels.removeAll { $0 == 0 } }
    if labels.count > Self.mostCurves {
      labels = Array(labels.sorted { areas[$0].roc ?? 1 < areas[$1].roc ?? 1 }.prefix(Self.mostCurves))
    }
    // Only of those that are drawn: a curve is as large as the examples are many.
    return labels.compactMap { label in
      findings.probabilities.curve(of: label).map { (name: printable(metrics.classes[label]), curve: $0) }
    }
  }

  /// The receiver operating characteristic and the precision–recall curve.
  var ranking: [LineChart] {
    let curves = curves
    guard !curves.isEmpty else { return [] }
    var roc = LineChart(
      title: "Receiver operating characteristic", xTitle: "false positive rate", yTitle: "true positive rate",
      series: curves.map { name, curve in
        let points = zip(curve.falsePositives, curve.truePositives).map {
          Drawing.Point(x: Double($0) / Double(curve.negatives), y: Double($1) / Double(curve.positives))
        }
        return LineChart.Series(name, points: Self.thinned([Drawing.Point(x: 0, y: 0)] + points))
      })
    var recall = LineChart(
      title: "Precision and recall", xTitle: "recall", yTitle: "precision",
      series: curves.map { name, curve in
        let points = zip(curve.truePositives, curve.falsePositives).map {
          Drawing.Point(x: Double($0) / Double(curve.positives), y: Double($0) / Double($0 + $1))
        }
        // Where nothing is found, nothing is wrong.
        return LineChart.Series(name, points: Self.thinned([Drawing.Point(x: 0, y: 1)] + points))
      })
    roc.yRange = 0...1
    recall.yRange = 0...1
    (roc.hasWholeX, recall.hasWholeX) = (false, false)
    return [roc, recall]
  }

  static func thinned(_ points: [Drawing.Point]) -> [Drawing.Point] {
    guard points.count > mostPoints else { return points }
    return (0..<mostPoints).map { points[$0 * (points.count - 1) / (mostPoints - 1)] }
  }

  /// How often predictions of each confidence are right.
  var reliability: LineChart? {
    guard let findings, findings.probabilities.count > 0 else { return nil }
    func points(_ reliability: Reliability) -> [Drawing.Point] {
      reliability.bins.compactMap { bin in
        guard let confidence = bin.meanConfidence, let accuracy = bin.accuracy else { return nil }
        return Drawing.Point(x: confidence, y: accuracy)
      }
    }
    var series = [
      LineChart.Series(
        "perfect", points: [.init(x: 0, y: 0), .init(x: 1, y: 1)], color: .faint, dashes: [4, 4]),
      .init("as it is", points: points(findings.probabilities.reliability), color: .series(0)),
    ]
    if let scaling = findings.temperature.scaling {
      series.append(
        .init("with temperature", points: points(scaling.reliability), color: .series(1), dashes: [6, 3]))
    }
    var chart = LineChart(
      title: "Reliability", xTitle: "confidence", yTitle: "share of right predictions", series: series)
    (chart.hasWholeX, chart.yRange) = (false, 0...1)
    return chart
  }
}
