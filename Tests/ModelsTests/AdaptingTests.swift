import AviaryCheckpoints
import AviaryModels
import Foundation
import Testing

@Suite struct AdaptingTests {
  private static func foreign(classes: Int, prefix: String = "", without: String? = nil) throws -> Checkpoint {
    let architecture = try Registry.zoo.architecture(named: "resnet-toy")
    let model = try architecture.build().replacingHead(outputs: classes, seed: 1)
    model.initialize(seed: 1)
    var result = Checkpoint()
    for entry in model.checkpoint(architecture: "").entries {
      if let without, entry.path.hasPrefix(without) { continue }
      result.set(entry.array, at: prefix + entry.path)
    }
    return result
  }

  @Test func takesTheNumberOfClassesFromTheHead() throws {
    let architecture = try Registry.zoo.architecture(named: "resnet-toy")
    let adaptation = Adaptation(renames: [try RenamingRule(#"^module\.="#)])
    let (checkpoint, report) = try Self.foreign(classes: 7, prefix: "module.")
      .adapted(to: architecture, by: adaptation, path: "f.pth")
    #expect(report.isComplete && !checkpoint.metadata.headAbsent)
    let model = try Registry.zoo.model(from: checkpoint, path: "f.pth").model
    #expect(model.configuration.outputs == 7)
  }

  @Test func aHeadThatIsAbsentIsSaid() throws {
    let architecture = try Registry.zoo.architecture(named: "resnet-toy")
    let source = try Self.foreign(classes: 5, without: "fc.")
    let (checkpoint, _) = try source.adapted(to: architecture, path: "f.pth")
    #expect(checkpoint.metadata.headAbsent)
    // Allowing the head to be missing does not hide that it is.
    let allowed = Adaptation(allowing: [try .missing("fc")])
    #expect(try source.adapted(to: architecture, by: allowed, path: "f.pth").checkpoint.metadata.headAbsent)
  }

  @Test func anotherShapeElsewhereIsAFault() throws {
    var source = try Self.foreign(classes: 7)
    source.set(StoredArray([Float](repeating: 0, count: 9), shape: [9]), at: "bn1.bias")
    let architecture = try Registry.zoo.architecture(named: "resnet-toy")
    #expect(throws: CheckpointFault.self) { try source.adapted(to: architecture, path: "f.pth") }
  }

  @Test func kerasSqueezeNetRoundsDown() throws {
    let squeezeNet = try Registry.zoo.architecture(named: "squeezenet1_1")
    #expect(squeezeNet.keras?.configuration == [.init("poolRounding", .text("down"))])
    #expect(try Registry.zoo.architecture(named: "resnet18").keras == nil)
  }
}

@Suite struct WeightsFolderTests {
  private let path: String

  init() throws {
    path = NSTemporaryDirectory() + "/aviary-weights-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path + "/bin", withIntermediateDirectories: true)
  }

  private func write(_ text: String, to name: String) throws {
    try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name))
  }

  @Test func isFoundWhereItMayLie() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    try write(#"{"weights": []}"#, to: "manifest.json")
    func find(_ given: String?, _ environment: [String: String], _ executable: String) throws -> String? {
      try WeightsFolder.find(given: given, environment: environment, executable: executable)?.path
    }
    #expect(try find(path, ["AVIARY_WEIGHTS": "/none"], "/none/aviary") == path)
    #expect(try find(nil, ["AVIARY_WEIGHTS": path], "/none/aviary") == path)
    #expect(try find(nil, [:], "/none/aviary") == nil)
    #expect(throws: WeightsFault.noManifest(path: "/none")) { try find("/none", [:], "/none/aviary") }
    // Beside the executable, and at the root of the package that it was built in.
    try FileManager.default.createDirectory(atPath: path + "/Weights", withIntermediateDirectories: true)
    try write(#"{"weights": []}"#, to: "Weights/manifest.json")
    #expect(try find(nil, [:], path + "/aviary") == path + "/Weights")
    #expect(try find(nil, [:], path + "/bin/aviary") == nil)
    try write("", to: "Package.swift")
    #expect(try find(nil, [:], path + "/bin/aviary") == path + "/Weights")
  }

  @Test(arguments: [
    ("{", "at byte"), ("[]", "no list"), (#"{"weights": [{"name": "a"}]}"#, "without name, file or architecture"),
    (#"{"weights": [{"name": "a", "file": "../a.h5", "architecture": "b"}]}"#, "not the name of a file"),
  ]) func refusesABadManifest(_ text: String, _ words: String) throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    try write(text, to: "manifest.json")
    do {
      _ = try WeightsFolder(path)
      Issue.record("accepted \(text)")
    } catch {
      #expect("\(error)".contains(words))
    }
  }

  @Test func aFileOfAnotherSizeIsRefused() throws {
    defer { try? FileManager.default.removeItem(atPath: path) }
    try write(
      #"{"weights": [{"name": "a", "file": "a.h5", "architecture": "b", "bytes": 4}]}"#, to: "manifest.json")
    #expect(throws: WeightsFault.missingFile(name: "a", path: path + "/a.h5")) {
      try WeightsFolder.checkpointPath("a", given: path)
    }
    try write("12345", to: "a.h5")
    #expect(throws: WeightsFault.wrongSize(path: path + "/a.h5", bytes: 5, expected: 4)) {
      try WeightsFolder.checkpointPath("a", given: path)
    }
    try write("1234", to: "a.h5")
    #expect(try WeightsFolder.checkpointPath("a", given: path) == path + "/a.h5")
  }
}
