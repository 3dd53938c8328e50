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

  /// Files of DINO, MoCo, BYOL and of averages hold a network twice.
  @Test(
    arguments: [
      ("teacher.backbone.", "student.backbone.", "teacher.head.mlp.0.weight", false),
      ("encoder_q.", "encoder_k.", "encoder_q.fc.0.weight", true), ("encoder_q.", "encoder_k.", "queue", true),
      ("online_encoder.net.", "target_encoder.net.", "online_predictor.net.0.weight", false),
      ("module.", "ema.", nil, false), ("net.model.", "net.ema_model.", nil, false),
    ] as [(String, String, String?, Bool)])
  func ofTwoCopiesTheOneInUseIsTaken(used: String, other: String, extra: String?, isProjecting: Bool) throws {
    let architecture = try Registry.zoo.architecture(named: "resnet-toy")
    var source = Checkpoint()
    for entry in try Self.foreign(classes: 3, prefix: used).entries { source.set(entry.array, at: entry.path) }
    for entry in try Self.foreign(classes: 3, prefix: other).entries {
      source.set(StoredArray([Float](repeating: 9, count: entry.array.count), shape: entry.array.shape), at: entry.path)
    }
    if let extra { source.set(StoredArray([Float](repeating: 1, count: 6), shape: [2, 3]), at: extra) }
    let (checkpoint, report) = try source.adapted(to: architecture, path: "f.pth")
    let own = try Self.foreign(classes: 3)
    #expect(report.isComplete && checkpoint.metadata.headAbsent == isProjecting)
    for path in checkpoint.paths { #expect(checkpoint[path]?.floats() == own[path]?.floats(), "\(path)") }
    let said = try #require(checkpoint.notes.first { $0.hasPrefix("two copies of a network") })
    #expect(said.contains("are those of '\(used.split(separator: ".")[0])") && said.contains(" takes those)"))
  }

  @Test func copiesAreChosenByTheirKey() throws {
    let path = NSTemporaryDirectory() + "/aviary-copies-\(UUID().uuidString).pth"
    defer { try? FileManager.default.removeItem(atPath: path) }
    var source = Checkpoint()
    for (prefix, value) in [("module.encoder_q.", 1), ("module.encoder_k.", 2)] as [(String, Float)] {
      source.set(StoredArray([value], shape: [1]), at: prefix + "conv.bias")
    }
    source.set(StoredArray([3 as Float], shape: [1]), at: "module.queue")
    try source.write(to: path)
    #expect(try Checkpoint.read(from: path).entries.count == 3, "nobody has chosen")
    let chosen = try Checkpoint.read(from: path, options: .init(weightsKey: "encoder_k"))
    #expect(chosen.paths == ["conv.bias"] && chosen["conv.bias"]?.floats() == [2])
    #expect(chosen.notes.contains("the weights were taken from 'module.encoder_k'; 2 other tensors were not"))
    #expect(throws: CheckpointFault.self) {
      try Checkpoint.read(from: path, options: .init(weightsKey: "teacher"))
    }
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
