import AviaryCheckpoints
import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import COneDNN
import Foundation
import Testing

@testable import AviaryTraining

/// Features of a frozen beginning, computed once.
@Suite struct FrozenPrefixTests {
  private func cut(_ name: String, _ frozen: [String], side: Int = 48) throws -> FrozenPrefix? {
    let model = try Registry.zoo.architecture(named: name).buildClassifier()
    model.initialize(seed: 1)
    try model.freeze(frozen)
    func open(_ model: some Classifier) -> FrozenPrefix? {
      let before = model.buffers.map { $0.tensor.scalars }
      let found = FrozenPrefix(of: model, input: Tensor(ones: [2, 3, side, side])) { inputs in
        guard let model = model as? any AuxiliaryClassifier else { return [model(inputs)] }
        let (logits, auxiliary) = model.trainingOutputs(inputs)
        return [logits] + auxiliary.map(\.logits)
      }
      #expect(model.buffers.map { $0.tensor.scalars } == before, "\(name): looking changes nothing")
      return found
    }
    return open(model)
  }

  @Test func theLastPossibleCutIsFound() throws {
    #expect(try cut("resnet-toy", ["conv1", "bn1", "layer1", "layer2"])?.path == "layer2")
    #expect(try cut("resnet-toy", ["conv1", "bn1", "layer1", "layer3"])?.path == "layer1")
    #expect(try cut("resnet-toy", ["layer1"]) == nil, "what comes before is trained")
    #expect(try cut("resnet-toy", []) == nil)
    #expect(try cut("resnet-toy", ["conv1"]) == nil, "what follows is computed in one with it")
    #expect(try cut("squeezenet-toy", ["features.0..features.5"])?.path.hasPrefix("features.") == true)
  }

  @Test func whatFollowsIsTheSameBitForBit() throws {
    let model = try Registry.zoo.architecture(named: "resnet-toy").buildClassifier()
    model.initialize(seed: 1)
    try model.freeze(["conv1", "bn1", "layer1", "layer2"])
    func open(_ model: some Classifier) throws {
      var numbers = TestNumbers(seed: 3)
      let images = Tensor(numbers.floats(8 * 3 * 32 * 32), shape: [8, 3, 32, 32])
      let prefix = try #require(FrozenPrefix(of: model, input: images[0..<2]) { [model($0)] })
      let features = prefix.outputs(of: model, images) { model($0) }
      #expect(features.shape == [8] + prefix.shape && prefix.width == features.count / 8)
      let stand = Tensor(zeros: [1, 3, 32, 32])
      func gradients(_ forward: () -> Tensor) -> [Float] {
        let (loss, gradients) = valueWithGradients(of: model.parameters, noise: Noise(seed: 1, step: 1)) {
          crossEntropy(forward(), labels: IntTensor((0..<8).map { Int32($0 % 2) }))
        }
        return [loss.scalar] + model.trainableParameters.flatMap { gradients[$0]?.scalars ?? [] }
      }
      #expect(
        gradients { model(images) } == gradients { prefix.resume(model, from: features, stand: stand) { model($0) } })
      // What is frozen runs on an image of zeros, which says nothing of the relus there.
      func relus(_ forward: () -> Tensor) -> [String: Double] {
        let shares = deadRelus(usedByLast: true) { inference { _ = forward().scalars } }
        return Dictionary(uniqueKeysWithValues: shares.map { ($0.path, $0.share) })
      }
      let (all, behind) = (
        relus { model(images) }, relus { prefix.resume(model, from: features, stand: stand) { model($0) } }
      )
      #expect(!behind.isEmpty && behind.count < all.count && behind.allSatisfy { all[$0.key] == $0.value })
      #expect(
        inference { model(images).scalars }
          == inference { prefix.resume(model, from: features, stand: stand) { model($0) }.scalars })
    }
    try open(model)
  }

  @Test(arguments: [("resnet-toy", "conv1,bn1,layer1,layer2"), ("squeezenet-toy", "features.0..features.6")])
  func runsAreTheSameBitForBit(name: String, frozen: String) throws {
    let photographs = try Photographs()
    _ = try photographs.damage("dog", number: 3)
    let checkpoint = try Photographs.pretrained(name)
    var options = Photographs.options(photographs.data, epochs: 1)
    options.images.imageSize = nil
    options.architecture = nil
    options.checkpoint = "pretrained.h5"
    options.freeze = frozen.split(separator: ",").map(String.init)
    options.images.augmentation = nil
    let root = photographs.root
    for cached in [true, false] {
      options.images.usesFeatureCache = cached
      _ = try NetworkTraining.start(
        options, from: .checkpoint(checkpoint, path: "pretrained.h5"), registry: .zoo, at: "\(root)/\(cached)"
      ) { _ in }
      for part in ["training", "validation"] {
        #expect(FileManager.default.fileExists(atPath: "\(root)/\(cached)/prefix-\(part).h5") == cached)
      }
    }
    let (a, b) = (try Checkpoint.read(from: root + "/true/last.h5"), try Checkpoint.read(from: root + "/false/last.h5"))
    expectSame(a, b)
    let states = try [a, b].map { try LoopState(json: #require($0.trainingState?.state)).history }
    for (first, second) in zip(states[0], states[1]) {
      expectSame(first.training, second.training)
      expectSame(try #require(first.validation), try #require(second.validation))
    }
  }

  /// From version 3 on, oneDNN's sums for an image depend on the batch that it is in, within rounding.
  private static let isExact = ad_version() < 3_00_00

  private func expectSame(_ a: Checkpoint, _ b: Checkpoint) {
    let difference = CheckpointDifference(a, b)
    let isNear =
      difference.onlyInFirst.isEmpty && difference.onlyInSecond.isEmpty && difference.otherShape.isEmpty
      && difference.otherValues.allSatisfy { $0.largest < 1e-6 }
    #expect(difference.isEmpty || !Self.isExact && isNear, "\(difference)")
  }

  private func expectSame(_ a: Scores, _ b: Scores) {
    #expect(a == b || !Self.isExact && abs(a.loss - b.loss) < 1e-6 && a.accuracy == b.accuracy)
  }

  /// Blocks are dropped behind what is frozen, whether its features are kept or not.
  @Test func blocksAreDroppedBehindKeptFeatures() throws {
    let photographs = try Photographs()
    let checkpoint = try Photographs.pretrained("resnet-toy")
    var options = Photographs.options(photographs.data, epochs: 2)
    options.images.imageSize = nil
    options.architecture = nil
    options.checkpoint = "pretrained.h5"
    options.freeze = ["conv1", "bn1", "layer1", "layer2"]
    options.images.augmentation = nil
    options.learning.dropBlock = DropBlockSettings(rate: 0.5, block: 1)
    options.statisticsBatches = 0
    for (place, cached) in [("cached", true), ("plain", false)] {
      options.images.usesFeatureCache = cached
      _ = try NetworkTraining.start(
        options, from: .checkpoint(checkpoint, path: "pretrained.h5"), registry: .zoo,
        at: "\(photographs.root)/\(place)"
      ) { _ in }
    }
    options.learning.dropBlock = nil
    _ = try NetworkTraining.start(
      options, from: .checkpoint(checkpoint, path: "pretrained.h5"), registry: .zoo, at: photographs.root + "/none"
    ) { _ in }
    let runs = try ["cached", "plain", "none"].map { try Checkpoint.read(from: "\(photographs.root)/\($0)/last.h5") }
    expectSame(runs[0], runs[1])
    #expect(!CheckpointDifference(runs[1], runs[2]).isEmpty, "blocks were dropped")
  }

  /// With layers that are unfrozen, the features of what remains frozen are computed again.
  @Test func featuresFollowTheSchedule() throws {
    let photographs = try Photographs()
    let checkpoint = try Photographs.pretrained("resnet-toy")
    var options = Photographs.options(photographs.data, epochs: 3)
    options.images.imageSize = nil
    options.architecture = nil
    options.checkpoint = "pretrained.h5"
    options.freeze = ["conv1..layer3"]
    options.unfreezing = [Unfreezing("layer3", from: 2), Unfreezing("layer2", from: 3)]
    options.images.augmentation = nil
    for cached in [true, false] {
      options.images.usesFeatureCache = cached
      _ = try NetworkTraining.start(
        options, from: .checkpoint(checkpoint, path: "pretrained.h5"), registry: .zoo,
        at: "\(photographs.root)/\(cached)"
      ) { _ in }
    }
    let both = try [true, false].map { try Checkpoint.read(from: "\(photographs.root)/\($0)/last.h5") }
    expectSame(both[0], both[1])
  }
}
