import AviaryDiagnostics

/// A matrix as coloured cells with their numbers, such as a confusion matrix.
public struct HeatMap: Sendable {
  /// The title.
  public var title: String
  /// What the rows are, such as "true class".
  public var rowTitle: String
  /// What the columns are.
  public var columnTitle: String
  /// The names of the rows.
  public var rows: [String]
  /// The names of the columns.
  public var columns: [String]
  /// The numbers, a row each.
  public var values: [[Double]]
  /// What a cell says; nil writes its number.
  public var texts: [[String]]?
  /// The colours of numbers.
  public var colors: ColorScale
  /// The most rows and columns that are drawn.
  public var limit = 40

  /// - Precondition: there is a row of values for each name of a row, and a value in it for each name of a column.
  public init(
    title: String, rowTitle: String, columnTitle: String, rows: [String], columns: [String], values: [[Double]],
    colors: ColorScale? = nil
  ) {
    ensure(
      values.count == rows.count && values.allSatisfy { $0.count == columns.count },
      "HeatMap: values of another shape than \(rows.count)x\(columns.count)")
    self.title = title
    self.rowTitle = rowTitle
    self.columnTitle = columnTitle
    self.rows = rows
    self.columns = columns
    self.values = values
    let finite = values.joined().filter(\.isFinite)
    let (low, high) = (finite.min() ?? 0, finite.max() ?? 0)
    self.colors = colors ?? (low < 0 ? .diverging(max(-low, high)) : .sequential(0...max(high, .leastNormalMagnitude)))
  }

  /// The chart as a drawing, sizes in points.
  public func drawing() -> Drawing {
    let (rowCount, columnCount) = (min(rows.count, limit), min(columns.count, limit))
    let font = Drawing.Font(size: 12)
    let cellTexts = (0..<rowCount).map { row in
      (0..<columnCount).map { texts?[row][$0] ?? ChartNumber.text(values[row][$0], digits: 3) }
    }
    let widest = cellTexts.joined().map { Drawing.width(of: $0, font) }.max() ?? 0
    let cell = (width: min(max(widest + 12, 34), 110), height: 28.0)
    let rowWidth = min(rows.prefix(limit).map { Drawing.width(of: $0, font) }.max() ?? 0, 180)
    let columnWidth = min(columns.prefix(limit).map { Drawing.width(of: $0, font) }.max() ?? 0, 180)
    // Names of columns are turned where they are wider than their cells.
    let isTurned = columnWidth > cell.width - 6
    let left = 14 + rowWidth + 10
    let top = 62 + (isTurned ? columnWidth : 16) + 8
    let hidden = max(rows.count - rowCount, columns.count - columnCount)
    let heading = Drawing.width(of: title, Axes.titleFont)
    let width = max(left + Double(columnCount) * cell.width + 16, min(heading + 28, 720), 260)
    let height = top + Double(rowCount) * cell.height + (hidden > 0 ? 40 : 16)
    var drawing = Drawing(width: width, height: height, title: title)
    drawing.text(title, at: .init(x: 14, y: 24), font: Axes.titleFont, maximumWidth: width - 28)
    let caption = [rowTitle.isEmpty ? "" : "rows: \(rowTitle)", columnTitle.isEmpty ? "" : "columns: \(columnTitle)"]
    drawing.text(
      caption.filter { !$0.isEmpty }.joined(separator: ", "), at: .init(x: 14, y: 46), font: font, color: .faint,
      maximumWidth: width - 28)
    for column in 0..<columnCount {
      let x = left + (Double(column) + 0.5) * cell.width
      drawing.text(
        columns[column], at: .init(x: x, y: top - 10), font: font, horizontal: isTurned ? .left : .center,
        vertical: isTurned ? .middle : .baseline, maximumWidth: isTurned ? 180 : cell.width,
        rotation: isTurned ? -90 : 0)
    }
    for row in 0..<rowCount {
      let y = top + Double(row) * cell.height
      drawing.text(
        rows[row], at: .init(x: left - 10, y: y + cell.height / 2), font: font, horizontal: .right,
        maximumWidth: rowWidth + 1)
      for column in 0..<columnCount {
        let frame = Drawing.Frame(
          x: left + Double(column) * cell.width, y: y, width: cell.width, height: cell.height)
        let color = colors.color(of: values[row][column])
        drawing.rectangle(frame, fill: color, stroke: .init(.white, width: 1))
        drawing.text(
          cellTexts[row][column], at: frame.center, font: font, color: color.isDark ? .white : .ink,
          horizontal: .center,
          maximumWidth: cell.width - 2)
      }
    }
    if hidden > 0 {
      drawing.text(
        "the first \(rowCount) rows and \(columnCount) columns of \(rows.count)x\(columns.count)",
        at: .init(x: 14, y: height - 18), font: font, color: .faint, maximumWidth: width - 28)
    }
    return drawing
  }
}
