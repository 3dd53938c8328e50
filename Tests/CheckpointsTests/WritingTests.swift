import AviaryArchives
import AviaryCheckpoints
import AviaryHDF5
import Foundation
import Testing

@Suite struct WritingTests {
  static func sample() -> Checkpoint {
    var checkpoint = Checkpoint()
    checkpoint.set(StoredArray((0..<24).map { Float($0) / 7 }, shape: [2, 3, 4]), at: "z.conv.weight")
    checkpoint.set(StoredArray([1, 2] as [Float], shape: [2]), at: "z.bn.running_var")
    checkpoint.set(StoredArray([5] as [Int64], shape: []), at: "z.bn.num_batches_tracked")
    checkpoint.set(StoredArray([Float](), shape: [0, 3]), at: "a.empty")
    checkpoint.set(StoredArray([0.1, -0.2] as [Float], shape: [2]).cast(to: .bfloat16), at: "a.bfloat")
    checkpoint.metadata.architecture = "toy"
    checkpoint.metadata.configuration = .members(["width": .integer(3)])
    checkpoint.metadata.classes = (0..<20_000).map { "class \"\($0)\" ü" }
    checkpoint.metadata.preprocessing = .members(["size": .integer(224)])
    checkpoint.metadata.metrics = ["accuracy": 0.5]
    checkpoint.metadata.licence = "CC0"
    checkpoint.metadata.provenance = "made here"
    checkpoint.metadata.frozen = ["layer1", "**"]
    checkpoint.metadata.headAbsent = true
    checkpoint.metadata.extra = ["note": "more", "format": "a name that collides with nothing"]
    return checkpoint
  }

  static func same(_ first: Checkpoint, _ second: Checkpoint, ordered: Bool = true) {
    if ordered { #expect(first.paths == second.paths) }
    #expect(first.metadata == second.metadata)
    for entry in first.entries {
      #expect(second[entry.path]?.dtype == entry.array.dtype, "\(entry.path)")
      #expect(second[entry.path]?.shape == entry.array.shape, "\(entry.path)")
      #expect(second[entry.path]?.bytes.array() == entry.array.bytes.array(), "\(entry.path)")
    }
  }

  @Test(arguments: [true, false]) func aviaryFilesComeBackWhole(map: Bool) throws {
    try Fixtures.inFolder { folder in
      var checkpoint = Self.sample()
      checkpoint.trainingState = .init(
        optimizer: [
          "z.conv.weight": .init(
            step: 7,
            arrays: ["m": StoredArray([1] as [Float], shape: [1]), "v": StoredArray([2] as [Float], shape: [1])]),
          "a.bfloat": .init(step: 0, arrays: [:]),
        ], averages: ["a.bfloat": StoredArray([3] as [Float], shape: [1])],
        state: .members(["seed": .number("18446744073709551615")]))
      try checkpoint.write(to: folder + "/x.h5")
      let read = try Checkpoint.read(from: folder + "/x.h5", options: .init(map: map))
      #expect(read.format == .aviary)
      Self.same(checkpoint, read)
      let training = try #require(read.trainingState)
      #expect(training.state == .members(["seed": .number("18446744073709551615")]))
      #expect(training.averages["a.bfloat"]?.floats() == [3] && training.averages.count == 1)
      #expect(Set(training.optimizer.keys) == ["z.conv.weight", "a.bfloat"])
      #expect(training.optimizer["a.bfloat"]?.step == 0)
      let slots = try #require(training.optimizer["z.conv.weight"])
      #expect(slots.step == 7)
      #expect(slots.arrays["m"]?.floats() == [1])
      #expect(slots.arrays["v"]?.floats() == [2])
      // Written again it is the same file, byte for byte.
      try read.write(to: folder + "/y.h5")
      let first = try MappedFile(path: folder + "/x.h5").bytes.array()
      let second = try MappedFile(path: folder + "/y.h5").bytes.array()
      #expect(first == second)
    }
  }

  @Test func mappedTensorsLieInTheFile() throws {
    try Fixtures.inFolder { folder in
      try Self.sample().write(to: folder + "/x.h5")
      let read = try Checkpoint.read(from: folder + "/x.h5")
      for entry in read.entries where entry.array.count > 0 {
        #expect(entry.array.bytes.start % 64 == 0, "\(entry.path)")
        #expect(try #require(entry.array.bytes.pinned).address % 64 == 0, "\(entry.path)")
      }
    }
  }

  @Test func everyFlippedBitOfATensorIsFound() throws {
    try Fixtures.inFolder { folder in
      try Self.sample().write(to: folder + "/x.h5")
      let whole = try MappedFile(path: folder + "/x.h5").bytes.array()
      let weight = try #require(try Checkpoint.read(from: folder + "/x.h5")["z.conv.weight"])
      for bit in [0, 5, 8 * weight.bytes.count - 1] {
        var damaged = whole
        damaged[weight.bytes.start + bit / 8] ^= 1 << UInt8(bit % 8)
        try writeDurably([ByteRegion(damaged)], to: folder + "/bad.h5")
        let fault = #expect(throws: CheckpointFault.self) { try Checkpoint.read(from: folder + "/bad.h5") }
        guard case .checksum(_, "z.conv.weight", _, _) = fault else {
          Issue.record("\(String(describing: fault))")
          continue
        }
        #expect(throws: Never.self) { try Checkpoint.read(from: folder + "/bad.h5", options: .init(verify: false)) }
      }
    }
  }

  @Test func safetensorsComeBackWhole() throws {
    try Fixtures.inFolder { folder in
      try Self.sample().write(to: folder + "/x.safetensors")
      let read = try Checkpoint.read(from: folder + "/x.safetensors")
      #expect(read.format == .safetensors)
      Self.same(Self.sample(), read, ordered: false)
      let half = Self.sample().cast(to: .float16)
      try half.write(to: folder + "/half.safetensors")
      Self.same(half, try Checkpoint.read(from: folder + "/half.safetensors"), ordered: false)
    }
  }

  @Test(arguments: ["", "a..b", "a/b", ".a", "a.", "a b", "a\nb", "a\0b"]) func forbiddenNames(name: String) throws {
    try Fixtures.inFolder { folder in
      var checkpoint = Checkpoint()
      checkpoint.set(StoredArray([1] as [Float], shape: []), at: name)
      let fault = #expect(throws: CheckpointFault.self) { try checkpoint.write(to: folder + "/x.h5") }
      guard case .forbiddenName(_, name, _) = fault else {
        Issue.record("\(String(describing: fault))")
        return
      }
      let left = try FileManager.default.contentsOfDirectory(atPath: folder)
      #expect(left.isEmpty)
    }
  }

  @Test func aTensorCannotContainAnother() throws {
    var checkpoint = Checkpoint()
    checkpoint.set(StoredArray([1] as [Float], shape: []), at: "a.b.c")
    checkpoint.set(StoredArray([1] as [Float], shape: []), at: "a")
    #expect(throws: CheckpointFault.self) { try checkpoint.write(to: "/tmp/never-written.h5") }
    #expect(throws: CheckpointFault.unknownOutput(path: "x.bin")) { try checkpoint.write(to: "x.bin") }
  }

  @Test func statisticsAndIntegersKeepTheirType() {
    let half = Self.sample().cast(to: .float16)
    #expect(half["z.conv.weight"]?.dtype == .float16)
    #expect(half["z.bn.running_var"]?.dtype == .float32)
    #expect(half["z.bn.num_batches_tracked"]?.dtype == .int64)
    #expect(half["z.conv.weight"]?.shape == [2, 3, 4])
  }
}
