import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryTraining

/// Whole runs on small drawn photographs.
@Suite struct ImageTrainingTests {
  let photographs: Photographs
  var run: String { photographs.root + "/run" }

  init() throws { photographs = try Photographs() }

  func exists(_ name: String, in run: String? = nil) -> Bool {
    FileManager.default.fileExists(atPath: (run ?? self.run) + "/" + name)
  }

  func scratch(_ name: String = "resnet-toy") throws -> NetworkTraining.Source {
    .scratch(try Registry.zoo.architecture(named: name))
  }

  @Test func aRunLeavesItsFiles() throws {
    let options = Photographs.options(photographs.data)
    var reported: [String] = []
    let report = try NetworkTraining.start(options, from: scratch(), registry: .zoo, at: run) { reported.append($0) }
    #expect(!report.interrupted && report.folder == run && reported.isEmpty)
    let summary = try #require(report.summary)
    #expect(summary.architecture == "resnet-toy" && summary.classes == ["cat", "dog"] && summary.epochs == 3)
    #expect(summary.skipped == 0 && summary.parameters == summary.trainable && summary.parameters > 10_000)
    #expect(summary.bestEpoch.map { (1...3).contains($0) } == true && summary.testAccuracy != nil)
    #expect(
      try JSONDecoder().decode(RunSummary.self, from: Data(contentsOf: URL(filePath: run + "/summary.json"))) == summary
    )
    let history = try String(contentsOfFile: run + "/history.csv", encoding: .utf8).split(separator: "\n")
    #expect(history.count == 4 && history[3].hasPrefix("3,"))

    let last = try Checkpoint.read(from: run + "/last.h5")
    let best = try Checkpoint.read(from: run + "/best.h5")
    #expect(last.metadata.classes == ["cat", "dog"] && best.metadata.classes == ["cat", "dog"])
    #expect(try best.preprocessing()?.outputSize == .square(32))
    #expect(last.trainingState != nil && best.trainingState == nil)
    #expect(last.trainingState?.optimizer["conv1.weight"]?.step == 12, "4 batches of up to 8 of 28 images, 3 epochs")
    #expect(best.metadata.metrics["validation_accuracy"] == summary.bestAccuracy)
    // The best weights do on the test images what the summary says.
    func check(_ model: some Classifier) throws {
      let test = try #require(try ImageDataset(photographs.data).test)
      let preprocessing = try #require(try best.preprocessing())
      let result = try Evaluation.evaluate(
        model, test, preprocessing: preprocessing, workers: 1, decision: best.metadata.decision)
      #expect(result.metrics.accuracy == summary.testAccuracy && result.skipped.isEmpty)
    }
    try check(Registry.zoo.classifier(from: best, path: "best.h5").model)

    #expect(throws: RunFault.alreadyExists(path: run)) {
      try NetworkTraining.start(options, from: scratch(), registry: .zoo, at: run) { _ in }
    }
    let again = try #require(try NetworkTraining.resume(at: run, registry: .zoo) { _ in }.summary)
    #expect(again.testAccuracy == summary.testAccuracy && again.epochs == 3, "a finished run has nothing left to do")
  }

  @Test func equalSeedsGiveEqualRuns() throws {
    var options = Photographs.options(photographs.data, epochs: 2)
    for (name, workers) in [("/a", 1), ("/b", 3)] {
      options.workers = workers
      _ = try NetworkTraining.start(options, from: scratch(), registry: .zoo, at: run + name) { _ in }
    }
    try expectSameRuns(run + "/a", run + "/b")
    options.seed += 1
    _ = try NetworkTraining.start(options, from: scratch(), registry: .zoo, at: run + "/c") { _ in }
    let first = try Checkpoint.read(from: run + "/a/last.h5")
    let other = try Checkpoint.read(from: run + "/c/last.h5")
    #expect(!CheckpointDifference(first, other).isEmpty)
  }

  @Test func learnsToTellThemApart() throws {
    var options = Photographs.options(photographs.data, epochs: 12)
    options.images.augmentation = nil
    options.images.hasCropMargin = false
    let report = try NetworkTraining.start(options, from: scratch(), registry: .zoo, at: run) { _ in }
    #expect(report.summary?.epochs == 12)
    let state = try #require(try Checkpoint.read(from: run + "/last.h5").trainingState?.state)
    let history = try LoopState(json: state).history
    #expect(history[11].training.loss < 0.7 * history[0].training.loss, "\(history.map(\.training.loss))")
  }

  @Test func aDamagedPhotographIsNamedSkippedAndCounted() throws {
    let broken = try photographs.damage()
    for (name, freeze) in [("/plain", []), ("/frozen", ["backbone"])] {
      var options = Photographs.options(photographs.data, epochs: 2)
      options.freeze = freeze
      options.images.augmentation = nil
      var reported: [String] = []
      let report = try NetworkTraining.start(options, from: scratch(), registry: .zoo, at: run + name) {
        reported.append($0)
      }
      // A frozen backbone from scratch has random values.
      #expect(reported.count { $0.contains("are frozen with the random values") } == freeze.count)
      reported.removeAll { $0.contains("are frozen") }
      #expect(report.summary?.skipped == 1)
      #expect(reported.count == 1 && reported[0].hasPrefix("skipped \(broken): "), "\(reported)")
      #expect(exists("features-training.h5", in: run + name) == !freeze.isEmpty)
    }
  }

  /// The second step of fine-tuning goes on with the head of the first.
  @Test func aHeadForTheSameClassesIsKept() throws {
    var checkpoint = try Photographs.pretrained("resnet-toy")
    checkpoint = try Registry.zoo.classifier(from: checkpoint, path: "p.h5").model.replacingHead(classes: 2, seed: 9)
      .checkpoint(architecture: "resnet-toy")
    checkpoint.metadata.preprocessing = try InputPreparation.images(.torchvision(size: 32)).json()
    var options = Photographs.options(photographs.data, epochs: 1)
    options.images.imageSize = nil
    options.architecture = nil
    (options.freeze, options.layerwiseDecay) = (["backbone"], 0.5)
    options.optimizer.learningRate = 1e-30
    func tune(_ run: String, classes: [String]) throws -> (isKept: Bool, reported: [String]) {
      checkpoint.metadata.classes = classes
      var reported: [String] = []
      let folder = photographs.root + "/" + run
      _ = try NetworkTraining.start(
        options, from: .checkpoint(checkpoint, path: "p.h5"), registry: .zoo, at: folder
      ) { reported.append($0) }
      return (
        try Checkpoint.read(from: folder + "/best.h5")["fc.weight"]?.floats() == checkpoint["fc.weight"]?.floats(),
        reported
      )
    }
    let kept = try tune("kept", classes: ["cat", "dog"])
    #expect(kept.isKept, "\(kept.reported)")
    #expect(
      kept.reported.contains("p.h5 predicts these classes already: its head is kept; give --new-head for a new one"))
    #expect(kept.reported.contains { $0.hasPrefix("--layer-decay changes nothing: only the head fc is trained") })
    let other = try tune("other", classes: ["dog", "cat"])
    #expect(!other.isKept && other.reported.contains("the head fc is new: p.h5 predicts other classes"))
  }

  @Test func aCropMarginIsAddedOrTakenAway() throws {
    var checkpoint = try Photographs.pretrained("resnet-toy")
    var options = Photographs.options(photographs.data, epochs: 1)
    (options.images.imageSize, options.architecture) = (nil, nil)
    /// The shorter side after a run on a checkpoint whose images are resized in such a way.
    func side(
      _ resize: Preprocessing.Resize, _ hasMargin: Bool?, crop: ImageSize? = .square(32)
    ) throws -> Preprocessing.Resize? {
      var preparation = Preprocessing.torchvision(size: 32)
      (preparation.resize, preparation.crop) = (resize, crop)
      checkpoint.metadata.preprocessing = try InputPreparation.images(preparation).json()
      options.images.hasCropMargin = hasMargin
      let folder = photographs.root + "/margin-\(resize)-\(hasMargin.map { "\($0)" } ?? "own")-\(crop != nil)"
      _ = try NetworkTraining.start(
        options, from: .checkpoint(checkpoint, path: "p.h5"), registry: .zoo, at: folder
      ) { _ in }
      let prepared = try #require(try Checkpoint.read(from: folder + "/best.h5").preprocessing())
      #expect(prepared.outputSize == .square(32))
      return prepared.resize
    }
    #expect(try side(.shorterSide(32), nil) == .shorterSide(32))
    #expect(try side(.shorterSide(32), true) == .shorterSide(37))
    #expect(try side(.exact(.square(32)), true) == .shorterSide(37))
    #expect(try side(.shorterSide(40), true) == .shorterSide(40))
    #expect(try side(.shorterSide(40), false) == .shorterSide(32))
    // What was brought to its size exactly, as IDX files and Keras's photographs are, is cropped to it.
    #expect(try side(.exact(.square(32)), false, crop: nil) == .shorterSide(32))
    #expect(try side(.exact(.square(32)), true, crop: nil) == .shorterSide(37))
  }

  @Test(arguments: ["resnet-toy", "squeezenet-toy"])
  func aNewHeadIsFineTunedOnAFrozenBackbone(name: String) throws {
    _ = try photographs.damage("dog", number: 3)
    let checkpoint = try Photographs.pretrained(name)
    var options = Photographs.options(photographs.data)
    options.images.imageSize = nil
    options.architecture = nil
    options.checkpoint = "pretrained.h5"
    options.freeze = ["backbone"]
    options.images.augmentation = nil
    options.parts.fold = SplitPlan.FoldPlace(folds: 4, fold: 1, repetition: 0)
    var summaries: [RunSummary] = []
    for cached in [true, false] {
      options.images.usesFeatureCache = cached
      let folder = run + "-\(cached)"
      let report = try NetworkTraining.start(
        options, from: .checkpoint(checkpoint, path: "pretrained.h5"), registry: .zoo, at: folder
      ) { _ in }
      summaries.append(try #require(report.summary))
      #expect(exists("features-training.h5", in: folder) == cached)
      #expect(exists("features-validation.h5", in: folder) == cached)
    }
    let cached = try Checkpoint.read(from: run + "-true/last.h5")
    let plain = try Checkpoint.read(from: run + "-false/last.h5")
    let model = try Registry.zoo.classifier(from: cached, path: "last.h5").model
    #expect(model.configuration.outputs == 2 && cached.metadata.extra["from"] == "pretrained.h5")
    #expect(
      summaries[0].trainable
        == model.parameters.filter { $0.path.hasPrefix(model.headPath) }.reduce(0) { $0 + $1.count })
    #expect(summaries[0].trainable < summaries[0].parameters && summaries[0].skipped == 1 && summaries[1].skipped == 1)
    #expect(cached.paths == plain.paths)
    for path in cached.paths {
      let values = try #require(cached[path]?.floats())
      if path.hasPrefix(model.headPath + ".") {
        // Batches of other sizes round otherwise.
        expectClose(
          actual: values, expected: try #require(plain[path]?.doubles()), relativeL2: 1e-4, relativeMax: 1e-3,
          name: path)
        #expect(checkpoint[path]?.floats() != values)
      } else {
        #expect(checkpoint[path]?.floats() == values && plain[path]?.floats() == values, "\(path) is frozen")
      }
    }
    #expect(summaries[0].testAccuracy == summaries[1].testAccuracy && summaries[0].testAccuracy != nil)
    #expect(abs(try #require(summaries[0].testLoss) - (try #require(summaries[1].testLoss))) < 1e-4)
    let tables = try summaries.indices.map {
      try PredictionTable(reading: run + ["-true", "-false"][$0] + "/predictions.csv")
    }
    #expect(tables[0].rows.count > 4 && tables[0].rows.map(\.item) == tables[1].rows.map(\.item))
    for (a, b) in zip(tables[0].rows, tables[1].rows) {
      #expect(a.truth == b.truth && abs(a.probabilities[0] - b.probabilities[0]) < 1e-3)
    }
    for (a, b) in zip(try history(run + "-true"), try history(run + "-false")) {
      #expect(abs(a.training.loss - b.training.loss) < 1e-4)
      #expect(a.validation?.accuracy == b.validation?.accuracy)
    }
  }

  func history(_ run: String) throws -> [HistoryRow] {
    let state = try Checkpoint.read(from: run + "/last.h5").trainingState?.state
    let rows = try LoopState(json: #require(state)).history
    try #require(!rows.isEmpty)
    return rows
  }

  @Test func aPartIsFrozenByPattern() throws {
    let checkpoint = try Photographs.pretrained("resnet-toy")
    var options = Photographs.options(photographs.data, epochs: 1)
    options.freeze = ["conv1", "bn1", "layer1", "layer2"]
    let summary = try #require(
      try NetworkTraining.start(options, from: .checkpoint(checkpoint, path: "x.h5"), registry: .zoo, at: run) { _ in }
        .summary)
    #expect(summary.trainable < summary.parameters)
    let last = try Checkpoint.read(from: run + "/last.h5")
    for path in last.paths where !path.hasPrefix("fc") {
      let isFrozen = options.freeze.contains { path.hasPrefix($0 + ".") }
      #expect((last[path]?.floats() == checkpoint[path]?.floats()) == isFrozen, "\(path)")
    }
    #expect(last.trainingState?.optimizer.keys.contains { $0.hasPrefix("layer2") } == false)
  }

  @Test func whatCannotBeginLeavesNothing() throws {
    var single = Photographs.options(photographs.data)
    single.batchSize = 1
    var small = Photographs.options(photographs.data)
    small.images.imageSize = 16
    var unknown = Photographs.options(photographs.data)
    unknown.freeze = ["layer9"]
    let absent = Photographs.options(photographs.root + "/nowhere")
    for options in [single, small, unknown, absent] {
      let fault = #expect(throws: (any Error).self) {
        try NetworkTraining.start(options, from: scratch(), registry: .zoo, at: run) { _ in }
      }
      #expect(fault.map { !"\($0)".contains("\n") } == true)
      #expect(!FileManager.default.fileExists(atPath: run))
    }
    #expect(throws: RunFault.notARun(path: run)) { try NetworkTraining.resume(at: run, registry: .zoo) { _ in } }
  }

  @Test func weightsThatDoNotSayHowTheirImagesWerePreparedAreRefused() throws {
    var checkpoint = try Photographs.pretrained("resnet-toy")
    checkpoint.metadata.preprocessing = nil
    #expect(throws: TrainingFault.unknownPreprocessing(path: "w.h5")) {
      try NetworkTraining.start(
        Photographs.options(photographs.data), from: .checkpoint(checkpoint, path: "w.h5"), registry: .zoo, at: run
      ) { _ in }
    }
    #expect(!FileManager.default.fileExists(atPath: run))
  }

  @Test func oneImageAStepIsEnoughWithoutBatchStatistics() throws {
    var options = Photographs.options(photographs.data, epochs: 1)
    options.batchSize = 1
    options.images.limit = 4
    _ = try NetworkTraining.start(options, from: scratch("squeezenet-toy"), registry: .zoo, at: run) { _ in }
    #expect(try history(run)[0].training.loss > 0)
    #expect(try Checkpoint.read(from: run + "/last.h5").trainingState?.optimizer["features.0.weight"]?.step == 6)
  }

  /// A network with an auxiliary head, as GoogLeNet has them.
  private struct TwoHeads: AuxiliaryClassifier {
    struct Configuration: ImageConfiguration {
      var weight: Float = 0.3
      var inputChannels = 3
      var classes = 4

      func validate(input: [Int]?) throws(ConfigurationFault) { try requireImages("two-heads", input: input, least: 4) }
    }

    let configuration: Configuration
    let stem: Conv2d
    let aux: Linear
    let body = Conv2d(6, 8, kernel: 3, stride: 2)
    let fc: Linear

    var headPath: String { "fc" }
    var auxiliaryHeadPaths: [String] { ["aux"] }

    init(_ configuration: Configuration) {
      self.configuration = configuration
      stem = Conv2d(configuration.inputChannels, 6, kernel: 3, stride: 2)
      aux = Linear(6, configuration.classes)
      fc = Linear(8, configuration.classes)
    }

    func features(_ x: Tensor) -> Tensor { relu(body(relu(stem(x)))).mean(over: [2, 3]) }
    func head(_ features: Tensor) -> Tensor { fc(features) }

    func trainingOutputs(_ x: Tensor) -> (logits: Tensor, auxiliary: [AuxiliaryOutput]) {
      let early = relu(stem(x))
      let auxiliary = AuxiliaryOutput(aux(early.mean(over: [2, 3])), weight: configuration.weight)
      return (fc(relu(body(early)).mean(over: [2, 3])), [auxiliary])
    }
  }

  /// Auxiliary heads learn by their losses, whose weights count; in use only the main head answers.
  @Test func auxiliaryHeadsLearnWithTheMainOne() throws {
    var options = Photographs.options(photographs.data, epochs: 1)
    options.architecture = "two-heads"
    options.optimizer = OptimizerConfiguration(.sgd, learningRate: 0.1)
    options.images.augmentation = nil
    var losses: [Float: Double] = [:]
    for weight: Float in [0, 0.3, 1] {
      let registry = Registry.zoo.adding(
        Architecture(
          "two-heads", "for a test", TwoHeads.self, TwoHeads.Configuration(weight: weight), input: [3, 32, 32]))
      let run = "\(self.run)-\(weight)"
      let report = try NetworkTraining.start(
        options, from: .scratch(registry.architecture(named: "two-heads")), registry: registry, at: run
      ) { _ in }
      #expect(report.summary?.testAccuracy != nil)
      let model = try #require(
        try registry.model(from: Checkpoint.read(from: run + "/last.h5"), path: "last.h5").model as? TwoHeads)
      let fresh = TwoHeads(.init(weight: weight, classes: 2))
      fresh.initialize(seed: options.seed)
      #expect((model.aux.weight.tensor == fresh.aux.weight.tensor) == (weight == 0), "\(weight)")
      #expect(model.fc.weight.tensor != fresh.fc.weight.tensor)
      let history = try String(contentsOfFile: run + "/history.csv", encoding: .utf8).split(separator: "\n")
      losses[weight] = Double(history[1].split(separator: ",")[1])
    }
    // The heads begin near to ln 2 each.
    #expect(abs(try #require(losses[0]) - 0.69) < 0.15)
    #expect(abs(try #require(losses[1]) - 2 * 0.69) < 0.3)
    #expect(abs(try #require(losses[0.3]) - 1.3 * 0.69) < 0.2)
  }
}
