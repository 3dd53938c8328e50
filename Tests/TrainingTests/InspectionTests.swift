import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryTraining

/// Looking into the steps of a run.
@Suite struct InspectionTests {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-steps-\(UUID())").path

  struct Bent: UnaryLayer {
    let first = Linear(1, 6)
    let last = Linear(6, 1)
    func forward(_ x: consuming Tensor) -> Tensor { last(relu(first(x))) }
  }

  private static func bent() -> Bent {
    let model = Bent()
    model.initialize(seed: 3)
    // Two of six are never above 0.
    var bias = Array(repeating: Float(0.1), count: 6)
    (bias[1], bias[4]) = (-9, -9)
    model.first.bias?.assign(Tensor(bias, shape: [6]))
    return model
  }

  private static func options() -> TrainingOptions {
    var options = TrainingOptions(
      epochs: 3, optimizer: OptimizerConfiguration(.adam, learningRate: 0.02), schedule: .cosine())
    options.batchSize = 8
    options.clipping = GradientClipping(norm: 0.1)
    return options
  }

  private static func task() throws -> some TrainingTask {
    SupervisedTask(bent(), on: try FitTests.data(), options(), items: "points")
  }

  private func rows(_ name: String) throws -> [[Substring]] {
    try String(contentsOfFile: folder + "/" + name, encoding: .utf8).split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false)
    }
  }

  @Test func stepsAreLoggedAndNothingElseChanges() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let plain = try fit(Self.task(), Self.options(), in: folder + "/plain")
    var reports: [StepReport] = []
    var hooks = TrainingHooks()
    hooks.inspectionInterval = 4
    hooks.inspect = { reports.append($0) }
    let watched = try fit(Self.task(), Self.options(), in: folder + "/watched", hooks: hooks)
    #expect(plain.summary?.bestLoss == watched.summary?.bestLoss)
    try expectSameRuns(folder + "/plain", folder + "/watched", least: 3)

    // 42 training points are 6 batches, so that 3 epochs are 18 steps.
    #expect(reports.map(\.step) == [4, 8, 12, 16] && reports.map(\.epoch) == [1, 2, 2, 3])
    let steps = try rows("watched/steps.csv")
    #expect(steps[0].joined(separator: ",") == "step,epoch,loss,accuracy,learning_rate,gradient_norm,images_per_second")
    #expect(steps.dropFirst().map { $0[0] } == ["4", "8", "12", "16"] && steps.allSatisfy { $0.count == 7 })
    #expect(Double(steps[1][2]) == significant(reports[0].scores.loss, 6) && steps[1][3] == "")
    let report = reports[0]
    let squares = report.layers.compactMap(\.gradientNorm).reduce(0) { $0 + $1 * $1 }
    #expect(abs(squares.squareRoot() - report.gradientNorm) < 1e-12)
    #expect(report.gradientNorm > 0.1, "before clipping")
    // Named after the layer whose outputs they are of.
    #expect(report.layers.map(\.path) == ["first", "last"])
    #expect(try #require(report.layers[0].deadRelus) >= 2.0 / 6 && report.layers[1].deadRelus == nil)
    #expect(try rows("watched/layers.csv").count == 1 + 4 * report.layers.count)
    #expect(!FileManager.default.fileExists(atPath: folder + "/plain/steps.csv"))
  }

  @Test func aResumedRunGoesOnWithItsLog() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var hooks = TrainingHooks()
    hooks.inspectionInterval = 2
    var steps = 0
    hooks.observe = { if case .stepped = $0 { steps += 1 } }
    hooks.isInterrupted = { steps == 7 }
    _ = try fit(Self.task(), Self.options(), in: folder, hooks: hooks)
    #expect(try rows("steps.csv").dropFirst().map { $0[0] } == ["2", "4", "6"])
    hooks.isInterrupted = { false }
    // What a kill left beyond the saved state is forgotten, and so is what is no row.
    let log = folder + "/steps.csv"
    try (String(contentsOfFile: log, encoding: .utf8) + "8,2,0,0,0,0,0\nnonsense\n").write(
      toFile: log, atomically: true, encoding: .utf8)
    _ = try resumeFit(Self.task(), in: folder, hooks: hooks)
    let rows = try rows("steps.csv").dropFirst()
    #expect(rows.map { $0[0] } == ["2", "4", "6", "8", "10", "12", "14", "16", "18"] && rows[4][2] != "0")
  }

  @Test func aRunRemembersHowItIsWatched() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var options = Self.options()
    options.watching.logEvery = 4
    options.watching.recordsSteps = true
    var hooks = TrainingHooks()
    var steps = 0
    hooks.observe = { if case .stepped = $0 { steps += 1 } }
    hooks.isInterrupted = { steps == 7 }
    _ = try fit(Self.task(), options, in: folder, hooks: hooks)
    #expect(try rows("steps.csv").count == 1 + 7)
    _ = try resumeFit(Self.task(), in: folder)
    #expect(try rows("steps.csv").dropFirst().map { Int($0[0]) } == (1...18).map { $0 })
    #expect(try Set(rows("layers.csv").dropFirst().map { $0[0] }) == ["4", "8", "12", "16"])
    // A program that logs once an epoch does not make that less; other steps of its own come first.
    #expect(hooks.watching(options.watching).inspectionInterval == 4)
    hooks.inspectionInterval = 0
    #expect(hooks.watching(options.watching).inspectionInterval == 4)
    hooks.inspectionInterval = 3
    #expect(hooks.watching(options.watching).inspectionInterval == 3)
    #expect(hooks.watching(WatchingOptions()).recordsSteps == false)
  }

  @Test func zeroIsOnceAnEpoch() throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var hooks = TrainingHooks()
    hooks.inspectionInterval = 0
    _ = try fit(Self.task(), Self.options(), in: folder, hooks: hooks)
    #expect(try rows("steps.csv").dropFirst().map { $0[0] } == ["6", "12", "18"])
  }

  /// Channels of feature maps, and elements elsewhere; every relu by itself.
  @Test func deadRelusAreCounted() throws {
    let convolution = Conv2d(1, 4, kernel: 3)
    let head = Linear(4, 2)
    let network = Sequential([convolution, Activation.relu])
    network.initialize(seed: 1)
    head.initialize(seed: 2)
    convolution.bias?.assign(Tensor([-99, 1, -99, -99]))
    head.bias?.assign(Tensor([99, -99]))
    let shares = deadRelus {
      inference {
        let maps = network(Tensor(repeating: 0.5, shape: [2, 1, 6, 6]))
        _ = relu(head(maps.mean(over: [2, 3]))).scalars
        _ = relu6(head(maps.mean(over: [2, 3]))).scalars
      }
    }
    #expect(shares.map(\.share) == [0.75, 0.5, 0.5], "\(shares)")
    #expect(Set(shares.map(\.path)).count == 3)
  }

  // MARK: Curves

  private func state(_ epochs: Int) throws -> LoopState {
    var state = LoopState()
    for epoch in 0..<epochs {
      state.sums.add(StepResult(loss: 1 / Double(epoch + 1), correct: 4 + epoch, count: 10), learningRate: 0.1)
      state.batchInEpoch = 1
      _ = state.finishEpoch(Scores(loss: 1.2 / Double(epoch + 1), accuracy: 0.4))
    }
    return state
  }

  @Test(arguments: [39, 40, 41, 60, 80, 133, 300])
  func curvesFitTheTerminal(columns: Int) throws {
    var curves = TrainingCurves(epochs: 5, batchesPerEpoch: 3, hasColors: false)
    let state = try state(4)
    for row in state.history { curves.add(row) }
    let lines = curves.lines(in: .init(columns: columns, rows: 30), during: state)
    #expect(lines.isEmpty == (columns < 40))
    #expect(lines.allSatisfy { $0.count < columns && !$0.contains("\u{1B}") }, "\(lines)")
    if columns > 80 {
      #expect(lines[0].contains("loss  training 0.25  + validation 0.3"))
      #expect(lines[0].contains("accuracy  training 0.7"))
      #expect(lines.contains { $0.contains("+") } && lines.count == 10)
    }
    #expect(curves.lines(in: .init(columns: columns, rows: 8)).isEmpty, "no room")
    let colored = TrainingCurves(epochs: 5, batchesPerEpoch: 3, hasColors: true)
    for line in colored.lines(in: .init(columns: columns, rows: 30), during: state) {
      #expect(line.replacing(/\u{1B}\[[0-9;]*m/, with: "").count < columns)
    }
  }

  @Test func curvesOfNothingOrStrangeNumbersAreNoTrap() throws {
    var curves = TrainingCurves(epochs: 1, batchesPerEpoch: 0, hasColors: false)
    #expect(curves.lines(in: .init(columns: 80, rows: 24)).isEmpty)
    for loss in [Double.nan, .infinity, 0, 1e300, -1e300] {
      curves.add(
        HistoryRow(
          epoch: 1, training: Scores(loss: loss), validation: Scores(loss: 1), learningRate: 1, seconds: 1,
          itemsPerSecond: nil))
    }
    #expect(!curves.lines(in: .init(columns: 80, rows: 24)).isEmpty)
  }

  /// What is drawn anew is erased first, and lines that stay are above it.
  @Test func curvesAreRedrawnInPlace() {
    let terminal = ProgressLineTests.Terminal()
    var line = terminal.line()
    let content = ProgressLine.Content("epoch 1/2", done: 1, total: 2)
    line.setFooter { _ in ["one", "two"] }
    line.show(content)
    #expect(terminal.written[0] == "\rone\u{1B}[K\ntwo\u{1B}[K\n" && terminal.written[1].hasPrefix("\repoch 1/2"))
    terminal.written = []
    line.setFooter { _ in ["early"] }
    #expect(terminal.written.isEmpty, "once a second")
    terminal.time = 2
    line.setFooter { _ in ["three"] }
    #expect(terminal.written == ["\r\u{1B}[2A\u{1B}[J", "\rthree\u{1B}[K\n"])
    terminal.written = []
    line.print("epoch 1 done")
    #expect(terminal.written == ["\r\u{1B}[1A\u{1B}[J", "epoch 1 done\n", "\rthree\u{1B}[K\n"])
    terminal.written = []
    line.finish()
    #expect(!terminal.written.contains { $0.contains("A\u{1B}[J") }, "the last one stays")
    terminal.columns = 0
    terminal.written = []
    line.setFooter(isUrgent: true) { _ in ["four"] }
    #expect(terminal.written.isEmpty, "no terminal")
  }
}
