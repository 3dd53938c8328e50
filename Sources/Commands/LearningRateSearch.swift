import Aviary
import AviaryPictures

extension TrainingRun {
  /// Tries growing learning rates, draws their losses and suggests one.
  func findLearningRate(_ options: TrainingOptions, _ source: NetworkTraining.Source, picture path: String) throws {
    tell(try describeData(options.data, options.kind))
    let test = try NetworkTraining.learningRates(
      options, from: source, registry: AviaryCommand.registry, over: LearningRateRange(), report: { tell($0) })
    try test.chart.drawing().write(to: path, scale: 2)
    if arguments.json {
      let points = test.points.map { point in
        JSONValue.members([
          "learning_rate": .real(point.learningRate), "loss": .real(point.loss), "smoothed_loss": .real(point.smoothed),
        ])
      }
      printJSON(
        JSONValue.members([
          "suggestion": .real(test.steepest), "tenth_of_least": .real(test.tenthOfLeast), "picture": .text(path),
          "points": .array(points),
        ]))
      return
    }
    guard let steepest = test.steepest else {
      show("no learning rate is suggested: the loss never falls in \(counted(test.points.count, "step"))")
      return show(path)
    }
    show("suggested: --learning-rate \(significant(steepest, 2)) (the loss falls fastest there)")
    if let safe = test.tenthOfLeast { show("a tenth of the rate with the least loss: \(significant(safe, 2))") }
    show(path)
  }
}

extension LearningRateRange {
  /// The losses over the logarithm of the learning rate.
  fileprivate var chart: LineChart {
    let xs = points.map { logarithm10($0.learningRate) }
    let least = points.map(\.smoothed).min() ?? 0
    // What has blown up would leave the rest no room.
    let top = max((points.first?.smoothed ?? 1) * 1.5, least * 2)
    func series(_ name: String, _ value: (Point) -> Double) -> LineChart.Series {
      .init(
        name, points: zip(xs, points).map { Drawing.Point(x: $0, y: value($1) <= top ? value($1) : .nan) })
    }
    var chart = LineChart(
      title: "Loss by learning rate", xTitle: "learning rate", yTitle: "loss",
      series: [series("smoothed", \.smoothed), series("step", \.loss)])
    chart.includesZero = false
    chart.hasWholeX = false
    chart.hasLogarithmicX = true
    if let steepest { chart.markers = [(x: logarithm10(steepest), name: "suggested \(significant(steepest, 2))")] }
    return chart
  }
}
