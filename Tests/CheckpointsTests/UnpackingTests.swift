import AviaryArchives
import AviaryCheckpoints
import AviaryHDF5
import AviaryHDF5Writing
import Foundation
import Testing

/// Tensors that are compressed: unpacked at once, or when they are asked for.
@Suite struct UnpackingTests {
  private static let numbers = (0..<4096).map { Float($0 % 251) }

  /// A file with one tensor that deflate packs, and one that it packs a thousandfold.
  private static func write(_ path: String) throws {
    let packed = HDF5Item.Content.dataset(type: .float(bytes: 4), shape: [64, 64], bytes: ByteRegion(floats: numbers))
    let zeros = HDF5Item.Content.dataset(
      type: .float(bytes: 4), shape: [24, 1 << 16], bytes: ByteRegion(zeroed: 6 << 20) { _ in })
    try HDF5Writer.write(
      [
        HDF5Item(path: "packed", content: packed, filters: .deflate(), chunk: [16, 64]),
        HDF5Item(path: "zeros", content: zeros, filters: .deflate(), chunk: [4, 1 << 16]),
      ], to: path)
  }

  @Test(arguments: [0, 20_000, Int.max]) func whatIsNotKeptIsUnpackedWhenItIsAskedFor(limit: Int) throws {
    try Fixtures.inFolder { folder in
      try Self.write(folder + "/x.h5")
      let read = try Checkpoint.read(from: folder + "/x.h5", options: .init(unpacking: .now(keeping: limit)))
      #expect(read["packed"]?.floats() == Self.numbers)
      #expect(read["zeros"]?.shape == [24, 1 << 16])
      #expect(read["zeros"]?.sum() == 0)
      let turned = try #require(read["packed"]?.cast(to: .float16).cast(to: .float32))
      #expect(turned.floats() == Self.numbers)
      // Written to a file, they are the same again.
      for name in ["y.h5", "y.safetensors", "y.pth", "y.npz"] {
        try read.write(to: folder + "/" + name)
        let again = try Checkpoint.read(from: folder + "/" + name)
        #expect(again["packed"]?.floats() == Self.numbers, "\(name)")
        #expect(again["zeros"]?.bytes.count == 6 << 20, "\(name)")
      }
    }
  }

  @Test func aListingUnpacksNothing() throws {
    try Fixtures.inFolder { folder in
      try Self.write(folder + "/x.h5")
      var bytes = try MappedFile(path: folder + "/x.h5").bytes.array()
      // zlib's header, of any level, begins the first chunk.
      let chunk = try #require(
        (0..<bytes.count - 40).first { bytes[$0] == 0x78 && [0x01, 0x5e, 0x9c, 0xda].contains(bytes[$0 + 1]) })
      for index in chunk + 2..<chunk + 40 { bytes[index] = 0xff }
      try Data(bytes).write(to: URL(fileURLWithPath: folder + "/x.h5"))
      let listed = try Checkpoint.read(from: folder + "/x.h5", options: .init(unpacking: .whenUsed))
      #expect(listed.paths == ["packed", "zeros"])
      #expect(listed["packed"]?.shape == [64, 64] && listed["packed"]?.count == 4096)
      #expect(throws: CheckpointFault.self) { try listed["packed"]?.check() }
      #expect(throws: Never.self) { try listed["zeros"]?.check() }
      // What is to be used is unpacked, or at least checked, when it is read.
      for limit in [0, Int.max] {
        #expect(throws: CheckpointFault.self) {
          try Checkpoint.read(from: folder + "/x.h5", options: .init(unpacking: .now(keeping: limit)))
        }
      }
      let checked = try Checkpoint.read(from: folder + "/x.h5", options: .init(unpacking: .never))
      #expect(throws: CheckpointFault.self) { try checked.check() }
    }
  }

  /// A file that is read in pieces: what is cut off after it was opened is told, and not taken for zeros.
  @Test func aFileThatShrinksIsAFault() throws {
    try Fixtures.inFolder { folder in
      var checkpoint = Checkpoint()
      checkpoint.set(StoredArray([Float](repeating: 1, count: 3 << 20), shape: [3 << 20]), at: "a")
      for name in ["x.h5", "x.safetensors", "x.npz", "x.pth"] {
        try checkpoint.write(to: folder + "/" + name)
        let read = try Checkpoint.read(from: folder + "/" + name, options: .init(unpacking: .never))
        #expect(throws: Never.self) { try read.check() }
        #expect(truncate(folder + "/" + name, 1 << 20) == 0)
        do throws(CheckpointFault) {
          try read.check()
          Issue.record("\(name): a file cut short is whole")
        } catch {
          guard case .archive(.truncated) = error else {
            Issue.record("\(name): \(error)")
            continue
          }
        }
      }
    }
  }
}
