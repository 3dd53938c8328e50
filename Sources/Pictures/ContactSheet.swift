/// A grid of pictures with a title each, under headings.
public struct ContactSheet: Sendable {
  /// A picture with what is written below it.
  public struct Item: Sendable {
    /// The picture.
    public var picture: Pixels
    /// Lines below the picture; the first is bold where there are more.
    public var titles: [String]
    /// Its colour.
    public var color: Drawing.Color
    /// Whether the picture has a frame in the colour.
    public var isFramed: Bool

    /// A picture with what is written below it.
    public init(_ picture: Pixels, titles: [String], color: Drawing.Color = .ink, isFramed: Bool = false) {
      self.picture = picture
      self.titles = titles
      self.color = color
      self.isFramed = isFramed
    }
  }

  /// Pictures that belong together, such as those of a class.
  public struct Section: Sendable {
    /// What is written above.
    public var heading: String
    /// Said after the heading, apart from it: a name may be written from right to left.
    public var note: String
    /// The pictures.
    public var items: [Item]

    /// Pictures below a heading.
    public init(_ heading: String, note: String = "", items: [Item]) {
      self.heading = heading
      self.note = note
      self.items = items
    }
  }

  /// The title.
  public var title: String
  /// Below the title.
  public var subtitle = ""
  /// The sections, from the top.
  public var sections: [Section]
  /// The number of pictures in a row.
  public var columns: Int
  /// The side of the square that each picture is fitted into.
  public var cell: Double
  /// Whether pixels are blended where a picture is enlarged; otherwise they stay squares. nil: where it is not small.
  public var isSmooth: Bool?

  /// A sheet of sections with `columns` pictures in a row.
  public init(title: String, sections: [Section], columns: Int = 8, cell: Double = 128) {
    self.title = title
    self.sections = sections
    self.columns = max(columns, 1)
    self.cell = cell
  }

  private static let titleFont = Drawing.Font(size: 16, isBold: true)
  private static let subtitleFont = Drawing.Font(size: 12.5)
  private static let headingFont = Drawing.Font(size: 14, isBold: true)
  private static let lineHeight = 16.0

  /// The sheet as a drawing.
  public func drawing() -> Drawing {
    let (margin, gap) = (16.0, 10.0)
    let widest = sections.map { min($0.items.count, columns) }.max() ?? 1
    // A few pictures leave no room for what is said of them.
    let words = [
      Drawing.width(of: title, Self.titleFont), Drawing.width(of: subtitle, Self.subtitleFont),
      sections.map { Drawing.width(of: $0.heading, Self.headingFont) }.max() ?? 0,
    ]
    let width = 2 * margin + max(Double(widest) * (cell + gap) - gap, min(words.max() ?? 0, 688) + 1, 240)
    let lines = sections.map { section in section.items.map(\.titles.count).max() ?? 0 }
    var height = margin + 26 + (subtitle.isEmpty ? 0 : 20)
    for (section, lines) in zip(sections, lines) {
      let rows = (section.items.count + columns - 1) / columns
      height += (section.heading.isEmpty ? 4 : 30) + Double(rows) * (cell + Double(lines) * Self.lineHeight + gap)
    }
    var drawing = Drawing(width: width, height: height + margin, title: title)
    drawing.text(title, at: .init(x: margin, y: margin + 8), font: Self.titleFont, maximumWidth: width - 2 * margin)
    var y = margin + 26
    if !subtitle.isEmpty {
      drawing.text(
        subtitle, at: .init(x: margin, y: y + 6), font: Self.subtitleFont, color: .faint,
        maximumWidth: width - 2 * margin)
      y += 20
    }
    for (section, lines) in zip(sections, lines) {
      if !section.heading.isEmpty {
        let noteWidth = section.note.isEmpty ? 0 : Drawing.width(of: section.note, Self.subtitleFont) + 12
        let free = max(width - 2 * margin - noteWidth, 60)
        drawing.text(section.heading, at: .init(x: margin, y: y + 16), font: Self.headingFont, maximumWidth: free)
        drawing.text(
          section.note,
          at: .init(x: margin + min(Drawing.width(of: section.heading, Self.headingFont), free) + 12, y: y + 16),
          font: Self.subtitleFont, color: .faint)
      }
      y += section.heading.isEmpty ? 4 : 30
      for (index, item) in section.items.enumerated() {
        if index > 0, index % columns == 0 { y += cell + Double(lines) * Self.lineHeight + gap }
        let x = margin + Double(index % columns) * (cell + gap)
        draw(item, in: .init(x: x, y: y, width: cell, height: cell), on: &drawing)
      }
      if !section.items.isEmpty { y += cell + Double(lines) * Self.lineHeight + gap }
    }
    return drawing
  }

  private func draw(_ item: Item, in square: Drawing.Frame, on drawing: inout Drawing) {
    let scale = cell / Double(max(item.picture.width, item.picture.height))
    let (width, height) = (Double(item.picture.width) * scale, Double(item.picture.height) * scale)
    let frame = Drawing.Frame(
      x: square.x + (cell - width) / 2, y: square.y + (cell - height) / 2, width: width, height: height)
    // Pictures of a few pixels are looked at pixel by pixel.
    drawing.image(item.picture, in: frame, isSmooth: isSmooth ?? (scale < 3))
    if item.isFramed { drawing.rectangle(frame.inset(by: -2), stroke: .init(item.color, width: 3)) }
    for (line, title) in item.titles.enumerated() {
      drawing.text(
        title, at: .init(x: square.center.x, y: square.bottom + (Double(line) + 0.5) * Self.lineHeight + 2),
        font: .init(size: 12, isBold: line == 0 && item.titles.count > 1),
        color: line == 0 ? item.color.readable : .faint,
        horizontal: .center, maximumWidth: cell + 6)
    }
  }
}
