import Testing

@testable import AviaryTraining

@Suite struct ProgressLineTests {
  /// A terminal of a given width, and a clock that the test moves.
  final class Terminal {
    var written: [String] = []
    var columns = 80
    var time = 0.0

    func line() -> ProgressLine {
      ProgressLine(write: { self.written.append($0) }, columns: { self.columns }, now: { self.time })
    }
  }

  let content = ProgressLine.Content(
    "epoch 2/5", done: 30, total: 120, itemsPerSecond: 812.4, secondsLeft: 95, note: "loss 0.5312, accuracy 0.75")

  @Test func fillsTheWidth() {
    #expect(
      ProgressLine.text(content, columns: 100)
        == "epoch 2/5  [######...................]  30/120  812 images/s  1:35 left  loss 0.5312, accuracy 0.75")
    #expect(
      ProgressLine.text(content, columns: 70)
        == "epoch 2/5  [#####..................]  30/120  812 images/s  1:35 left")
  }

  @Test(arguments: 0...200)
  func neverWraps(columns: Int) {
    #expect(ProgressLine.text(content, columns: columns).count <= max(0, columns - 1))
  }

  @Test func strangeNumbersDoNotTrap() {
    let strange = ProgressLine.Content(
      "x", done: 7, total: 0, itemsPerSecond: .infinity, secondsLeft: .nan, note: "")
    #expect(ProgressLine.text(strange, columns: 80).contains("7/0"))
    #expect(ProgressLine.text(ProgressLine.Content("x", done: 9, total: 3), columns: 30).contains("#]"))
  }

  @Test func isDrawnTenTimesASecondAtMost() {
    let terminal = Terminal()
    var line = terminal.line()
    for step in 0..<1000 {
      terminal.time = Double(step) / 1000
      line.show(content)
    }
    #expect(terminal.written.count == 10)
    #expect(terminal.written.allSatisfy { $0.hasPrefix("\repoch 2/5") && $0.hasSuffix("\u{1B}[K") })
  }

  @Test func isClearedBeforeALineThatStays() {
    let terminal = Terminal()
    var line = terminal.line()
    line.show(content)
    line.print("epoch 2/5 done")
    line.print("and more")
    #expect(terminal.written.dropFirst() == ["\r\u{1B}[K", "epoch 2/5 done\n", "and more\n"])
  }

  @Test func withoutATerminalOnlyLinesThatStay() {
    let terminal = Terminal()
    terminal.columns = 0
    var line = terminal.line()
    line.show(content)
    line.print("epoch 2/5 done")
    #expect(terminal.written == ["epoch 2/5 done\n"])
  }

  @Test(arguments: [(0.0, "0:00"), (7.4, "0:07"), (59.6, "1:00"), (3723, "1:02:03"), (.infinity, "0:00"), (-3, "0:00")])
  func durations(seconds: Double, text: String) {
    #expect(ProgressLine.duration(seconds) == text)
  }

  @Test func aRunIsReportedAnEpochALine() throws {
    let terminal = Terminal()
    terminal.columns = 0
    let task = ToyTask()
    var loop = task.loop()
    var reporter = LoopReporter(epochs: 5, batchesPerEpoch: 7, line: terminal.line())
    loop.observe = { reporter.observe($0) }
    _ = try loop.run()
    #expect(terminal.written.count == 5)
    #expect(terminal.written[0].hasPrefix("epoch 1/5  loss 0."))
    #expect(
      terminal.written[0].contains("  validation loss 0.")
        && terminal.written[0].contains(" (best)  70.0 s  1.43 images/s\n"))
  }

  @Test func aRunShowsRateAndTimeLeft() throws {
    let terminal = Terminal()
    terminal.columns = 120
    let task = ToyTask()
    var loop = task.loop()
    var reporter = LoopReporter(epochs: 5, batchesPerEpoch: 7, line: terminal.line())
    loop.observe = {
      terminal.time += 1
      reporter.observe($0)
    }
    _ = try loop.run()
    // One of 35 steps is done; each takes ten seconds and 16 points.
    #expect(terminal.written[0].contains("  1/7  1.6 images/s  5:40 left  loss "))
    #expect(terminal.written.contains { $0.contains("7/7") && $0.contains("validating") })
  }
}
