/// Points in a plane, coloured by group: features in two dimensions, or predicted over true values.
public struct ScatterChart: Sendable {
  /// Points of one colour.
  public struct Group: Sendable {
    /// Its name, in the legend.
    public var name: String
    /// The points.
    public var points: [Drawing.Point]
    /// Its colour; nil for the next of the series.
    public var color: Drawing.Color?

    /// Points under a name.
    public init(_ name: String, points: [Drawing.Point], color: Drawing.Color? = nil) {
      self.name = name
      self.points = points
      self.color = color
    }
  }

  /// The title.
  public var title: String
  /// What the horizontal axis shows.
  public var xTitle: String
  /// What the vertical axis shows.
  public var yTitle: String
  /// The groups of points.
  public var groups: [Group]
  /// Whether the horizontal coordinates are logarithms to the base 10; the axis shows what they are the logarithms of.
  public var hasLogarithmicX = false
  /// Whether a line marks where both coordinates are equal.
  public var hasDiagonal = false
  /// Whether both axes have one range, as of predicted over true values.
  public var hasEqualAxes = false

  /// A chart with its titles and contents.
  public init(title: String, xTitle: String, yTitle: String, groups: [Group]) {
    self.title = title
    self.xTitle = xTitle
    self.yTitle = yTitle
    self.groups = groups
  }

  /// The chart as a drawing, sizes in points.
  public func drawing(width: Double = 720, height: Double = 560) -> Drawing {
    var drawing = Drawing(width: width, height: height, title: title)
    let points = groups.flatMap(\.points).filter { $0.x.isFinite && $0.y.isFinite }
    var (xs, ys) = (points.map(\.x), points.map(\.y))
    if hasEqualAxes { (xs, ys) = (xs + ys, xs + ys) }
    let axes = Axes(
      title: title, xTitle: xTitle, yTitle: yTitle,
      x: hasLogarithmicX
        ? Ticks.powers(from: xs.min() ?? 0, to: xs.max() ?? 1, count: max(Int(width / 90), 2))
        : Ticks(from: xs.min() ?? 0, to: xs.max() ?? 1, count: max(Int(width / 90), 2)),
      y: Ticks(from: ys.min() ?? 0, to: ys.max() ?? 1, count: max(Int(height / 70), 2)),
      hasPowers: hasLogarithmicX)
    let colors = groups.indices.map { groups[$0].color ?? .series($0) }
    let named = groups.count > 1 ? zip(groups, colors).map { ($0.name, $1) } : []
    let names = EndLabels(named, width: width, height: height)
    let area = axes.draw(on: &drawing, right: names.room)
    if hasDiagonal {
      let (low, high) = (
        max(area.x.lowerBound, area.y.lowerBound), min(area.x.upperBound, area.y.upperBound)
      )
      if low < high {
        drawing.line(from: area.point(low, low), to: area.point(high, high), .init(.faint, width: 1, dashes: [4, 4]))
      }
    }
    // In turn through the groups, so that the last does not hide the others, and ending together: a group of few points, such as
    // the best one, is not hidden by a large one.
    let longest = groups.map(\.points.count).max() ?? 0
    let radius = points.count > 2000 ? 1.8 : points.count > 300 ? 2.6 : 3.6
    for turn in 0..<longest {
      for (number, (group, color)) in zip(groups, colors).enumerated() {
        let index = turn - (longest - group.points.count)
        guard index >= 0 else { continue }
        let point = group.points[index]
        guard point.x.isFinite, point.y.isFinite else { continue }
        drawing.symbol(number, at: area.point(point.x, point.y), radius: radius, fill: color.withOpacity(0.7))
      }
    }
    // The names stand at the heights of their groups' means.
    let means = groups.map { group -> Double? in
      let finite = group.points.filter { $0.x.isFinite && $0.y.isFinite }
      guard !finite.isEmpty else { return nil }
      return area.point(0, finite.reduce(0) { $0 + $1.y / Double(finite.count) }).y
    }
    names.draw(at: named.isEmpty ? [] : means, in: area, on: &drawing, symbols: true)
    return drawing
  }
}

extension Drawing {
  /// A mark for the group of this number: a circle, and a square, a triangle or a diamond where the palette starts again.
  mutating func symbol(_ number: Int, at center: Point, radius: Double, fill: Color) {
    func corners(_ places: [(Double, Double)]) -> [Point] {
      places.map { Point(x: center.x + $0.0 * radius, y: center.y + $0.1 * radius) }
    }
    switch number / Color.palette.count % 4 {
    case 0: circle(center: center, radius: radius, fill: fill)
    case 1: polygon(corners([(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)]), fill: fill)
    case 2: polygon(corners([(0, -1.2), (1.1, 0.9), (-1.1, 0.9)]), fill: fill)
    default: polygon(corners([(0, -1.3), (1.3, 0), (0, 1.3), (-1.3, 0)]), fill: fill)
    }
  }
}
