import Aviary
import AviaryPictures

/// A quantity of a run that changes while it learns.
enum RunQuantity: String, CaseIterable {
  case loss, accuracy
  case learningRate = "learning-rate"

  var title: String {
    switch self {
    case .loss: "Loss"
    case .accuracy: "Accuracy"
    case .learningRate: "Learning rate"
    }
  }
}

/// Curves of one run or several.
struct RunCharts {
  let runs: [(name: String, record: RunRecord)]
  var smoothing = 0.0
  /// Whether the horizontal axis counts steps, where the runs have logged them.
  var bySteps = false

  /// A chart of a quantity; nil where no run has it.
  ///
  /// Of several runs each has a colour, and validation is drawn solid and training dashed.
  func chart(_ quantity: RunQuantity) -> LineChart? {
    var series: [LineChart.Series] = []
    for (index, run) in runs.enumerated() {
      let color: Drawing.Color? = runs.count > 1 ? .series(index) : nil
      let parts = bySteps ? Self.steps(run.record, quantity) : Self.epochs(run.record, quantity)
      for part in parts where !part.points.isEmpty {
        let name = runs.count > 1 ? (part.name.isEmpty ? run.name : "\(run.name), \(part.name)") : part.name
        series.append(
          .init(
            name.isEmpty ? run.name : name, points: part.points, color: color,
            dashes: runs.count > 1 && part.name == "training" && parts.count > 1 ? [5, 4] : []))
      }
    }
    guard !series.isEmpty else { return nil }
    var chart = LineChart(title: quantity.title, xTitle: bySteps ? "step" : "epoch", yTitle: "", series: series)
    if quantity == .accuracy { chart.includesZero = false }
    if quantity != .learningRate { chart.smoothing = smoothing }
    if runs.count == 1, !bySteps, quantity != .learningRate, let best = runs[0].record.summary?.bestEpoch,
      (runs[0].record.summary?.epochs ?? 0) > 1
    {
      chart.markers = [(x: Double(best), name: "best")]
    }
    return chart
  }

  private static func epochs(
    _ record: RunRecord, _ quantity: RunQuantity
  ) -> [(name: String, points: [Drawing.Point])] {
    func points(_ value: (HistoryRow) -> Double?) -> [Drawing.Point] {
      record.history.compactMap { row in value(row).map { Drawing.Point(x: Double(row.epoch), y: $0) } }
    }
    switch quantity {
    case .loss:
      return [("training", points { $0.training.loss }), ("validation", points { $0.validation?.loss })]
    case .accuracy:
      return [("training", points { $0.training.accuracy }), ("validation", points { $0.validation?.accuracy })]
    case .learningRate: return [("", points { $0.learningRate })]
    }
  }

  private static func steps(
    _ record: RunRecord, _ quantity: RunQuantity
  ) -> [(name: String, points: [Drawing.Point])] {
    func points(_ value: (RunRecord.StepRow) -> Double?) -> [Drawing.Point] {
      record.steps.compactMap { row in value(row).map { Drawing.Point(x: Double(row.step), y: $0) } }
    }
    switch quantity {
    case .loss: return [("training", points { $0.loss })]
    case .accuracy: return [("training", points { $0.accuracy })]
    case .learningRate: return [("", points { $0.learningRate })]
    }
  }

  /// All charts below each other in one figure; nil where there is nothing to draw.
  func figure(_ quantities: [RunQuantity] = RunQuantity.allCases) -> Drawing? {
    let charts = quantities.compactMap { chart($0)?.drawing(width: 760, height: 340) }
    guard !charts.isEmpty else { return nil }
    var figure = Drawing(
      width: 760, height: charts.reduce(0) { $0 + $1.height },
      title: "Runs: " + runs.map(\.name).joined(separator: ", "))
    var y = 0.0
    for chart in charts {
      figure.draw(chart, at: .init(x: 0, y: y))
      y += chart.height
    }
    return figure
  }
}
