import Aviary
import AviaryPictures
import AviaryPlatform
import AviarySearch

extension SearchResult {
  private static let width = 760.0

  /// How much each setting matters, and the value of each trial over each setting; nil where nothing has finished.
  var figure: Drawing? {
    let finished = Self.ranked(trials, monitor)
    guard !finished.isEmpty else { return nil }
    var charts: [Drawing] = []
    if !importance.isEmpty {
      charts.append(
        BarChart(
          title: "Importance of the settings",
          valueTitle: "share of what tells the best trials from the others (PED-ANOVA)",
          bars: importance.map { .init($0.name, $0.share, label: percent($0.share)) }
        ).drawing(width: Self.width))
    }
    charts += plan.space.parameters.compactMap { chart(of: $0, finished) }
    guard !charts.isEmpty else { return nil }
    var figure = Drawing(
      width: Self.width, height: charts.reduce(0) { $0 + $1.height }, title: "Search: \(plan.study)")
    var y = 0.0
    for chart in charts {
      figure.draw(chart, at: .init(x: 0, y: y))
      y += chart.height
    }
    return figure
  }

  /// Of numbers a point for each trial; of words the best and the mean of each.
  private func chart(of parameter: SearchParameter, _ finished: [StudyTrial]) -> Drawing? {
    let points = finished.compactMap { trial in
      trial.values[parameter.name].flatMap { text in trial.value.map { (text: text, value: $0, number: trial.number) } }
    }
    guard !points.isEmpty else { return nil }
    guard parameter.domain.isOrdered else {
      let values = parameter.domain.values ?? []
      let bars = values.flatMap { value -> [BarChart.Bar] in
        let own = points.filter { $0.text == value }.map(\.value)
        guard let least = own.min(), let most = own.max() else { return [] }
        let mean = own.reduce(0) { $0 + $1 / Double(own.count) }
        return [
          .init("\(value), best of \(own.count)", monitor.rises ? most : least),
          .init("\(value), mean", mean, color: .series(1)),
        ]
      }
      return BarChart(title: parameter.name, valueTitle: monitor.word, bars: bars).drawing(width: Self.width)
    }
    let isLogarithmic = parameter.domain.isLogarithmic && points.allSatisfy { (Double($0.text) ?? 0) > 0 }
    func group(_ name: String, _ isBest: Bool) -> ScatterChart.Group {
      .init(
        name,
        points: points.filter { ($0.number == best.number) == isBest }.compactMap { point in
          Double(point.text).map { .init(x: isLogarithmic ? log10($0) : $0, y: point.value) }
        }, color: .series(isBest ? 1 : 0))
    }
    var chart = ScatterChart(
      title: parameter.name, xTitle: parameter.name, yTitle: monitor.word,
      groups: [group("trials", false), group("best", true)].filter { !$0.points.isEmpty })
    chart.hasLogarithmicX = isLogarithmic
    return chart.drawing(width: Self.width, height: 300)
  }
}
