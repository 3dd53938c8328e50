/// Numbers that change along an axis, such as losses by epoch: a line for each series, named at its end.
///
/// Points that are not finite are gaps.
public struct LineChart: Sendable {
  /// A line.
  public struct Series: Sendable {
    /// Its name, in the legend.
    public var name: String
    /// The points.
    public var points: [Drawing.Point]
    /// nil takes the next of the palette.
    public var color: Drawing.Color?
    /// Lengths of dashes and gaps; none for a solid line.
    public var dashes: [Double]

    /// A line through points.
    public init(_ name: String, points: [Drawing.Point], color: Drawing.Color? = nil, dashes: [Double] = []) {
      self.name = name
      self.points = points
      self.color = color
      self.dashes = dashes
    }

    /// Values at 1, 2, 3, …
    public init(_ name: String, _ values: [Double], color: Drawing.Color? = nil, dashes: [Double] = []) {
      self.init(
        name, points: values.enumerated().map { .init(x: Double($0.offset + 1), y: $0.element) }, color: color,
        dashes: dashes)
    }
  }

  /// The title.
  public var title: String
  /// What the horizontal axis shows.
  public var xTitle: String
  /// What the vertical axis shows.
  public var yTitle: String
  /// The lines.
  public var series: [Series]
  /// Whether the vertical axis starts at zero where no number is below: for losses, shares and counts.
  public var includesZero = true
  /// The bounds of the vertical axis, where they are known beforehand.
  public var yRange: ClosedRange<Double>?
  /// Whether the horizontal coordinates are logarithms to the base 10; the axis shows what they are the logarithms of.
  public var hasLogarithmicX = false
  /// Whether there are ticks only at whole numbers of the horizontal axis, as of epochs.
  public var hasWholeX = true
  /// The share of the past in each point of a smoothed line, from 0 to below 1, as TensorBoard smooths; the original
  /// line is drawn faintly.
  public var smoothing = 0.0
  /// Vertical lines with a name, such as the best epoch.
  public var markers: [(x: Double, name: String)] = []

  /// A chart with its titles and contents.
  public init(title: String, xTitle: String, yTitle: String, series: [Series]) {
    self.title = title
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.series = series
  }

  /// The chart as a drawing, sizes in points.
  public func drawing(width: Double = 720, height: Double = 440) -> Drawing {
    var drawing = Drawing(width: width, height: height, title: title)
    let drawn = series.enumerated().map { index, series in
      DrawnSeries(series, color: series.color ?? .series(index), smoothing: smoothing)
    }
    let finite = drawn.flatMap { $0.points + $0.smoothed }.filter { $0.x.isFinite && $0.y.isFinite }
    let ys = finite.map(\.y) + (yRange.map { [$0.lowerBound, $0.upperBound] } ?? (includesZero ? [0] : []))
    let xs = finite.map(\.x)
    let axes = Axes(
      title: title, xTitle: xTitle, yTitle: yTitle,
      x: hasLogarithmicX
        ? Ticks.powers(from: xs.min() ?? 0, to: xs.max() ?? 1, count: max(Int(width / 90), 2))
        : Ticks(from: xs.min() ?? 0, to: xs.max() ?? 1, count: max(Int(width / 90), 2), areWhole: hasWholeX),
      y: Ticks(from: ys.min() ?? 0, to: ys.max() ?? 1, count: max(Int(height / 70), 2)),
      hasPowers: hasLogarithmicX)
    let names = EndLabels(drawn.map { ($0.series.name, $0.color) }, width: width, height: height)
    let area = axes.draw(on: &drawing, right: names.room)
    if finite.isEmpty {
      drawing.text("no numbers", at: area.frame.center, color: .faint, horizontal: .center)
    }
    for marker in markers where area.x.contains(marker.x) { draw(marker, in: area, on: &drawing) }
    drawing.clipped(to: area.frame.inset(by: -3)) { drawing in
      for line in drawn {
        let faint = Drawing.Stroke(line.color.withOpacity(0.3), width: 1.2)
        if !line.smoothed.isEmpty { drawing.polyline(line.points.map { area.place($0) }, faint) }
        drawing.polyline(
          (line.smoothed.isEmpty ? line.points : line.smoothed).map { area.place($0) },
          .init(line.color, width: 2.2, dashes: line.series.dashes))
      }
    }
    names.draw(at: drawn.map { $0.end.map { area.place($0).y } }, in: area, on: &drawing)
    return drawing
  }

  private func draw(_ marker: (x: Double, name: String), in area: PlotArea, on drawing: inout Drawing) {
    let place = area.point(marker.x, area.y.lowerBound)
    drawing.line(
      from: .init(x: place.x, y: area.frame.y), to: place, .init(.faint, width: 1, dashes: [3, 3]))
    let isLate = place.x > area.frame.center.x
    drawing.text(
      marker.name, at: .init(x: place.x + (isLate ? -5 : 5), y: area.frame.y + 2), font: Axes.labelFont, color: .faint,
      horizontal: isLate ? .right : .left, vertical: .top, maximumWidth: area.frame.width / 2)
  }
}

extension PlotArea {
  /// A point that is not finite stays so, and is a gap.
  fileprivate func place(_ point: Drawing.Point) -> Drawing.Point {
    point.x.isFinite && point.y.isFinite ? self.point(point.x, point.y) : Drawing.Point(x: .nan, y: .nan)
  }
}

/// A series with its colour, and its smoothed line where there is one.
private struct DrawnSeries {
  let series: LineChart.Series
  let color: Drawing.Color
  let points: [Drawing.Point]
  let smoothed: [Drawing.Point]

  init(_ series: LineChart.Series, color: Drawing.Color, smoothing: Double) {
    self.series = series
    self.color = color
    points = series.points
    guard smoothing > 0, smoothing < 1 else {
      smoothed = []
      return
    }
    // An exponential mean, corrected for its beginning at zero.
    var (mean, weight) = (0.0, 0.0)
    smoothed = points.map { point in
      guard point.y.isFinite else { return point }
      mean = smoothing * mean + (1 - smoothing) * point.y
      weight = smoothing * weight + (1 - smoothing)
      return Drawing.Point(x: point.x, y: mean / weight)
    }
  }

  /// Where the line ends.
  var end: Drawing.Point? { (smoothed.isEmpty ? points : smoothed).last { $0.x.isFinite && $0.y.isFinite } }
}
