import AviaryArchives
import AviaryCheckpoints
import Foundation
import Testing

/// Checkpoints in several files, and those of NumPy.
@Suite struct ShardTests {
  private func read(_ index: String, besides files: [String] = []) throws -> Checkpoint {
    try Fixtures.inFolder { folder in
      for file in files {
        try FileManager.default.copyItem(atPath: Fixtures.path("shards/" + file), toPath: folder + "/" + file)
      }
      try Data(index.utf8).write(to: URL(fileURLWithPath: folder + "/index.json"))
      return try Checkpoint.read(from: folder + "/index.json")
    }
  }

  @Test func orderAndNumberAreTheIndexes() throws {
    let checkpoint = try Checkpoint.read(from: Fixtures.path("shards/pytorch_model.bin.index.json"))
    #expect(checkpoint.paths == ["fc.weight", "fc.bias"])
    #expect(checkpoint.metadata.extra["shards"] == "2")
    #expect(checkpoint.format == .pytorchZip)
  }

  @Test(arguments: [
    "../model.safetensors", "/etc/passwd", "a/b", "..", ".", "", #"C:\\x"#, #"..\\x"#, #"a\u0000b"#,
  ]) func noNameLeadsOutOfTheFolder(name: String) throws {
    let fault = #expect(throws: CheckpointFault.self) { try read(#"{"weight_map": {"a": "\#(name)"}}"#) }
    guard case .malformed(_, "weight_map", _) = fault else {
      Issue.record("\(String(describing: fault))")
      return
    }
  }

  @Test func whatIsMissingIsNamed() throws {
    let first = "model-00001-of-00002.safetensors"
    let missing = #expect(throws: CheckpointFault.self) {
      try read(#"{"weight_map": {"fc.weight": "\#(first)", "b": "gone.safetensors"}}"#, besides: [first])
    }
    #expect(missing?.description.contains("gone.safetensors: no such file") == true)
    let tensor = #expect(throws: CheckpointFault.self) {
      try read(#"{"weight_map": {"fc.other": "\#(first)"}}"#, besides: [first])
    }
    #expect(tensor?.description.contains("'fc.other'") == true)
    #expect(tensor?.description.contains(first) == true)
    let rest = try read(#"{"weight_map": {"fc.weight": "\#(first)"}}"#, besides: [first])
    #expect(rest.paths == ["fc.weight"])
  }

  @Test func anIndexIsNoPartOfAnIndex() throws {
    #expect(throws: CheckpointFault.self) { try read(#"{"weight_map": {"a": "index.json"}}"#) }
    for other in ["{}", "{", #"{"weight_map": 3}"#, #"{"weight_map": {}}"#, #"{"weight_map": {"a": 1}}"#] {
      #expect(throws: CheckpointFault.self, "\(other)") { try read(other) }
    }
  }
}

@Suite struct NumPyFileTests {
  @Test(arguments: ["stored.npz", "deflated.npz"]) func whatIsNoNumberIsNamed(file: String) throws {
    let checkpoint = try Checkpoint.read(from: Fixtures.path(file))
    #expect(checkpoint.format == .numPyArchive)
    for name in ["text", "objects", "dates"] {
      #expect(checkpoint.notes.contains { $0.hasPrefix(name + ": ") }, "\(name)")
    }
  }

  @Test func objectsAloneAreRefused() throws {
    let fault = #expect(throws: CheckpointFault.self) { try Checkpoint.read(from: Fixtures.path("objects.npz")) }
    #expect(fault?.description.contains("labels: holds Python objects") == true)
  }

  @Test func whatIsWrittenComesBack() throws {
    try Fixtures.inFolder { folder in
      let checkpoint = try Checkpoint.read(from: Fixtures.path("stored.npz"))
      try checkpoint.write(to: folder + "/x.npz")
      let read = try Checkpoint.read(from: folder + "/x.npz")
      WritingTests.same(checkpoint, read)
      for entry in read.entries { #expect(entry.array.bytes.start % 64 == 0, "\(entry.path)") }
      let half = checkpoint.cast(to: .bfloat16)
      #expect(throws: CheckpointFault.self) { try half.write(to: folder + "/x.npz") }
    }
  }
}

/// Every public PyTorch file is read and converted, or refused for the reason that stands here.
@Suite struct PublicFileTests {
  private static let refused = [
    "broken/resnet18-f37072fd.truncated-580kB.pth": "the directory at its end is missing"
  ]

  private static let files: [String] = {
    let folder = Fixtures.shared + "checkpoints-pytorch"
    let all = FileManager.default.subpaths(atPath: folder) ?? []
    var isFolder: ObjCBool = false
    return all.filter { name in
      FileManager.default.fileExists(atPath: folder + "/" + name, isDirectory: &isFolder) && !isFolder.boolValue
        && !name.hasSuffix(".tsv")
    }.sorted()
  }()

  @Test(.enabled(if: Fixtures.hasShared, Fixtures.noShared)) func theFilesAreThere() {
    #expect(Self.files.count >= 29)
  }

  @Test(.enabled(if: Fixtures.hasShared, Fixtures.noShared), arguments: files)
  func isReadAndConvertedOrRefused(file: String) throws {
    let path = Fixtures.shared + "checkpoints-pytorch/" + file
    if let reason = Self.refused[file] {
      let fault = #expect(throws: CheckpointFault.self) { try Checkpoint.read(from: path) }
      #expect(fault?.description.contains(reason) == true)
      return
    }
    let checkpoint = try Checkpoint.read(from: path)
    try Fixtures.inFolder { folder in
      for output in ["x.h5", "x.safetensors", "x.pth"] {
        try checkpoint.write(to: folder + "/" + output)
        let read = try Checkpoint.read(from: folder + "/" + output)
        #expect(CheckpointDifference(checkpoint, read).isEmpty, "\(output)")
        #expect(checkpoint.entries.allSatisfy { read[$0.path]?.dtype == $0.array.dtype }, "\(output)")
      }
    }
  }
}
