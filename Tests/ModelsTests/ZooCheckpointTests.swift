import AviaryArchives
import AviaryCheckpoints
import AviaryLayers
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryModels

/// Networks into files and out of them.
@Suite struct ZooCheckpointTests {
  @Test(arguments: ZooCase.families, [nil, 3])
  func aCheckpointGivesTheSameLogits(entry: ZooCase, classes: Int?) throws {
    func check(_ model: some Classifier) throws {
      _ = step(model, entry.images())
      let file = FileManager.default.temporaryDirectory.appending(path: "aviary-\(UUID().uuidString).h5").path
      defer { try? FileManager.default.removeItem(atPath: file) }
      try model.checkpoint(architecture: entry.name).write(to: file)
      let loaded = try Registry.zoo.classifier(from: try Checkpoint.read(from: file), path: file)
      #expect(loaded.architecture.name == entry.name)
      #expect(loaded.model.configurationValue == model.configurationValue)
      #expect(checksums(loaded.model) == checksums(model))
      #expect(loaded.model(entry.images()).scalars == model(entry.images()).scalars)
      #expect(loaded.report.loaded.count == model.cellDescriptions.count && !loaded.report.headAbsent)
    }
    let model = try entry.model()
    if let classes {
      try check(model.replacingHead(outputs: classes, seed: 2))
    } else {
      try check(model)
    }
  }

  /// A normalisation's epsilon and momentum go into the file and come back, so that a file with others means what it says.
  @Test(arguments: ["h5", "safetensors"]) func settingsOfNormsAreInTheFile(suffix: String) throws {
    let model = try Registry.zoo.architecture(named: "resnet-toy").buildClassifier()
    model.initialize(seed: 1)
    var checkpoint = model.checkpoint(architecture: "resnet-toy")
    #expect(checkpoint.metadata.settings["bn1.epsilon"] == 1e-5 && checkpoint.metadata.settings["bn1.momentum"] == 0.1)
    #expect(checkpoint.metadata.settings.count == 2 * model.cellDescriptions.count { $0.path.hasSuffix("running_var") })
    checkpoint.metadata.settings["bn1.epsilon"] = 0.5
    let file = FileManager.default.temporaryDirectory.appending(path: "aviary-\(UUID().uuidString).\(suffix)").path
    defer { try? FileManager.default.removeItem(atPath: file) }
    try checkpoint.write(to: file)
    let read = try Checkpoint.read(from: file)
    #expect(read.metadata.settings == checkpoint.metadata.settings)
    #expect(
      CheckpointDifference(read, model.checkpoint(architecture: "resnet-toy")).otherSettings == ["bn1.epsilon"])
    let loaded = try Registry.zoo.classifier(from: read, path: file).model
    let x = Tensor(normal: 0, deviation: 1, stream: RandomStream(seed: 1, purpose: "x"), shape: [1, 3, 64, 64])
    #expect(loaded(x).scalars != model(x).scalars)
    #expect(loaded.checkpoint(architecture: "resnet-toy").metadata.settings == checkpoint.metadata.settings)
    #expect(loaded.copy()(x).scalars == loaded(x).scalars)
    for (name, value) in [("bn1.epsilon", -1), ("bn1.epsilon", .nan), ("conv1.epsilon", 1e-5)] {
      var wrong = checkpoint
      wrong.metadata.settings[name] = value
      let before = checksums(model)
      #expect(throws: CheckpointFault.self) { try model.load(wrong) }
      #expect(checksums(model) == before)
    }
  }

  @Test(arguments: ZooCase.families)
  func aHeadlessCheckpointLoadsAndIsReported(entry: ZooCase) throws {
    func check(_ model: some Classifier) throws {
      var headless = Checkpoint()
      for cell in model.checkpoint(architecture: entry.name).entries where !cell.path.hasPrefix(model.headPath + ".") {
        headless.set(cell.array, at: cell.path)
      }
      let other = model.copy()
      other.initialize(seed: 9)
      let report = try other.load(headless, seed: 4)
      #expect(report.headAbsent && report.loaded.count == headless.entries.count)
      let fresh = model.copy()
      // The file has the auxiliary heads.
      fresh.initialize(seed: 4) { $0.hasPrefix(model.headPath + ".") }
      #expect(checksums(other) == checksums(fresh))
    }
    try check(entry.model())
  }

  @Test(arguments: ZooCase.families)
  func loadingIsAllOrNothing(entry: ZooCase) throws {
    func check(_ model: some Classifier) throws {
      let whole = model.checkpoint(architecture: entry.name)
      let target = model.copy()
      target.initialize(seed: 8)
      let before = checksums(target)
      func refuses(_ checkpoint: Checkpoint, _ isExpected: (CheckpointFault) -> Bool) throws {
        let fault = try #require(throws: CheckpointFault.self) { try target.load(checkpoint) }
        #expect(isExpected(fault), "\(fault)")
        #expect(checksums(target) == before)
      }
      func report(_ fault: CheckpointFault) -> LoadReport? {
        if case .mismatch(_, let report) = fault { report } else { nil }
      }
      var renamed = Checkpoint()
      for cell in whole.entries { renamed.set(cell.array, at: "module." + cell.path) }
      try refuses(renamed) { if case .nothingMatched = $0 { true } else { false } }

      let victim = try #require(whole.entries.first).path
      var missing = Checkpoint()
      for cell in whole.entries.dropFirst() { missing.set(cell.array, at: cell.path) }
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
        var expected = checksums(model)
        expected[victim] = before[victim]
        #expect(checksums(target) == expected)
      }
    }
    try check(entry.model())
  }
}
