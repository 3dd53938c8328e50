import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import Foundation
import Testing

@testable import AviaryTraining

/// Deep belief networks, which learn without labels before their first epoch.
@Suite(.serialized) struct PretrainingTests {
  let photographs: Photographs
  var run: String { photographs.root + "/run" }

  init() throws {
    photographs = try Photographs()
    setenv("AVIARY_TEST_PRETRAINING", photographs.root, 1)
  }

  static func options(_ data: String) -> TrainingOptions {
    var options = Photographs.options(data, epochs: 2)
    options.architecture = "dbn"
    options.images.imageSize = 12
    options.images.augmentation = nil
    options.configuration = [
      ConfigurationChange(name: "hidden", value: "[10,6]"), ConfigurationChange(name: "pretraining", value: "3"),
    ]
    return options
  }

  static func source() throws -> NetworkTraining.Source { .scratch(try Registry.zoo.architecture(named: "dbn")) }

  /// In the child: a run that sends itself a signal at the line with this number.
  static func train(sending signal: Int32, at line: Int) throws -> TrainingReport {
    let root = ProcessInfo.processInfo.environment["AVIARY_TEST_PRETRAINING"] ?? ""
    var told = 0
    return try NetworkTraining.start(options(root + "/data"), from: source(), registry: .zoo, at: root + "/disturbed") {
      _ in
      told += 1
      if told != line { return }
      kill(getpid(), signal)
      for _ in 0..<1000 where !Interruption.isRequested { usleep(10_000) }
    }
  }

  @Test func machinesLearnOnceAndAreTold() throws {
    var lines: [String] = []
    let report = try NetworkTraining.start(Self.options(photographs.data), from: Self.source(), registry: .zoo, at: run)
    {
      lines.append($0)
    }
    #expect(report.summary?.epochs == 2)
    #expect(lines.count == 6)
    #expect(lines[0].hasPrefix("pretraining machine 1/2 (144-10), epoch 1/3  reconstruction error 0."))
    #expect(lines[5].hasPrefix("pretraining machine 2/2 (10-6), epoch 3/3"))
    let best = try Checkpoint.read(from: run + "/best.h5")
    let preprocessing = try #require(try best.preprocessing())
    #expect(preprocessing.scale == 1 / 255 && preprocessing.mean == [0] && preprocessing.standardDeviation == [1])
    #expect(preprocessing.channels == .grey && preprocessing.outputSize == .square(12))

    // Neither a run that goes on nor one from a checkpoint learns without labels again.
    var more: [String] = []
    _ = try NetworkTraining.resume(at: run, registry: .zoo) { more.append($0) }
    var once = Self.options(photographs.data)
    (once.epochs, once.configuration) = (1, [])
    _ = try NetworkTraining.start(
      once, from: .checkpoint(best, path: "best.h5"), registry: .zoo, at: run + "-more"
    ) { more.append($0) }
    #expect(!more.contains { $0.hasPrefix("pretraining") }, "\(more)")
  }

  /// With labels that change the head alone, hidden layers are what the machines learned.
  @Test func whatIsFrozenIsStillPretrained() throws {
    var options = Self.options(photographs.data)
    options.freeze = ["backbone"]
    _ = try NetworkTraining.start(options, from: Self.source(), registry: .zoo, at: run) { _ in }
    let trained = try Checkpoint.read(from: run + "/best.h5")
    let model = try #require(try Registry.zoo.classifier(from: trained, path: "best.h5").model as? MLP)
    let data = try ImageParts(options, ImageOptions()).training
    let preprocessing = try #require(try trained.preprocessing())
    let expected = DeepBeliefNetwork(.init(widths: [144, 10, 6]))
    expected.initialize(seed: options.seed)
    try expected.pretrain(epochs: 3, options: .init(seed: options.seed)) { epoch in
      let batches = try ImageBatches(
        data.entries, preprocessing: preprocessing, batchSize: 8, seed: options.seed, shuffled: true, epoch: epoch)
      return AnySequence(AnyIterator { batches.next()?.inputs.flattened() })
    }
    let batch = try #require(
      try ImageBatches(data.entries, preprocessing: preprocessing, batchSize: 8).next()?.inputs.flattened())
    #expect(model.features(batch).scalars == expected.features(batch).scalars)
  }

  @Test(arguments: [SIGINT, SIGKILL]) func whatIsInterruptedBeginsAgain(signal: Int32) async throws {
    if signal == SIGINT {
      await #expect(processExitsWith: .success) {
        let report = try PretrainingTests.train(sending: SIGINT, at: 4)
        precondition(report.interrupted && report.summary == nil)
      }
    } else {
      await #expect(processExitsWith: .signal(SIGKILL)) { _ = try PretrainingTests.train(sending: SIGKILL, at: 2) }
    }
    let disturbed = photographs.root + "/disturbed"
    #expect(!FileManager.default.fileExists(atPath: disturbed + "/last.h5"))
    var lines = 0
    _ = try NetworkTraining.resume(at: disturbed, registry: .zoo) { _ in lines += 1 }
    #expect(lines == 6)
    _ = try NetworkTraining.start(Self.options(photographs.data), from: Self.source(), registry: .zoo, at: run) { _ in }
    try expectSameRuns(disturbed, run, least: 6)
  }

  /// A photograph that cannot be read tells the test where the run stands: it is reported where labels are learned.
  @Test func anInterruptedEpochIsGoneOnWithAfterPretraining() async throws {
    _ = try photographs.damage()
    await #expect(processExitsWith: .success) {
      let report = try PretrainingTests.train(sending: SIGINT, at: 7)
      precondition(report.interrupted && report.summary == nil)
    }
    let disturbed = photographs.root + "/disturbed"
    #expect(FileManager.default.fileExists(atPath: disturbed + "/last.h5"))
    var lines: [String] = []
    _ = try NetworkTraining.resume(at: disturbed, registry: .zoo) { lines.append($0) }
    #expect(!lines.contains { $0.hasPrefix("pretraining") })
    _ = try NetworkTraining.start(Self.options(photographs.data), from: Self.source(), registry: .zoo, at: run) { _ in }
    try expectSameRuns(disturbed, run, least: 6)
  }
}
