import Aviary
import AviaryPictures

/// How the cost of an item changes with the size, as a picture: a line that stays at 1 is what is wanted.
struct GrowthChart {
  let series: [GrowthSeries]

  /// Draws the time of an item, relative to that of the smallest size that has one.
  func write(to path: String) throws {
    var chart = LineChart(
      title: "Time of an item", xTitle: "items", yTitle: "relative to the smallest size that shows one",
      series: series.map { one in
        let costs = zip(one.points, one.seconds).compactMap { point, cost in cost.value.map { (point.size, $0) } }
        return LineChart.Series(
          "\(one.axis): \(one.work)",
          points: costs.map { Drawing.Point(x: logarithm10(Double($0.0)), y: $0.1 / costs[0].1) })
      }.filter { $0.points.count > 1 })
    (chart.hasLogarithmicX, chart.hasWholeX) = (true, false)
    try chart.drawing(width: 860, height: 460).write(to: path, scale: 2)
  }
}
