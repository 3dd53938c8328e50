/// Numbers by name as horizontal bars from zero, each with its number: names of any length have room, and nothing is turned.
public struct BarChart: Sendable {
  /// A bar.
  public struct Bar: Sendable {
    /// Its name, in the legend.
    public var name: String
    /// The number that it shows.
    public var value: Double
    /// Its colour.
    public var color: Drawing.Color
    /// What is written at its end; nil for the number.
    public var label: String?

    /// A bar; its label is the value, if nil.
    public init(_ name: String, _ value: Double, color: Drawing.Color = .series(0), label: String? = nil) {
      self.name = name
      self.value = value
      self.color = color
      self.label = label
    }
  }

  /// The title.
  public var title: String
  /// What the numbers are.
  public var valueTitle: String
  /// The bars, from the top.
  public var bars: [Bar]
  /// The most bars that are drawn; the rest is counted below them.
  public var limit = 200

  /// A chart with its titles and contents.
  public init(title: String, valueTitle: String, bars: [Bar]) {
    self.title = title
    self.valueTitle = valueTitle
    self.bars = bars
  }

  /// The chart as a drawing, sizes in points.
  public func drawing(width: Double = 720) -> Drawing {
    let shown = bars.prefix(limit)
    let (barHeight, gap) = (18.0, 8.0)
    let top = 40 + (valueTitle.isEmpty ? 0 : 20.0)
    let more = bars.count > shown.count ? 24.0 : 0
    let height = top + Double(shown.count) * (barHeight + gap) + more + 14
    var drawing = Drawing(width: width, height: height, title: title)
    drawing.text(title, at: .init(x: 14, y: 24), font: Axes.titleFont, maximumWidth: width - 28)
    drawing.text(
      valueTitle, at: .init(x: 14, y: 46), font: Axes.labelFont, color: .faint, maximumWidth: width - 28)

    let finite = shown.map(\.value).filter(\.isFinite)
    let (low, high) = (min(finite.min() ?? 0, 0), max(finite.max() ?? 0, 0))
    let font = Drawing.Font(size: 12.5)
    let texts = shown.map { $0.label ?? ChartNumber.text($0.value) }
    let nameWidth = min(shown.map { Drawing.width(of: $0.name, font) }.max() ?? 0, width * 0.35)
    let textWidth = min(texts.map { Drawing.width(of: $0, font) }.max() ?? 0, width * 0.3)
    let left = 14 + nameWidth + 10 + (low < 0 ? textWidth + 6 : 0)
    let area = PlotArea(
      frame: .init(x: left, y: top, width: max(width - left - textWidth - 24, 10), height: height - top - 14),
      x: low...(high > low ? high : low + 1), y: 0...1)
    for (index, bar) in shown.enumerated() {
      let y = top + Double(index) * (barHeight + gap)
      let middle = y + barHeight / 2
      drawing.text(
        bar.name, at: .init(x: 14 + nameWidth, y: middle), font: font, horizontal: .right, maximumWidth: nameWidth + 1)
      let zero = area.point(0, 0).x
      let end = bar.value.isFinite ? area.point(bar.value, 0).x : zero
      drawing.rectangle(
        .init(x: min(zero, end), y: y, width: abs(end - zero), height: barHeight), fill: bar.color)
      let isLeft = end < zero
      drawing.text(
        texts[index], at: .init(x: end + (isLeft ? -5 : 5), y: middle), font: font, color: .faint,
        horizontal: isLeft ? .right : .left, maximumWidth: textWidth + 1)
    }
    let zero = area.point(0, 0).x
    let bottom = top + Double(shown.count) * (barHeight + gap) - gap + 3
    drawing.line(from: .init(x: zero, y: top - 3), to: .init(x: zero, y: bottom), .init(.faint))
    if more > 0 {
      drawing.text(
        "and \(bars.count - shown.count) more", at: .init(x: 14, y: bottom + 14), font: font, color: .faint)
    }
    return drawing
  }
}
