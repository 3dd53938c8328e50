import AviaryArchives
import AviaryCheckpoints
import Testing

/// What PyTorch files hold besides plain state dictionaries.
@Suite struct PyTorchTests {
  private func read(_ name: String) throws -> Checkpoint { try Checkpoint.read(from: Fixtures.path(name)) }

  @Test func averagedWeightsComeBeforeOthers() throws {
    let checkpoint = try read("ema.pth")
    #expect(checkpoint.metadata.extra["pytorch.key"] == "net_ema")
    #expect(checkpoint["fc.bias"]?.floats() == [0.5, 1])
    #expect(checkpoint.metadata.extra["epoch"] == "4")
    #expect(
      checkpoint.notes.contains { $0.hasPrefix("model: also has tensors; the weights were taken from 'net_ema'") })
    #expect(checkpoint.notes.contains { $0.hasPrefix("optimizer: ") })
    let others = try Checkpoint.read(from: Fixtures.path("ema.pth"), options: .init(weightsKey: "model"))
    #expect(others.metadata.extra["pytorch.key"] == "model" && others["fc.bias"]?.floats() == [1, 2])
    let fault = #expect(throws: CheckpointFault.self) {
      try Checkpoint.read(from: Fixtures.path("ema.pth"), options: .init(weightsKey: "nets"))
    }
    #expect(fault?.description.contains("'nets'") == true)
  }

  /// Arrays of numbers are tensors, in row-major order; texts beside them are not.
  @Test func arraysOfNumPyAreTensors() throws {
    let checkpoint = try read("numpy_arrays.pth")
    #expect(checkpoint.paths == ["w", "b"])
    #expect(checkpoint["w"]?.shape == [3, 2] && checkpoint["w"]?.floats() == [0, 3, 1, 4, 2, 5])
    #expect(checkpoint["b"]?.floats() == [1, 1, 1])
  }

  /// Neither a loss beside the weights nor an average of less than these decides what the weights are.
  @Test func theWeightsAreWhatHasThem() throws {
    let checkpoint = try read("counter_ema.pth")
    #expect(checkpoint.metadata.extra["pytorch.key"] == "state_dict")
    #expect(checkpoint.paths == ["fc.weight", "fc.bias"])
    #expect(checkpoint.notes.contains { $0.hasPrefix("model_ema: ") })
    #expect(checkpoint.metadata.extra["loss"].flatMap { Float($0) } == 0.3)
  }

  @Test func wrappersAreTakenOff() throws {
    let checkpoint = try read("averaged.pth")
    #expect(checkpoint.paths == ["fc.weight", "fc.bias"])
    #expect(checkpoint.metadata.extra["pytorch.key"] == "model.state_dict")
    #expect(checkpoint.metadata.extra["pytorch.prefix"] == "module.")
    #expect(checkpoint.notes == ["n_averaged: the counter of an average, which belongs to no layer"])
  }

  @Test func modulesGiveTheirTensorsAndRunNothing() throws {
    for file in ["module.pth", "module_legacy.pth"] {
      let checkpoint = try read(file)
      #expect(checkpoint.paths == ["steps", "fc.weight", "fc.bias"], "\(file)")
      #expect(checkpoint.metadata.extra["pytorch.module"] == "__main__.Net", "\(file)")
      #expect(checkpoint.notes.contains { $0.hasPrefix("__main__.Net: the code") }, "\(file)")
    }
    let within = try read("module_within.pth")
    #expect(within.paths == ["weight", "bias"])
    #expect(within.metadata.extra["acc"] == "0.5")
  }

  @Test(arguments: [
    ("quantised.pth", "tensor 'fc.weight' is quantized"), ("sparse.pth", "tensor 'fc.weight' is sparse"),
    ("meta.pth", "without data"),
  ]) func tensorsOfOtherKindsAreNamed(file: String, text: String) throws {
    let fault = #expect(throws: CheckpointFault.self) { try read(file) }
    #expect(fault?.description.contains(text) == true, "\(String(describing: fault))")
  }

  @Test(arguments: [
    (["x/archive_format", "x/models/model.json"], "a program of torch.export"),
    (["readme.txt", "run/Model.PTH"], "around 'run/Model.PTH'; unpack it"), (["a.txt"], "without data.pkl"),
  ]) func archivesOfOtherThingsAreNamed(members: [String], text: String) throws {
    try Fixtures.inFolder { folder in
      var writer = ZipWriter()
      for name in members { writer.add(name, ByteRegion([1, 2])) }
      try writeDurably(writer.finished(), to: folder + "/x.zip")
      let fault = #expect(throws: CheckpointFault.self) { try Checkpoint.read(from: folder + "/x.zip") }
      #expect(fault?.description.contains(text) == true, "\(String(describing: fault))")
    }
  }

  @Test func filesOfJoblibAreNamed() throws {
    let name = Array("joblib.numpy_pickle".utf8)
    let bytes = [0x80, 4, 0x8c, UInt8(name.count)] + name + [0x94, 0x0d, 0]
    try Fixtures.inFolder { folder in
      try writeDurably([ByteRegion(bytes)], to: folder + "/x.joblib")
      let fault = #expect(throws: CheckpointFault.self) { try Checkpoint.read(from: folder + "/x.joblib") }
      #expect(fault?.description.contains("a joblib file") == true, "\(String(describing: fault))")
    }
  }

  @Test func tarArchivesAreToldFromOthers() throws {
    let checkpoint = try read("tar.pth")
    #expect(checkpoint.format == .pytorchTar)
    #expect(checkpoint.metadata.extra["epoch"] == "2")
    #expect(checkpoint.paths.first == "layer.weight")
  }

  @Test func viewsShareTheirStorage() throws {
    let checkpoint = try read("zip.pth")
    let first = try #require(checkpoint["shared.first"]?.bytes.pinned)
    let second = try #require(checkpoint["shared.second"]?.bytes.pinned)
    let row = try #require(checkpoint["views.row"]?.bytes.pinned)
    #expect(first.address == second.address)
    #expect(row.address == first.address + 2 * 6 * 4)
  }

  // MARK: Writing

  @Test func whatIsWrittenComesBack() throws {
    try Fixtures.inFolder { folder in
      let checkpoint = WritingTests.sample()
      try checkpoint.write(to: folder + "/x.pth")
      let read = try Checkpoint.read(from: folder + "/x.pth")
      #expect(read.format == .pytorchZip)
      WritingTests.same(checkpoint, read)
      for entry in read.entries { #expect(entry.array.bytes.start % 64 == 0, "\(entry.path)") }
    }
  }

  @Test func everyTypeThatCanBeIsWritten() throws {
    try Fixtures.inFolder { folder in
      for name in ["zip.pth", "rare.pth"] {
        let checkpoint = try read(name)
        if name == "rare.pth" {
          #expect(throws: CheckpointFault.self) { try checkpoint.write(to: folder + "/x.h5") }
        }
        try checkpoint.write(to: folder + "/x.pth")
        WritingTests.same(checkpoint, try Checkpoint.read(from: folder + "/x.pth"))
      }
    }
  }

  @Test func tiedWeightsStayTiedAndViewsStaySmall() throws {
    try Fixtures.inFolder { folder in
      var large = Checkpoint()
      large.set(StoredArray([Float](repeating: 1, count: 100_000), shape: [1000, 100]), at: "all")
      try large.write(to: folder + "/large.pth")
      let all = try #require(try Checkpoint.read(from: folder + "/large.pth")["all"])
      let part = try #require(all.bytes.part(400..<800))
      let row = try #require(StoredArray(dtype: .float32, shape: [100], bytes: part))
      var checkpoint = Checkpoint()
      for name in ["a", "b", "c"] { checkpoint.set(row, at: name) }
      try checkpoint.write(to: folder + "/small.pth")
      let archive = try ZipArchive(try MappedFile(path: folder + "/small.pth").bytes, path: "small.pth")
      #expect(archive.members.filter { $0.name.contains("/data/") }.map(\.size) == [400])
      let read = try Checkpoint.read(from: folder + "/small.pth")
      #expect(read["a"]?.bytes.pinned?.address == read["c"]?.bytes.pinned?.address)
      #expect(read["b"]?.floats() == row.floats())
    }
  }

  @Test func aWrongBitIsFoundUnlessNobodyLooks() throws {
    try Fixtures.inFolder { folder in
      try WritingTests.sample().write(to: folder + "/x.pth")
      var bytes = try MappedFile(path: folder + "/x.pth").bytes.array()
      let place = try #require(try Checkpoint.read(from: folder + "/x.pth")["z.conv.weight"]?.bytes.start)
      bytes[place + 3] ^= 16
      try writeDurably([ByteRegion(bytes)], to: folder + "/bad.pth")
      #expect(
        throws: CheckpointFault.archive(.checksum(path: folder + "/bad.pth", member: "archive/data/0"))
      ) { try Checkpoint.read(from: folder + "/bad.pth") }
      #expect(throws: Never.self) { try Checkpoint.read(from: folder + "/bad.pth", options: .init(verify: false)) }
    }
  }
}

/// Pickles that ask for more than they are.
@Suite struct PickleBombTests {
  /// A legacy file around an object.
  private func read(_ object: [UInt8]) throws -> Checkpoint {
    let magic: [UInt8] = [0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e]
    let bytes = magic + Array("K\u{01}.".utf8) + Array("}.".utf8) + object + Array("].".utf8)
    return try Fixtures.inFolder { folder in
      try writeDurably([ByteRegion(bytes)], to: folder + "/x")
      return try Checkpoint.read(from: folder + "/x")
    }
  }

  private func fault(_ object: [UInt8]) -> CheckpointFault? {
    #expect(throws: CheckpointFault.self) { try read(object) }
  }

  @Test func deepNestingIsRefused() {
    let depth = 200_000
    let lists = [UInt8](repeating: UInt8(ascii: "]"), count: depth)
    let fault = fault([0x80, 2] + lists + [UInt8](repeating: UInt8(ascii: "a"), count: depth - 1) + Array(".".utf8))
    guard case .malformed(_, "the pickle", let reason) = fault else {
      Issue.record("\(String(describing: fault))")
      return
    }
    #expect(reason.contains("nested"))
  }

  @Test func manyReferencesToALargeDictionaryAreRefused() {
    // 20,000 times the same key in one dictionary, to which a list refers 20,000 times.
    var inner = Array("}q\u{00}(".utf8)
    for _ in 0..<20_000 { inner += Array("U\u{01}aN".utf8) }
    inner += Array("u".utf8)
    var object: [UInt8] = [0x80, 2] + inner + Array("0](".utf8)
    for _ in 0..<20_000 { object += Array("h\u{00}".utf8) }
    let fault = fault(object + Array("e.".utf8))
    guard case .malformed(_, "the pickle", let reason) = fault else {
      Issue.record("\(String(describing: fault))")
      return
    }
    #expect(reason.contains("in a cycle"))
  }

  @Test func tooManyValuesAreRefused() {
    var object: [UInt8] = [0x80, 2] + Array("](".utf8)
    object += [UInt8](repeating: UInt8(ascii: "N"), count: PickleGraph.defaultLimit + 100_000)
    guard case .pickle(.tooLarge) = fault(object + Array("e.".utf8)) else {
      Issue.record("no limit")
      return
    }
  }

  @Test func unknownNamesAreOpaque() throws {
    // os.system("true") in a dictionary with nothing else: nothing runs, and there are no tensors.
    let call = Array("}U\u{01}acos\nsystem\nU\u{04}true".utf8) + [0x85] + Array("Rs.".utf8)
    let fault = fault([0x80, 2] + call)
    guard case .noTensors = fault else {
      Issue.record("\(String(describing: fault))")
      return
    }
  }
}
