/// Reports a run's progress: a progress line during an epoch, and a line that stays for each finished epoch.
public struct LoopReporter {
  private let epochs: Int
  private let batchesPerEpoch: Int
  private let items: String
  private var line: ProgressLine
  /// Nil where none is drawn.
  private var curves: TrainingCurves?

  /// - Parameters:
  ///   - items: what the items are called.
  ///   - plotsCurves: whether curves are drawn above the progress line.
  public init(
    epochs: Int, batchesPerEpoch: Int, items: String = "images", line: ProgressLine = ProgressLine(),
    plotsCurves: Bool = false
  ) {
    self.epochs = epochs
    self.batchesPerEpoch = batchesPerEpoch
    self.items = items
    self.line = line
    curves = plotsCurves ? TrainingCurves(epochs: epochs, batchesPerEpoch: batchesPerEpoch) : nil
  }

  /// Takes an event of the loop, and prints what is to be seen of it.
  public mutating func observe(_ event: LoopEvent) {
    switch event {
    case .stepped(let state):
      draw(state)
      line.show(content(state))
    case .validating(let state):
      line.show(
        ProgressLine.Content(
          "epoch \(state.epoch + 1)/\(epochs)", done: state.batchInEpoch, total: batchesPerEpoch, note: "validating"))
    case .finishedEpoch(let row, let isBest):
      if curves != nil {
        curves?.add(row)
        draw()
      }
      line.print(Self.text(row, epochs: epochs, isBest: isBest, items: items))
    case .stoppedEarly(let epoch, let count):
      line.print("stopped after epoch \(epoch): \(count) \(count == 1 ? "epoch" : "epochs") without improvement")
    }
  }

  /// Removes the progress line, before something else is printed. Curves stay.
  public mutating func clear() { line.finish() }

  /// Prints a line that stays.
  mutating func print(_ text: String) { line.print(text) }

  private mutating func draw(_ state: LoopState? = nil) {
    guard let curves else { return }
    line.setFooter(isUrgent: state == nil) { size in curves.lines(in: size, during: state) }
  }

  private func content(_ state: LoopState) -> ProgressLine.Content {
    // The remaining steps take as long as the epoch's; a finished epoch also counts its validation.
    let stepsLeft = Double(max(0, (epochs - state.epoch) * batchesPerEpoch - state.batchInEpoch))
    let secondsPerStep =
      state.history.last.map { $0.seconds / Double(max(1, batchesPerEpoch)) }
      ?? state.sums.learningSeconds / Double(max(1, state.batchInEpoch))
    return ProgressLine.Content(
      "epoch \(state.epoch + 1)/\(epochs)", done: state.batchInEpoch, total: batchesPerEpoch,
      itemsPerSecond: state.sums.itemsPerSecond, items: items, secondsLeft: stepsLeft * secondsPerStep,
      note: Self.text(state.sums.scores))
  }

  static func text(_ scores: Scores) -> String {
    let loss =
      "loss \(significant(scores.loss, 4))"
      + (scores.pseudoLikelihood.map { ", pseudo-likelihood \(significant($0, 4))" } ?? "")
    return scores.accuracy.map { "\(loss), accuracy \(significant($0, 4))" } ?? loss
  }

  static func text(_ row: HistoryRow, epochs: Int, isBest: Bool, items: String) -> String {
    var parts = ["epoch \(row.epoch)/\(epochs)", text(row.training)]
    if let validation = row.validation { parts.append("validation " + text(validation) + (isBest ? " (best)" : "")) }
    parts.append("\(significant(row.seconds, 3)) s")
    if let rate = row.itemsPerSecond { parts.append("\(ProgressLine.rounded(rate)) \(items)/s") }
    return parts.joined(separator: "  ")
  }
}
