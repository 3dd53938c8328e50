import AviaryCheckpoints
import AviaryModels
import AviaryTensors
import Foundation
import Testing

@testable import AviaryTraining

/// Runs that end before their time, in a process of their own, and go on in this one.
@Suite(.serialized) struct ResumeTests {
  let photographs: Photographs
  var undisturbed: String { photographs.root + "/undisturbed" }
  var disturbed: String { photographs.root + "/disturbed" }

  init() throws {
    photographs = try Photographs()
    // A photograph that cannot be read tells the test where a run stands: it is reported as it is met.
    _ = try photographs.damage()
    setenv("AVIARY_TEST_PHOTOGRAPHS", photographs.root, 1)
  }

  /// A run in bfloat16 has that precision when it is resumed, and its files are of float32.
  @Test(.enabled(if: Precision.bfloat16.isAvailable, "this processor has no instructions for bfloat16"))
  func aRunOfLowPrecisionKeepsIt() throws {
    func run(_ precision: Precision, epochs: Int, at path: String) throws -> TrainingReport {
      var options = Self.options(photographs.root)
      (options.precision, options.epochs, options.schedule) = (precision, epochs, .constant)
      return try NetworkTraining.start(
        options, from: .scratch(try Registry.zoo.architecture(named: "resnet-toy")), registry: .zoo, at: path
      ) { _ in }
    }
    _ = try run(.bfloat16, epochs: 1, at: disturbed)
    var changes = ResumeChanges()
    changes.epochs = 2
    _ = try NetworkTraining.resume(at: disturbed, registry: .zoo, changes: changes) { _ in }
    _ = try run(.bfloat16, epochs: 2, at: undisturbed)
    let (resumed, whole) = (try weights(disturbed), try weights(undisturbed))
    #expect(resumed == whole && Compute.precision == .float32)
    let full = photographs.root + "/full"
    _ = try run(.float32, epochs: 2, at: full)
    #expect(try weights(full) != whole)
  }

  private func weights(_ run: String) throws -> [[Float]] {
    try Checkpoint.read(from: run + "/last.h5").entries.map { $0.array.floats() ?? [] }
  }

  /// In the child: a run that sends itself a signal when it meets the damaged photograph.
  static func train(
    freeze: [String] = [], withEverything: Bool = false, sending signal: Int32
  ) throws -> TrainingReport {
    let root = ProcessInfo.processInfo.environment["AVIARY_TEST_PHOTOGRAPHS"] ?? ""
    return try NetworkTraining.start(
      options(root, freeze: freeze, withEverything: withEverything),
      from: .scratch(try Registry.zoo.architecture(named: "resnet-toy")), registry: .zoo, at: root + "/disturbed"
    ) { line in
      guard line.hasPrefix("skipped") else { return }
      kill(getpid(), signal)
      for _ in 0..<1000 where !Interruption.isRequested { usleep(10_000) }
    }
  }

  static func options(
    _ root: String, freeze: [String] = [], withEverything: Bool = false
  ) -> TrainingOptions {
    var options = Photographs.options(root + "/data", epochs: withEverything ? 3 : 2)
    if withEverything {
      options.optimizer = OptimizerConfiguration(.rmsprop, learningRate: 1e-3, momentum: 0.5, isCentered: true)
      options.schedule = .reduceOnPlateau(ReduceOnPlateau(factor: 0.5, patience: 0, threshold: 0.9))
      options.weightAverageDecay = 0.8
      options.clipping = GradientClipping(norm: 1, value: 0.1)
      options.earlyStopping = EarlyStopping(patience: 1, minimumImprovement: 100)
      options.layerwiseDecay = 0.9
      options.groups = [ParameterGroup(["conv1"], isFrozen: true)]
    }
    options.batchSize = 3
    if !freeze.isEmpty {
      options.freeze = freeze
      options.images.augmentation = nil
    } else {
      options.architecture = "resnet-toy"
    }
    return options
  }

  func comparesToUndisturbed(freeze: [String] = [], withEverything: Bool = false) throws {
    let summary = try #require(try NetworkTraining.resume(at: disturbed, registry: .zoo) { _ in }.summary)
    let expected = try NetworkTraining.start(
      Self.options(photographs.root, freeze: freeze, withEverything: withEverything),
      from: .scratch(try Registry.zoo.architecture(named: "resnet-toy")), registry: .zoo,
      at: undisturbed
    ) { _ in }
    #expect(summary.testAccuracy == expected.summary?.testAccuracy && summary.skipped == 1)
    try expectSameRuns(disturbed, undisturbed)
  }

  @Test func anInterruptedRunGoesOnInTheMiddleOfItsEpoch() async throws {
    await #expect(processExitsWith: .success) {
      let report = try ResumeTests.train(sending: SIGINT)
      precondition(report.interrupted && report.summary == nil)
    }
    let state = try #require(try Checkpoint.read(from: disturbed + "/last.h5").trainingState?.state)
    let loop = try LoopState(json: state)
    #expect(loop.epoch == 0 && (1..<10).contains(loop.batchInEpoch), "\(loop)")
    try comparesToUndisturbed()
  }

  @Test func averagesPlateausAndStoppingGoOn() async throws {
    await #expect(processExitsWith: .success) {
      let report = try ResumeTests.train(withEverything: true, sending: SIGINT)
      precondition(report.interrupted && report.summary == nil)
    }
    let training = try #require(try Checkpoint.read(from: disturbed + "/last.h5").trainingState)
    #expect(training.averages["fc.weight"] != nil)
    #expect(training.optimizer["conv1.weight"] == nil && training.averages["conv1.weight"] == nil)
    try comparesToUndisturbed(withEverything: true)
    let last = try Checkpoint.read(from: disturbed + "/last.h5")
    let state = try LoopState(json: try #require(last.trainingState?.state))
    #expect(state.epoch == 2 && state.stopping?.hasStopped == true, "one epoch without a gain of 100")
    #expect(state.plateau?.learningRate == 5e-4, "lowered after the second epoch")
    #expect(last.metadata.frozen == ["conv1"])
    // A run that has stopped stays so.
    #expect(try NetworkTraining.resume(at: disturbed, registry: .zoo) { _ in }.summary?.epochs == 2)
  }

  @Test func aKilledRunGoesOnFromItsLastState() async throws {
    await #expect(processExitsWith: .signal(SIGKILL)) {
      _ = try ResumeTests.train(sending: SIGKILL)
    }
    #expect(!FileManager.default.fileExists(atPath: disturbed + "/best.h5"))
    try comparesToUndisturbed()
  }

  @Test func aRunKilledBeforeItSavedAnythingBeginsAgain() async throws {
    await #expect(processExitsWith: .signal(SIGKILL)) {
      // Features are computed before the first state is saved.
      _ = try ResumeTests.train(freeze: ["backbone"], sending: SIGKILL)
    }
    #expect(!FileManager.default.fileExists(atPath: disturbed + "/last.h5"))
    #expect(FileManager.default.fileExists(atPath: disturbed + "/options.json"))
    try comparesToUndisturbed(freeze: ["backbone"])
  }

  @Test func aRunWhoseDataChangedIsRefused() async throws {
    await #expect(processExitsWith: .success) {
      _ = try ResumeTests.train(sending: SIGINT)
    }
    try FileManager.default.copyItem(atPath: photographs.data + "/train/cat", toPath: photographs.data + "/train/fox")
    try FileManager.default.copyItem(atPath: photographs.data + "/test/cat", toPath: photographs.data + "/test/fox")
    let before = try Data(contentsOf: URL(filePath: disturbed + "/last.h5"))
    let fault = try #require(throws: TrainingFault.self) {
      try NetworkTraining.resume(at: disturbed, registry: .zoo) { _ in }
    }
    #expect(fault.description.contains("other classes"))
    #expect(try Data(contentsOf: URL(filePath: disturbed + "/last.h5")) == before)
  }
}
