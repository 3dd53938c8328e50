import AviaryArchives
import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryModels

/// What every network of the zoo does.
@Suite struct ZooTests {
  static let names = Zoo.architectures.map(\.name)

  func images(_ count: Int = 2, channels: Int = 3, side: Int = 64, seed: UInt64 = 1) -> Tensor {
    var numbers = TestNumbers(seed: seed)
    return Tensor(numbers.floats(count * channels * side * side), shape: [count, channels, side, side])
  }

  func model(_ name: String, seed: UInt64 = 1) throws -> any Classifier {
    let model = try Zoo.architecture(named: name).buildClassifier(input: [3, 64, 64])
    model.initialize(seed: seed)
    return model
  }

  /// The checksums of all values of a model, by path.
  func values(_ model: any Classifier) -> [String: UInt32] {
    Dictionary(
      uniqueKeysWithValues: model.checkpoint(architecture: "").entries.map { ($0.path, $0.array.bytes.crc32c()) })
  }

  func step(_ model: some Classifier, _ x: Tensor) -> Gradients {
    valueWithGradients(of: model, noise: Noise(seed: 1, step: 1)) {
      crossEntropy(model(x), labels: IntTensor((0..<x.shape[0]).map { Int32($0 % model.configuration.classes) }))
    }.gradients
  }

  @Test(arguments: names)
  func makesLogitsAndLearnsWithEveryParameter(name: String) throws {
    func check(_ model: some Classifier) throws {
      let x = images()
      #expect(model(x).shape == [2, model.configuration.classes])
      #expect(model.features(x).shape[0] == 2)
      #expect(model.head(model.features(x)).scalars == model(x).scalars)
      let gradients = step(model, x)
      #expect(gradients.byVariable.count == model.parameters.count)
      for parameter in model.parameters {
        let gradient = try #require(gradients[parameter], "\(parameter.path) has no gradient")
        #expect(gradient.shape == parameter.shape)
        let norm = gradient.sumOfSquares
        #expect(norm.isFinite && norm > 0, "\(parameter.path): \(norm)")
      }
    }
    try check(model(name))
    try check(model(name).replacingHead(classes: 3, seed: 2))
  }

  @Test func theFrozenSetIsSavedAndRestored() throws {
    let network = try model("resnet-toy")
    network.freezeBackbone()
    let restored = try Zoo.classifier(from: network.checkpoint(architecture: "resnet-toy"), path: "memory").model
    #expect(restored.isBackboneFrozen)
    #expect(restored.trainableParameters.map(\.path) == ["fc.weight", "fc.bias"])
    try network.freeze(["layer2.*.conv1", "bn1.weight"])
    #expect(network.frozenPaths.sorted() == ["bn1.weight", "layer2.0.conv1", "layer2.1.conv1"])
    let thawed = try Zoo.classifier(from: network.checkpoint(architecture: "resnet-toy"), path: "memory").model
    #expect(thawed.frozenPaths == network.frozenPaths)
  }

  @Test(arguments: names)
  func copyIsDeep(name: String) throws {
    func check(_ model: some Classifier) throws {
      _ = step(model, images())
      model.freezeBackbone()
      let copy = model.copy()
      #expect(values(copy) == values(model))
      #expect(copy(images()).scalars == model(images()).scalars)
      #expect(copy.isBackboneFrozen)
      let own = Set(model.inventory.cells.map { ObjectIdentifier($0.cell) })
      #expect(own.isDisjoint(with: copy.inventory.cells.map { ObjectIdentifier($0.cell) }))
      let before = values(model)
      try copy.freeze([])
      #expect(model.isBackboneFrozen, "a copy has a frozen set of its own")
      _ = step(copy, images(seed: 2))
      for parameter in copy.parameters { parameter.assign(parameter.tensor * 2) }
      #expect(values(model) == before)
      #expect(values(copy) != before)
    }
    try check(model(name))
  }

  @Test(arguments: names)
  func aNewHeadSharesTheBackbone(name: String) throws {
    func check(_ model: some Classifier) throws {
      let before = values(model)
      let changed = model.replacingHead(classes: 3, seed: 5)
      let prefix = model.headPath + "."
      let old = Dictionary(uniqueKeysWithValues: model.inventory.cells.map { ($0.path, $0.cell) })
      let cells = changed.inventory.cells
      let backbone = cells.filter { !$0.path.hasPrefix(prefix) }
      #expect(backbone.count == old.keys.count { !$0.hasPrefix(prefix) })
      for entry in backbone { #expect(old[entry.path] === entry.cell, "\(entry.path)") }
      let head = cells.filter { $0.path.hasPrefix(prefix) }
      #expect(head.contains { $0.cell is Parameter })
      for entry in head { #expect(!old.values.contains { $0 === entry.cell }, "\(entry.path)") }
      #expect(values(model) == before, "the network itself stays what it was")
      #expect(changed.configuration.classes == 3 && changed(images()).shape == [2, 3])
      #expect(values(model.replacingHead(classes: 3, seed: 5)) == values(changed))
      #expect(values(model.replacingHead(classes: 3, seed: 6)) != values(changed))
      var expected = changed.configuration
      expected.classes = 7
      #expect(changed.replacingHead(classes: 7, seed: 1).configuration == expected)
    }
    try check(model(name))
  }

  @Test(arguments: names, [nil, 3])
  func aCheckpointGivesTheSameLogits(name: String, classes: Int?) throws {
    func check(_ model: some Classifier) throws {
      _ = step(model, images())
      let file = FileManager.default.temporaryDirectory.appending(path: "aviary-\(UUID().uuidString).h5").path
      defer { try? FileManager.default.removeItem(atPath: file) }
      try model.checkpoint(architecture: name).write(to: file)
      let loaded = try Zoo.classifier(from: try Checkpoint.read(from: file), path: file)
      #expect(loaded.architecture.name == name)
      #expect(loaded.model.configurationText == model.configurationText)
      #expect(values(loaded.model) == values(model))
      #expect(loaded.model(images()).scalars == model(images()).scalars)
      #expect(loaded.report.loaded.count == model.cellDescriptions.count && !loaded.report.headAbsent)
    }
    let model = try model(name)
    if let classes {
      try check(model.replacingHead(classes: classes, seed: 2))
    } else {
      try check(model)
    }
  }

  @Test(arguments: names)
  func aHeadlessCheckpointLoadsAndIsReported(name: String) throws {
    func check(_ model: some Classifier) throws {
      var headless = Checkpoint()
      for entry in model.checkpoint(architecture: name).entries where !entry.path.hasPrefix(model.headPath + ".") {
        headless.set(entry.array, at: entry.path)
      }
      let other = model.copy()
      other.initialize(seed: 9)
      let report = try other.load(headless, seed: 4)
      #expect(report.headAbsent && report.loaded.count == headless.entries.count)
      let fresh = model.copy()
      fresh.initializeHead(seed: 4)
      #expect(values(other) == values(fresh))
    }
    try check(model(name))
  }

  @Test(arguments: names)
  func loadingIsAllOrNothing(name: String) throws {
    func check(_ model: some Classifier) throws {
      let whole = model.checkpoint(architecture: name)
      let target = model.copy()
      target.initialize(seed: 8)
      let before = values(target)
      func refuses(_ checkpoint: Checkpoint, _ isExpected: (CheckpointFault) -> Bool) throws {
        let fault = try #require(throws: CheckpointFault.self) { try target.load(checkpoint) }
        #expect(isExpected(fault), "\(fault)")
        #expect(values(target) == before)
      }
      func report(_ fault: CheckpointFault) -> LoadReport? {
        if case .mismatch(_, let report) = fault { report } else { nil }
      }
      var renamed = Checkpoint()
      for entry in whole.entries { renamed.set(entry.array, at: "module." + entry.path) }
      try refuses(renamed) { if case .nothingMatched = $0 { true } else { false } }

      let victim = try #require(whole.entries.first).path
      var missing = Checkpoint()
      for entry in whole.entries.dropFirst() { missing.set(entry.array, at: entry.path) }
      try refuses(missing) { report($0)?.missing == [victim] }
      var unexpected = whole
      unexpected.set(StoredArray([1, 2] as [Float], shape: [2]), at: "extra.weight")
      try refuses(unexpected) { report($0)?.unexpected == ["extra.weight"] }
      var misshapen = whole
      misshapen.set(StoredArray([1, 2] as [Float], shape: [2]), at: victim)
      try refuses(misshapen) { report($0)?.mismatched.map(\.path) == [victim] }

      // What is allowed to be missing, or to have another shape, keeps its value.
      for (checkpoint, allowance) in [
        (missing, try Allowance.missing(victim)), (misshapen, try Allowance.mismatched(victim)),
      ] {
        target.initialize(seed: 8)
        try target.load(checkpoint, allowing: [allowance], seed: 3)
        var expected = values(model)
        expected[victim] = before[victim]
        #expect(values(target) == expected)
      }
    }
    try check(model(name))
  }

  static let refused: [(architecture: String, configuration: String, name: String)] = [
    ("resnet18", #"{"blocks":[2,2,2],"widths":[8,8,8,8],"inputChannels":3,"classes":5}"#, "stages"),
    ("resnet18", #"{"blocks":[2,2,2,0],"widths":[8,8,8,8],"inputChannels":3,"classes":5}"#, "blocks"),
    ("resnet18", #"{"blocks":[2,2,2,99],"widths":[8,8,8,8],"inputChannels":3,"classes":5}"#, "blocks"),
    ("resnet18", #"{"blocks":[2,2,2,2],"widths":[8,8,8,8,8],"inputChannels":3,"classes":5}"#, "widths"),
    ("resnet18", #"{"blocks":[2,2,2,2],"widths":[8,8,-8,8],"inputChannels":3,"classes":5}"#, "widths"),
    ("resnet18", #"{"blocks":[2,2,2,2],"widths":[8,8,8,8],"inputChannels":3,"classes":0}"#, "classes"),
    ("resnet18", #"{"blocks":[2,2,2,2],"widths":[8,8,8,8],"inputChannels":0,"classes":5}"#, "inputChannels"),
    (
      "squeezenet1_1",
      #"{"poolRounding":"up","divisor":3,"head":"linear","dropout":0,"inputChannels":3,"classes":5}"#, "divisor"
    ),
    (
      "squeezenet1_1",
      #"{"poolRounding":"up","divisor":1,"head":"linear","dropout":1,"inputChannels":3,"classes":5}"#, "dropout"
    ),
    (
      "squeezenet1_1",
      #"{"poolRounding":"up","divisor":1,"head":"linear","dropout":-0.5,"inputChannels":3,"classes":5}"#, "dropout"
    ),
    (
      "squeezenet-toy",
      #"{"poolRounding":"up","divisor":8,"head":"linear","dropout":0,"inputChannels":3,"classes":-1}"#, "classes"
    ),
  ]

  @Test(arguments: refused)
  func configurationsThatDescribeNoNetworkAreRefused(
    architecture: String, configuration: String, name: String
  ) throws {
    let known = try Zoo.architecture(named: architecture)
    let fault = try #require(throws: ArchitectureFault.self) { try known.buildClassifier(configuration: configuration) }
    guard case .refused(architecture, .outOfRange(name, _, _)) = fault else {
      Issue.record("\(fault)")
      return
    }
    #expect(!fault.description.contains("\n"))
  }

  @Test(arguments: names, ["", "{", "[]", "{}", #"{"classes":"many"}"#, #"{"blocks":[1e99,2,2,2]}"#])
  func whatIsNoConfigurationIsRefused(name: String, text: String) throws {
    let known = try Zoo.architecture(named: name)
    #expect(throws: ArchitectureFault.badConfiguration(architecture: name, text: text)) {
      try known.buildClassifier(configuration: text)
    }
  }

  static let floor =
    #"{"poolRounding":"down","divisor":8,"head":"convolution","dropout":0,"inputChannels":3,"classes":5}"#

  @Test(arguments: names.map { ($0, nil, 17) } + [("squeezenet-toy", floor, 31)])
  func theSmallestInputWorksAndSmallerOnesAreRefused(name: String, configuration: String?, least: Int) throws {
    let known = try Zoo.architecture(named: name)
    let model = try known.buildClassifier(configuration: configuration, input: [3, least, least])
    model.initialize(seed: 1)
    #expect(model(images(side: least)).scalars.allSatisfy { $0.isFinite })
    for input in [[3, least - 1, least], [3, least, least - 1], [3, 0, 0]] {
      let fault = try #require(throws: ArchitectureFault.self) {
        try known.buildClassifier(configuration: configuration, input: input)
      }
      guard case .refused(name, .inputTooSmall(_, Array(input.dropFirst()), least)) = fault else {
        Issue.record("\(fault)")
        continue
      }
    }
    let row = try #require(throws: ArchitectureFault.self) { try known.buildClassifier(input: [3]) }
    guard case .refused(name, .wrongInput(_, [3], _)) = row else {
      Issue.record("\(row)")
      return
    }
    let grey = try #require(throws: ArchitectureFault.self) { try known.buildClassifier(input: [1, 64, 64]) }
    guard case .refused(name, .wrongChannels(_, 1, 3)) = grey else {
      Issue.record("\(grey)")
      return
    }
  }

  @Test func unknownNamesAreRefusedWithThoseThereAre() throws {
    #expect(throws: ArchitectureFault.unknown(name: "resnet19", known: Self.names)) {
      try Zoo.architecture(named: "resnet19")
    }
    #expect(Set(Self.names).count == Self.names.count)
    #expect(throws: ArchitectureFault.unnamed) { try Zoo.classifier(from: Checkpoint(), path: "x.h5") }
  }
}
