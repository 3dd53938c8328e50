import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryTraining

/// Runs that learn images without their classes.
@Suite struct UnlabeledImageTests {
  let photographs: Photographs
  var run: String { photographs.root + "/run" }

  init() throws { photographs = try Photographs() }

  private func options(_ settings: [(String, String)] = [], epochs: Int = 4, rate: Double = 0.1) -> TrainingOptions {
    var options = Photographs.options(photographs.data, epochs: epochs)
    options.architecture = "rbm"
    options.images.imageSize = 10
    options.images.augmentation = nil
    options.schedule = .constant
    options.optimizer = OptimizerConfiguration(.momentum, learningRate: rate, weightDecay: 2e-4, momentum: 0.5)
    options.groups = [ParameterGroup(["visible_bias", "hidden_bias"], weightDecay: 0)]
    options.configuration =
      [ConfigurationChange(name: "hidden", value: "8")] + settings.map { ConfigurationChange(name: $0, value: $1) }
    return options
  }

  private func train(
    _ options: TrainingOptions, at path: String? = nil, hooks: TrainingHooks = TrainingHooks()
  ) throws -> TrainingReport {
    try NetworkTraining.start(
      options, from: .scratch(Registry.zoo.architecture(named: "rbm")), registry: .zoo, at: path ?? run, hooks: hooks
    ) { _ in }
  }

  @Test func imagesAreLearned() throws {
    let summary = try #require(try train(options()).summary)
    #expect(summary.epochs == 4 && summary.classes.isEmpty && summary.parameters == 100 * 8 + 108)
    let (best, test) = (try #require(summary.bestPseudoLikelihood), try #require(summary.testPseudoLikelihood))
    #expect(best < 0 && best > -1000 && test < 0)
    let checkpoint = try Checkpoint.read(from: run + "/best.h5")
    #expect(checkpoint.metadata.classes == nil && checkpoint["visible_bias"]?.shape == [100])
    let predictor = try UnlabeledImagePredictor(checkpoint, registry: .zoo, path: "best.h5")
    #expect(predictor.preprocessing.channels == .grey && predictor.preprocessing.mean == [0])
    let folder = try #require(try ImageDataset(photographs.data).test)
    let (metrics, skipped) = try predictor.evaluate(folder.entries)
    #expect(skipped.isEmpty && metrics.count == folder.entries.count)
    let error = try #require(metrics.reconstructionError)
    #expect(abs(error - (summary.testLoss ?? 0)) < 1e-6)
    let answers = try predictor.predict(folder.entries).map { try $0.get() }
    let mean = answers.reduce(0) { $0 + Double($1.reconstructionError) } / Double(answers.count)
    #expect(abs(mean - (summary.testLoss ?? 0)) < 1e-6)
    let sheet = predictor.contactSheet(Tensor(ones: [3, 100]))
    #expect(sheet.width == 23 && sheet.height == 23)
    // White pictures between grey lines, and a place that is left over.
    #expect(sheet.pixels[0] == 128 && sheet.pixels[(23 + 1) * 3] == 255 && sheet.pixels[(22 * 23 - 2) * 3] == 128)
  }

  /// Packed pictures of stripes, upright or not, with some noise.
  private func stripes() throws -> String {
    let folder = photographs.root + "/stripes"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    var numbers = TestNumbers(seed: 4)
    func pictures(_ count: Int) -> (images: [UInt8], labels: [UInt8]) {
      var (images, labels): ([UInt8], [UInt8]) = ([], [])
      for picture in 0..<count {
        labels.append(UInt8(picture % 2))
        for place in 0..<36 {
          let isOn = (picture % 2 == 0 ? place % 6 : place / 6) % 2 == 0
          images.append((numbers.floats(1, from: 0, to: 1)[0] < 0.05) == isOn ? 0 : 255)
        }
      }
      return (images, labels)
    }
    for (name, count) in [("train", 60), ("t10k", 20)] {
      let (images, labels) = pictures(count)
      try Data([0, 0, 8, 3, 0, 0, 0, UInt8(count), 0, 0, 0, 6, 0, 0, 0, 6] + images).write(
        to: URL(filePath: folder + "/\(name)-images-idx3-ubyte"))
      try Data([0, 0, 8, 1, 0, 0, 0, UInt8(count)] + labels).write(
        to: URL(filePath: folder + "/\(name)-labels-idx1-ubyte"))
    }
    return folder
  }

  @Test func whatImagesHaveInCommonIsLearned() throws {
    var learning = options(epochs: 15, rate: 0.3)
    learning.data = try stripes()
    learning.images.imageSize = nil
    let summary = try #require(try train(learning).summary)
    let rows = try String(contentsOfFile: run + "/history.csv", encoding: .utf8).split(separator: "\n").dropFirst()
    let losses = rows.compactMap { Double($0.split(separator: ",", omittingEmptySubsequences: false)[1]) }
    #expect(losses.count == 15 && losses[14] < 0.4 * losses[0], "\(losses)")
    // A value by chance costs 36 · log 2 = 25.
    let test = try #require(summary.testPseudoLikelihood)
    #expect(test > -15, "\(test)")
  }

  @Test func persistentChainsResumeBitForBit() throws {
    let chained = options([("chains", "6"), ("steps", "2")], epochs: 2)
    _ = try train(chained, at: run + "-whole")
    var steps = 0
    var hooks = TrainingHooks()
    hooks.observe = { if case .stepped = $0 { steps += 1 } }
    hooks.isInterrupted = { steps == 5 }
    #expect(try train(chained, at: run + "-stopped", hooks: hooks).interrupted)
    _ = try NetworkTraining.resume(at: run + "-stopped", registry: .zoo) { _ in }
    try expectSameRuns(run + "-whole", run + "-stopped", least: 4)
  }

  @Test func gaussianUnitsTakeStandardisedPixels() throws {
    _ = try train(options([("units", "gaussian")], epochs: 1, rate: 0.001))
    let checkpoint = try Checkpoint.read(from: run + "/best.h5")
    let preprocessing = try #require(try checkpoint.preprocessing())
    #expect(preprocessing.mean == [0.449] && preprocessing.standardDeviation == [0.226])
    let model = try Registry.zoo.model(from: checkpoint, path: "best.h5").model
    #expect((model as? any EnergyModel)?.visibleParts == [.init(.gaussian, visible: 100)])
  }

  @Test func whatDoesNotApplyIsRefused() throws {
    var mixed = options()
    mixed.images.mixup = 0.2
    #expect(throws: TrainingFault.self) { try train(mixed) }
    #expect(throws: (any Error).self) { try train(options([("units", "counts")])) }
    #expect(throws: (any Error).self) { try train(options([("hidden", "0")])) }
    var watched = options([("units", "gaussian")])
    watched.monitor = .pseudoLikelihood
    #expect(throws: TrainingFault.notMonitored(.pseudoLikelihood, available: [.loss])) { try train(watched) }
    #expect(!FileManager.default.fileExists(atPath: run))
  }
}
