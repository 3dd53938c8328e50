/// The rectangle between two axes, and where numbers are in it.
struct PlotArea {
  let frame: Drawing.Frame
  let x: ClosedRange<Double>
  let y: ClosedRange<Double>

  /// Finite for every number; what is outside the ranges is outside the frame.
  func point(_ horizontal: Double, _ vertical: Double) -> Drawing.Point {
    Drawing.Point(
      x: frame.x + Self.share(horizontal, x) * frame.width,
      y: frame.bottom - Self.share(vertical, y) * frame.height)
  }

  private static func share(_ value: Double, _ range: ClosedRange<Double>) -> Double {
    let span = range.upperBound / 2 - range.lowerBound / 2
    return span > 0 ? (value / 2 - range.lowerBound / 2) / span : 0.5
  }
}

/// The axes of a chart with numbers along both, drawn lightly: a grid of horizontal lines and a base line.
struct Axes {
  var title: String
  var xTitle: String
  var yTitle: String
  let x: Ticks
  let y: Ticks
  /// Whether the horizontal numbers are logarithms to the base 10, and labelled by what they are the logarithms of.
  var hasPowers = false

  static let labelFont = Drawing.Font(size: 12)
  static let titleFont = Drawing.Font(size: 15, isBold: true)
  private static let axisFont = Drawing.Font(size: 12)

  /// Draws them on `drawing`.
  ///
  /// - Parameter right: the room to leave at the right, for labels.
  func draw(on drawing: inout Drawing, right: Double) -> PlotArea {
    let labels = y.labels
    let labelWidth = labels.map { Drawing.width(of: $0, Self.labelFont) }.max() ?? 0
    let top = (title.isEmpty ? 14.0 : 40) + (yTitle.isEmpty ? 0 : 20)
    let left = 14 + labelWidth + 8
    let bottom = drawing.height - 26 - (xTitle.isEmpty ? 8 : 24)
    let frame = Drawing.Frame(
      x: left, y: top, width: max(drawing.width - right - left, 10), height: max(bottom - top, 10))
    let area = PlotArea(frame: frame, x: x.range, y: y.range)
    if !title.isEmpty {
      drawing.text(
        title, at: .init(x: 14, y: 24), font: Self.titleFont, maximumWidth: drawing.width - 28)
    }
    if !yTitle.isEmpty {
      // Above the axis and upright: turned text is slow to read.
      drawing.text(
        yTitle, at: .init(x: 14, y: top - 16), font: Self.axisFont, color: .faint, maximumWidth: drawing.width - 28)
    }
    for (value, label) in zip(y.values, labels) {
      let place = area.point(x.range.lowerBound, value)
      drawing.line(
        from: place, to: .init(x: frame.right, y: place.y),
        .init(value == 0 ? .faint : .grid, width: 1))
      drawing.text(
        label, at: .init(x: frame.x - 8, y: place.y), font: Self.labelFont, color: .faint, horizontal: .right)
    }
    var free = -Double.infinity
    for (value, label) in zip(x.values, hasPowers ? x.powerLabels : x.labels) {
      let place = area.point(value, y.range.lowerBound)
      drawing.line(from: place, to: .init(x: place.x, y: place.y + 4), .init(.faint))
      let width = Drawing.width(of: label, Self.labelFont)
      // A label that would touch the one before it is left out.
      guard place.x - width / 2 > free else { continue }
      drawing.text(
        label, at: .init(x: place.x, y: place.y + 8), font: Self.labelFont, color: .faint, horizontal: .center,
        vertical: .top)
      free = place.x + width / 2 + 6
    }
    drawing.line(
      from: .init(x: frame.x, y: frame.bottom), to: .init(x: frame.right, y: frame.bottom), .init(.faint))
    if !xTitle.isEmpty {
      drawing.text(
        xTitle, at: .init(x: frame.x + frame.width / 2, y: frame.bottom + 30), font: Self.axisFont, color: .faint,
        horizontal: .center, vertical: .top, maximumWidth: frame.width)
    }
    return area
  }
}
