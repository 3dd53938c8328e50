import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import Foundation
import Testing

@testable import AviaryTraining

/// A cyclic schedule, and the weights that are kept at the ends of its cycles.
@Suite struct SnapshotTests {
  @Test func cyclesCoverAllEpochsAndDifferByOneAtMost() {
    for epochs in 1...23 {
      for cycles in 1...epochs {
        let schedule = Schedule.cyclic(cycles: cycles)
        let ends = (1...epochs).filter { schedule.cycle(endingWith: $0, of: epochs) != nil }
        #expect(ends.compactMap { schedule.cycle(endingWith: $0, of: epochs) } == Array(1...cycles))
        let lengths = zip([0] + ends, ends).map { $1 - $0 }
        #expect(ends.last == epochs && (lengths.max() ?? 0) - (lengths.min() ?? 0) <= 1)
      }
    }
    #expect(Schedule.cosine().cycle(endingWith: 4, of: 4) == nil)
  }

  @Test func eachCycleIsHalfACosine() {
    let schedule = Schedule.cyclic(cycles: 2, to: 0.1)
    // Two cycles of two epochs of five steps: the rates of one cosine of ten steps, twice.
    func rate(_ step: Int) -> Double { schedule.learningRate(base: 1, step: step, stepsPerEpoch: 5, epochs: 4) }
    for step in 0..<10 {
      let expected = 0.1 + 0.9 * (1 + cos(.pi * Double(step) / 10)) / 2
      #expect(abs(rate(step) - expected) < 1e-12 && rate(step) == rate(step + 10))
    }
    #expect(abs(schedule.warmedUp(over: 2).learningRate(base: 1, step: 0, stepsPerEpoch: 5, epochs: 4) - 0.5) < 1e-12)
    #expect(throws: TrainingFault.self) { try Schedule.cyclic(cycles: 0).validate() }
  }

  @Test func snapshotsAreKeptAndComeBackWhenARunIsResumed() throws {
    let place = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-snapshots-\(UUID().uuidString)")
      .path
    defer { try? FileManager.default.removeItem(atPath: place) }
    try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: true)
    let rows = (0..<40).map { "\($0 % 5),\($0 % 5 > 2 ? "high" : "low")" }
    try Data(("a,kind\n" + rows.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: place + "/t.csv"))
    var options = TrainingOptions(
      data: place + "/t.csv", epochs: 5, optimizer: OptimizerConfiguration(.adam, learningRate: 0.02),
      schedule: .cyclic(cycles: 2), workers: 1)
    options.kind = .table(.init(target: "kind"))
    options.configuration = [.init(name: "hidden", value: "[4]"), .init(name: "dropout", value: "[0]")]
    let mlp = try Registry.zoo.architecture(named: "mlp")
    func start(_ run: String, _ hooks: TrainingHooks = TrainingHooks()) throws {
      _ = try NetworkTraining.start(
        options, from: .scratch(mlp), registry: .zoo, at: place + "/" + run, hooks: hooks, report: { _ in })
    }
    func weights(_ run: String, _ cycle: Int) throws -> [Float] {
      let file = "\(place)/\(run)/snapshot-\(cycle).h5"
      let checkpoint = try Checkpoint.read(from: file)
      #expect(checkpoint.metadata.metrics["validation_loss"] != nil && checkpoint.metadata.classes == ["high", "low"])
      return checkpoint.entries.flatMap { $0.array.tensor()?.scalars ?? [] }
    }
    try start("whole")
    #expect(try weights("whole", 1) != weights("whole", 2))
    #expect(!FileManager.default.fileExists(atPath: place + "/whole/snapshot-3.h5"))
    var steps = 0
    var hooks = TrainingHooks()
    hooks.isInterrupted = {
      steps += 1
      return steps == 4
    }
    try start("stopped", hooks)
    #expect(!FileManager.default.fileExists(atPath: place + "/stopped/snapshot-2.h5"))
    _ = try NetworkTraining.resume(at: place + "/stopped", registry: .zoo, report: { _ in })
    for cycle in 1...2 { #expect(try weights("stopped", cycle) == weights("whole", cycle)) }
    options.schedule = .cyclic(cycles: 6)
    #expect(throws: TrainingFault.self) { try start("more") }
  }
}
