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

  /// Parts of a weight in several files, and names as a wrapper wrote them into the index.
  @Test func whatIsComputedOrWrappedIsReadAsFromOneFile() throws {
    try Fixtures.inFolder { folder in
      func write(_ tensors: [(String, [Float], [Int])], _ file: String) throws {
        var part = Checkpoint()
        for (name, values, shape) in tensors { part.set(StoredArray(values, shape: shape), at: name) }
        try part.write(to: folder + "/" + file)
      }
      func read(_ map: [String: String]) throws -> Checkpoint {
        let entries = map.sorted { $0.key < $1.key }.map { #""\#($0.key)": "\#($0.value)""# }.joined(separator: ", ")
        try Data(#"{"weight_map": {\#(entries)}}"#.utf8).write(to: URL(fileURLWithPath: folder + "/index.json"))
        return try Checkpoint.read(from: folder + "/index.json")
      }
      try write([("fc.weight_g", [10], [1, 1])], "a.safetensors")
      try write([("fc.weight_v", [3, 4], [1, 2])], "b.safetensors")
      let computed = try read(["fc.weight_g": "a.safetensors", "fc.weight_v": "b.safetensors"])
      #expect(computed.paths == ["fc.weight"])
      #expect(computed["fc.weight"]?.floats() == [6, 8])
      try write([("module.fc._orig_mod.weight", [1, 2], [2])], "a.pth")
      try write([("module.fc.bias", [3], [1])], "b.pth")
      let wrapped = try read(["module.fc._orig_mod.weight": "a.pth", "module.fc.bias": "b.pth"])
      #expect(Set(wrapped.paths) == ["fc.weight", "fc.bias"])
      #expect(wrapped["fc.bias"]?.floats() == [3])
    }
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
