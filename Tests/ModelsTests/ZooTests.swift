import AviaryArchives
import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryModels

/// The checksums of all values of a model, by path.
func checksums(_ model: some Network) -> [String: UInt32] {
  Dictionary(
    uniqueKeysWithValues: model.checkpoint(architecture: "").entries.map { ($0.path, $0.array.bytes.crc32c()) })
}

/// The loss of a batch as training adds it up, with that of auxiliary heads, and the logits of the main head.
func trainingLoss(_ model: some UnaryLayer, _ x: Tensor, labels: IntTensor) -> (loss: Tensor, logits: Tensor) {
  guard let model = model as? any AuxiliaryClassifier else {
    let logits = model(x)
    return (crossEntropy(logits, labels: labels), logits)
  }
  let (logits, auxiliary) = model.trainingOutputs(x)
  let loss = auxiliary.reduce(crossEntropy(logits, labels: labels)) {
    $0 + crossEntropy($1.logits, labels: labels) * $1.weight
  }
  return (loss, logits)
}

/// The gradients of one training step with labels that go round.
func step(_ model: some Classifier, _ x: Tensor) -> Gradients {
  valueWithGradients(of: model, noise: Noise(seed: 1, step: 1)) {
    trainingLoss(
      model, x, labels: IntTensor((0..<x.shape[0]).map { Int32($0 % model.configuration.outputs) })
    ).loss
  }.gradients
}

/// What every network that sorts images does.
@Suite struct ZooTests {
  /// Networks for other data, and those that learn without labels, have tests of their own.
  @Test func everyNetworkForImagesIsTested() {
    let names = Registry.zoo.architectures.filter { $0.kinds.contains(.images) && !$0.learnsWithoutLabels }.map(\.name)
    #expect(Set(names) == Set(ZooCase.all.map(\.name)))
  }

  @Test(arguments: ZooCase.all)
  func makesLogitsAndLearnsWithEveryParameter(entry: ZooCase) throws {
    func check(_ model: some Classifier) throws {
      let x = entry.images()
      #expect(model(x).shape == [3, model.configuration.outputs])
      #expect(model.features(x).shape[0] == 3)
      #expect(model.head(model.features(x)).scalars == model(x).scalars)
      let gradients = step(model, x)
      #expect(gradients.byVariable.count == model.parameters.count)
      for parameter in model.parameters {
        let gradient = try #require(gradients[parameter], "\(parameter.path) has no gradient")
        #expect(gradient.shape == parameter.shape)
        let norm = gradient.sumOfSquares
        let mayVanish = entry.hasIdleBiases && parameter.path.hasSuffix("bias")
        #expect(norm.isFinite && (norm > 0 || mayVanish), "\(parameter.path): \(norm)")
      }
    }
    try check(entry.model())
    let other = try entry.model().replacingHead(outputs: 4, seed: 2)
    ZooCase.fillHead(of: other)
    try check(other)
  }

  @Test(arguments: ZooCase.families)
  func halfOfItCanBeFrozen(entry: ZooCase) throws {
    func check(_ model: some Classifier) throws {
      let parameters = model.parameters
      let frozen = Set(parameters.prefix(parameters.count / 2).map(\.path))
      // Whole layers, so that what they gather is kept as well; a parameter of the network itself is its own.
      let layers = Set(
        frozen.map { path in
          path.contains(".") ? path.split(separator: ".").dropLast().joined(separator: ".") : path
        })
      try model.freeze(layers.sorted())
      let before = checksums(model)
      let gradients = step(model, entry.images())
      for parameter in parameters {
        let isMeant = layers.contains { parameter.path == $0 || parameter.path.hasPrefix($0 + ".") }
        #expect(parameter.isFrozen == isMeant)
        #expect((gradients[parameter] == nil) == parameter.isFrozen, "\(parameter.path)")
      }
      let after = checksums(model)
      for cell in model.inventory.stateful where cell.cell.isFrozen {
        #expect(after[cell.path] == before[cell.path], "\(cell.path)")
      }
      let restored = try Registry.zoo.classifier(from: model.checkpoint(architecture: entry.name), path: "memory").model
      #expect(restored.trainableParameters.map(\.path) == model.trainableParameters.map(\.path))
    }
    try check(entry.model())
  }

  @Test func theFrozenSetIsSavedAndRestored() throws {
    let network = try #require(ZooCase.all.first { $0.name == "resnet-toy" }).model()
    network.freezeBackbone()
    let restored = try Registry.zoo.classifier(from: network.checkpoint(architecture: "resnet-toy"), path: "memory")
      .model
    #expect(restored.isBackboneFrozen)
    #expect(restored.trainableParameters.map(\.path) == ["fc.weight", "fc.bias"])
    try network.freeze(["layer2.*.conv1", "bn1.weight"])
    #expect(network.frozenPaths.sorted() == ["bn1.weight", "layer2.0.conv1", "layer2.1.conv1"])
    let thawed = try Registry.zoo.classifier(from: network.checkpoint(architecture: "resnet-toy"), path: "memory").model
    #expect(thawed.frozenPaths == network.frozenPaths)
  }

  /// The words of every network: what is replaced for other classes, and the rest.
  @Test(arguments: ZooCase.families)
  func headAndBackboneAreWordsForWhatIsReplaced(entry: ZooCase) throws {
    func check(_ model: some Classifier) throws {
      func frozen() -> [String] { model.namedParameters().filter(\.parameter.isFrozen).map(\.path) }
      model.freezeBackbone()
      let backbone = frozen()
      let head = model.namedParameters().map(\.path).filter { !backbone.contains($0) }
      for (freeze, expected) in [
        ({ try model.freeze(["backbone"]) }, backbone), ({ try model.freeze(allBut: ["head"]) }, backbone),
        ({ try model.freeze(["head"]) }, head), ({ try model.freeze(allBut: ["backbone"]) }, head),
      ] as [(() throws -> Void, [String])] {
        try freeze()
        #expect(frozen() == expected)
        try model.freeze(model.frozenPaths)
        #expect(frozen() == expected, "the paths that are saved mean the same")
      }
      #expect(!head.isEmpty)
    }
    try check(entry.model())
  }

  @Test(arguments: ZooCase.families)
  func copyIsDeep(entry: ZooCase) throws {
    func check(_ model: some Classifier) throws {
      _ = step(model, entry.images())
      model.freezeBackbone()
      let copy = model.copy()
      #expect(checksums(copy) == checksums(model))
      #expect(copy(entry.images()).scalars == model(entry.images()).scalars)
      #expect(copy.isBackboneFrozen)
      let own = Set(model.inventory.cells.map { ObjectIdentifier($0.cell) })
      #expect(own.isDisjoint(with: copy.inventory.cells.map { ObjectIdentifier($0.cell) }))
      let before = checksums(model)
      try copy.freeze([])
      #expect(model.isBackboneFrozen, "a copy has a frozen set of its own")
      _ = step(copy, entry.images(seed: 2))
      for parameter in copy.parameters { parameter.assign(parameter.tensor * 2) }
      #expect(checksums(model) == before)
      #expect(checksums(copy) != before)
    }
    try check(entry.model())
  }

  @Test(arguments: ZooCase.families)
  func aNewHeadSharesTheBackbone(entry: ZooCase) throws {
    func check(_ model: some Classifier) throws {
      let before = checksums(model)
      let changed = model.replacingHead(outputs: 3, seed: 5)
      let old = Dictionary(uniqueKeysWithValues: model.inventory.cells.map { ($0.path, $0.cell) })
      let cells = changed.inventory.cells
      let backbone = cells.filter { !model.isInHead($0.path) }
      #expect(backbone.count == old.keys.count { !model.isInHead($0) })
      for found in backbone { #expect(old[found.path]?.identity == found.cell.identity, "\(found.path)") }
      let head = cells.filter { model.isInHead($0.path) }
      for path in [model.headPath] + model.auxiliaryHeadPaths {
        #expect(head.contains { $0.cell is Parameter && $0.path.hasPrefix(path + ".") })
      }
      for found in head { #expect(!old.values.contains { $0.identity == found.cell.identity }, "\(found.path)") }
      #expect(checksums(model) == before, "the network itself stays what it was")
      #expect(changed.configuration.outputs == 3 && changed(entry.images()).shape == [3, 3])
      #expect(checksums(model.replacingHead(outputs: 3, seed: 5)) == checksums(changed))
      let isDrawn = changed.parameters.contains {
        model.isInHead($0.path) && $0.shape.count > 1 && $0.initializer != .zeros
      }
      #expect((checksums(model.replacingHead(outputs: 3, seed: 6)) != checksums(changed)) == isDrawn)
      var expected = changed.configuration
      expected.outputs = 7
      #expect(changed.replacingHead(outputs: 7, seed: 1).configuration == expected)
    }
    try check(entry.model())
  }
}
