#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Curves of loss and accuracy over the epochs, as text for a terminal: training in dots, validation in dots of another
/// colour, or plus signs where there are no colours.
struct TrainingCurves {
  private let epochs: Int
  private let batchesPerEpoch: Int
  private let hasColors: Bool
  private var history: [HistoryRow] = []
  private static let mostRows = 8

  /// https://no-color.org
  static var takesColors: Bool { ProcessInfo.processInfo.environment["NO_COLOR"]?.isEmpty ?? true }

  init(epochs: Int, batchesPerEpoch: Int, hasColors: Bool = Self.takesColors) {
    self.epochs = epochs
    self.batchesPerEpoch = batchesPerEpoch
    self.hasColors = hasColors
  }

  mutating func add(_ row: HistoryRow) { history.append(row) }

  /// The lines of the curves; none where there is no room for them, or nothing to draw.
  ///
  /// - Parameter state: of the current epoch, of which the means so far are the last points.
  func lines(in size: ProgressLine.TerminalSize, during state: LoopState? = nil) -> [String] {
    // A resumed run begins with what it has.
    let history = state.map { $0.history.count >= self.history.count ? $0.history : self.history } ?? self.history
    let rows = min(Self.mostRows, size.rows - 6)
    guard size.columns >= 40, rows >= 4 else { return [] }
    var now: (x: Double, scores: Scores)?
    if let state, state.sums.items > 0 {
      now = (
        Double(state.epoch) + Double(state.batchInEpoch) / Double(max(1, batchesPerEpoch)), state.sums.scores
      )
    }
    func series(_ value: (Scores) -> Double?) -> (training: [Point], validation: [Point]) {
      var training = history.compactMap { row in value(row.training).map { Point(x: Double(row.epoch), y: $0) } }
      if let now, let last = value(now.scores) { training.append(Point(x: now.x, y: last)) }
      return (
        training.filter(\.isFinite),
        history.compactMap { row in row.validation.flatMap(value).map { Point(x: Double(row.epoch), y: $0) } }
          .filter(\.isFinite)
      )
    }
    let panels = [("loss", series { $0.loss }), ("accuracy", series { $0.accuracy })].filter { !$0.1.training.isEmpty }
    guard !panels.isEmpty else { return [] }
    let gap = 2
    let width = (size.columns - 1 - gap * (panels.count - 1)) / panels.count
    let drawn = panels.map { panel($0.0, $0.1.training, $0.1.validation, width: width, rows: rows) }
    return drawn[0].indices.map { row in
      drawn.map { $0[row] }.joined(separator: String(repeating: " ", count: gap))
    }
  }

  private struct Point {
    let x: Double
    let y: Double
    var isFinite: Bool { x.isFinite && y.isFinite }
  }

  /// A title with the last values, the curves beside the limits of their axis, and the axis of epochs.
  private func panel(
    _ name: String, _ training: [Point], _ validation: [Point], width: Int, rows: Int
  ) -> [String] {
    let values = (training + validation).map(\.y)
    var (low, high) = (values.min() ?? 0, values.max() ?? 1)
    if name == "accuracy" { high = max(high, min(1, high + 0.1)) }
    if high <= low { (low, high) = (low - 0.5, high + 0.5) }
    let labels = [Self.label(high), Self.label(low)]
    let margin = labels.map(\.count).max() ?? 0
    let columns = max(4, width - margin - 1)
    func canvas(_ points: [Point], joined: Bool) -> BrailleCanvas {
      var canvas = BrailleCanvas(columns: columns, rows: rows)
      let end = Double(max(epochs, 1))
      let places = points.map { point in
        (
          x: Int((point.x / end * Double(canvas.width - 1)).rounded()),
          y: Int(((high - point.y) / (high - low) * Double(canvas.height - 1)).rounded())
        )
      }
      for (index, place) in places.enumerated() { canvas.line(index > 0 && joined ? places[index - 1] : place, place) }
      return canvas
    }
    let (learned, validated) = (canvas(training, joined: true), canvas(validation, joined: hasColors))
    var lines = [title(name, training.last?.y, validation.last?.y, width: width)]
    for row in 0..<rows {
      let label = row == 0 ? labels[0] : row == rows - 1 ? labels[1] : ""
      var line = String(repeating: " ", count: margin - label.count) + label + "│"
      for column in 0..<columns {
        switch (learned.isDrawn(column, row), validated.isDrawn(column, row)) {
        case (_, true) where hasColors:
          line += Self.validationColor + String(validated.character(column, row, with: learned)) + Self.plain
        case (_, true): line += "+"
        case (true, false) where hasColors:
          line += Self.trainingColor + String(learned.character(column, row)) + Self.plain
        case (true, false): line.append(learned.character(column, row))
        case (false, false): line += " "
        }
      }
      lines.append(line)
    }
    let last = "\(epochs)"
    lines.append(
      String(repeating: " ", count: margin) + "└" + String(repeating: "─", count: max(0, columns - last.count)) + last)
    return lines
  }

  private func title(_ name: String, _ training: Double?, _ validation: Double?, width: Int) -> String {
    let (first, second) = (
      training.map { "training \(significant($0, 4))" } ?? "",
      validation.map { "\(hasColors ? "" : "+ ")validation \(significant($0, 4))" } ?? ""
    )
    let text = name + "  " + first + (second.isEmpty ? "" : "  " + second)
    guard text.count <= width else { return String(text.prefix(width)) }
    let padding = String(repeating: " ", count: width - text.count)
    guard hasColors else { return text + padding }
    return name + "  " + Self.trainingColor + first + Self.plain
      + (second.isEmpty ? "" : "  " + Self.validationColor + second + Self.plain) + padding
  }

  private static func label(_ value: Double) -> String { "\(significant(value, 3))" }

  // Blue and orange, which people with any kind of colour vision tell apart.
  private static let trainingColor = "\u{1B}[38;5;33m"
  private static let validationColor = "\u{1B}[38;5;208m"
  private static let plain = "\u{1B}[0m"
}
