/// A drawing as a list of what is drawn, which becomes a PNG or an SVG file with the same content.
///
/// ```swift
/// var drawing = Drawing(width: 200, height: 100, title: "Two birds")
/// drawing.rectangle(.init(x: 10, y: 10, width: 80, height: 80), fill: .series(0))
/// drawing.text("鸟", at: .init(x: 50, y: 50), horizontal: .center)
/// try drawing.write(to: "birds.svg")
/// ```
///
/// Lengths are pixels of a PNG file at scale 1; x runs to the right, y downwards. What has a coordinate that is not
/// finite is not drawn.
public struct Drawing: Sendable, Equatable {
  /// A place, in points from the upper left corner.
  public struct Point: Sendable, Hashable {
    /// From the left, in points.
    public var x: Double
    /// From the top, in points.
    public var y: Double

    /// A place.
    public init(x: Double, y: Double) {
      self.x = x
      self.y = y
    }
  }

  /// A rectangle, in points.
  public struct Frame: Sendable, Hashable {
    /// From the left, in points.
    public var x: Double
    /// From the top, in points.
    public var y: Double
    /// In points.
    public var width: Double
    /// In points.
    public var height: Double

    /// A rectangle by its upper left corner and size.
    public init(x: Double, y: Double, width: Double, height: Double) {
      self.x = x
      self.y = y
      self.width = width
      self.height = height
    }

    /// The right edge.
    public var right: Double { x + width }
    /// The lower edge.
    public var bottom: Double { y + height }
    /// The middle.
    public var center: Point { Point(x: x + width / 2, y: y + height / 2) }

    /// The rectangle without a margin on all sides.
    public func inset(by margin: Double) -> Frame {
      Frame(x: x + margin, y: y + margin, width: max(width - 2 * margin, 0), height: max(height - 2 * margin, 0))
    }
  }

  /// A line around or along something.
  public struct Stroke: Sendable, Hashable {
    /// Its colour.
    public var color: Color
    /// In points.
    public var width: Double
    /// Lengths of dashes and gaps in turn; none for a solid line.
    public var dashes: [Double]

    /// A line; dashes are lengths of dashes and gaps.
    public init(_ color: Color, width: Double = 1, dashes: [Double] = []) {
      self.color = color
      self.width = width
      self.dashes = dashes
    }
  }

  /// What a drawing is made of, in the order in which it is drawn.
  enum Mark: Sendable, Equatable {
    case path(points: [Point], isClosed: Bool, fill: Color?, stroke: Stroke?)
    case rectangle(Frame, fill: Color?, stroke: Stroke?)
    case circle(center: Point, radius: Double, fill: Color?, stroke: Stroke?)
    case text(Text)
    case image(Pixels, Frame, isSmooth: Bool)
    case group([Mark], clip: Frame)
  }

  /// In points.
  public let width: Double
  /// In points.
  public let height: Double
  /// What the drawing shows, for people who do not see it.
  public let title: String
  /// nil leaves the ground transparent.
  public let background: Color?
  private(set) var marks: [Mark] = []

  /// An empty drawing of this size; its title is for those who hear it.
  public init(width: Double, height: Double, title: String, background: Color? = .white) {
    self.width = width
    self.height = height
    self.title = title
    self.background = background
  }

  // MARK: Shapes

  /// Draws a rectangle.
  public mutating func rectangle(_ frame: Frame, fill: Color? = nil, stroke: Stroke? = nil) {
    add(.rectangle(frame, fill: fill, stroke: stroke), [frame.x, frame.y, frame.width, frame.height])
  }

  /// Draws a line.
  public mutating func line(from start: Point, to end: Point, _ stroke: Stroke) {
    add(
      .path(points: [start, end], isClosed: false, fill: nil, stroke: stroke), [start.x, start.y, end.x, end.y])
  }

  /// A line through points; where one is not finite the line has a gap, and a point between two gaps is a dot.
  public mutating func polyline(_ points: [Point], _ stroke: Stroke) {
    for run in points.split(whereSeparator: { !$0.x.isFinite || !$0.y.isFinite }) {
      if run.count == 1, let point = run.first {
        circle(center: point, radius: stroke.width, fill: stroke.color)
      } else {
        marks.append(.path(points: Array(run), isClosed: false, fill: nil, stroke: stroke))
      }
    }
  }

  /// Draws a polygon.
  public mutating func polygon(_ points: [Point], fill: Color? = nil, stroke: Stroke? = nil) {
    guard points.count > 1 else { return }
    add(.path(points: points, isClosed: true, fill: fill, stroke: stroke), points.flatMap { [$0.x, $0.y] })
  }

  /// Draws a circle.
  public mutating func circle(center: Point, radius: Double, fill: Color? = nil, stroke: Stroke? = nil) {
    add(.circle(center: center, radius: radius, fill: fill, stroke: stroke), [center.x, center.y, radius])
  }

  // MARK: Pictures and text

  /// A picture, stretched to a frame.
  ///
  /// - Parameter isSmooth: whether pixels are blended where the picture is enlarged; otherwise they stay squares.
  /// - Parameter pixels: the picture.
  /// - Parameter frame: where it is drawn, in points.
  public mutating func image(_ pixels: Pixels, in frame: Frame, isSmooth: Bool = true) {
    guard frame.width > 0, frame.height > 0 else { return }
    add(.image(pixels, frame, isSmooth: isSmooth), [frame.x, frame.y, frame.width, frame.height])
  }

  /// One line of text of any script, in the system's sans-serif font.
  ///
  /// - Parameters:
  ///   - point: the place that the alignments refer to.
  ///   - maximumWidth: the width to which the text is shortened, which then ends with "…".
  ///   - rotation: in degrees, clockwise.
  ///   - horizontal: which part of the text is at the place.
  ///   - color: of the letters.
  ///   - vertical: which part of the text is at the place.
  ///   - font: its size and weight.
  ///   - text: what is written.
  public mutating func text(
    _ text: String, at point: Point, font: Font = .init(), color: Color = .ink, horizontal: HorizontalAlignment = .left,
    vertical: VerticalAlignment = .middle, maximumWidth: Double? = nil, rotation: Double = 0
  ) {
    let fitting = TextMeasure.shown(text, font, within: maximumWidth)
    guard !fitting.isEmpty else { return }
    add(
      .text(
        Text(
          text: fitting, point: point, font: font, color: color, horizontal: horizontal, vertical: vertical,
          rotation: rotation)), [point.x, point.y, rotation])
  }

  /// What `draw` draws, cut off at the edges of a frame.
  public mutating func clipped(to frame: Frame, _ draw: (inout Drawing) -> Void) {
    var inner = Drawing(width: width, height: height, title: title, background: nil)
    draw(&inner)
    add(.group(inner.marks, clip: frame), [frame.x, frame.y, frame.width, frame.height])
  }

  /// All that another drawing draws, moved by `offset`.
  public mutating func draw(_ other: Drawing, at offset: Point) {
    let frame = Frame(x: offset.x, y: offset.y, width: other.width, height: other.height)
    if let background = other.background { rectangle(frame, fill: background) }
    marks += other.marks.map { $0.moved(by: offset) }
  }

  private mutating func add(_ mark: Mark, _ numbers: [Double]) {
    if numbers.allSatisfy(\.isFinite) { marks.append(mark) }
  }
}

extension Drawing.Mark {
  func moved(by offset: Drawing.Point) -> Drawing.Mark {
    func moved(_ point: Drawing.Point) -> Drawing.Point {
      Drawing.Point(x: point.x + offset.x, y: point.y + offset.y)
    }
    func moved(_ frame: Drawing.Frame) -> Drawing.Frame {
      Drawing.Frame(x: frame.x + offset.x, y: frame.y + offset.y, width: frame.width, height: frame.height)
    }
    switch self {
    case .path(let points, let isClosed, let fill, let stroke):
      return .path(points: points.map(moved), isClosed: isClosed, fill: fill, stroke: stroke)
    case .rectangle(let frame, let fill, let stroke): return .rectangle(moved(frame), fill: fill, stroke: stroke)
    case .circle(let center, let radius, let fill, let stroke):
      return .circle(center: moved(center), radius: radius, fill: fill, stroke: stroke)
    case .text(var text):
      text.point = moved(text.point)
      return .text(text)
    case .image(let pixels, let frame, let isSmooth): return .image(pixels, moved(frame), isSmooth: isSmooth)
    case .group(let marks, let clip): return .group(marks.map { $0.moved(by: offset) }, clip: moved(clip))
    }
  }
}
