import AviaryArchives
import AviaryCheckpoints
import AviaryHDF5
import AviaryTestSupport
import Foundation
import Testing

/// Files that lie. Damaged HDF5 has tests of its own, with its reader.
@Suite struct HostileTests {
  private static let files = [
    "zip.pth", "legacy.pth", "bigendian.pth", "training.pth", "all.safetensors", "rare.pth", "module_legacy.pth",
    "tar.pth", "deflated.npz", "fortran.npy",
  ]

  @Test(arguments: files) func everyTruncationIsOneLine(file: String) throws {
    let bytes = try Fixtures.bytes(file)
    try Fixtures.inFolder { folder in
      for length in stride(from: 0, to: bytes.count, by: 29) {
        // A tar archive is whole without the zeros that fill up its last block.
        if file == "tar.pth", bytes[length...].allSatisfy({ $0 == 0 }) { break }
        try Data(bytes[..<length]).write(to: URL(fileURLWithPath: folder + "/x"))
        let fault = #expect(throws: CheckpointFault.self, "\(file) cut to \(length)") {
          try Checkpoint.read(from: folder + "/x")
        }
        #expect(fault?.description.contains("\n") == false)
      }
    }
  }

  @Test(arguments: files) func flippedBitsNeverTrap(file: String) throws {
    let bytes = try Fixtures.bytes(file)
    var generator = TestNumbers(seed: 11)
    try Fixtures.inFolder { folder in
      for round in 0..<400 {
        var damaged = bytes
        for _ in 0...round % 4 {
          let at = Int.random(in: 0..<damaged.count, using: &generator)
          damaged[at] =
            round % 2 == 0
            ? damaged[at] ^ (1 << UInt8.random(in: 0..<8, using: &generator)) : .random(in: 0...255, using: &generator)
        }
        try Data(damaged).write(to: URL(fileURLWithPath: folder + "/x"))
        guard let checkpoint = try? Checkpoint.read(from: folder + "/x") else { continue }
        for entry in checkpoint.entries { _ = entry.array.floats() }
      }
    }
  }

  private func safetensors(_ header: String, _ payload: Int, length: UInt64? = nil) throws -> CheckpointFault? {
    try Fixtures.inFolder { folder in
      let text = Array(header.utf8)
      let size = length ?? UInt64(text.count)
      let bytes =
        (0..<8).map { UInt8(truncatingIfNeeded: size >> ($0 * 8)) } + text + [UInt8](repeating: 0, count: payload)
      try writeDurably([ByteRegion(bytes)], to: folder + "/x")
      do {
        _ = try Checkpoint.read(from: folder + "/x")
        return nil
      } catch let fault as CheckpointFault { return fault }
    }
  }

  @Test func safetensorsAreReadStrictly() throws {
    let good = #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#
    #expect(try safetensors(good, 8) == nil)
    #expect(try safetensors(good + "   ", 8) == nil)
    #expect(
      try safetensors(
        #"{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"b":{"dtype":"I8","shape":[0,9],"data_offsets":[4,4]}}"#,
        4) == nil)
    let bad: [(String, Int)] = [
      (good, 7), (good, 9),
      (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#, 12),
      (
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}"#,
        12
      ),
      (
        #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"#,
        16
      ),
      (#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#, 8),
      (#"{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}"#, 8),
      (#"{"a":{"dtype":"F32","shape":[4611686018427387905,4],"data_offsets":[0,16]}}"#, 16),
      (#"{"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}}"#, 8),
      (#"{"a":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}"#, 8),
      (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#, 8),
      (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}"#, 8),
      (#"{"__metadata__":{"a":1}}"#, 0), (#"{"a":"#, 0), ("{} x", 0), (#"{"a":{"dtype":"F32"}}"#, 0),
      ("{" + String(repeating: #""a":{"#, count: 100_000), 0),
    ]
    for (header, payload) in bad {
      #expect(try safetensors(header, payload) != nil, "\(header.prefix(100))")
    }
    #expect(try safetensors("{}", 0, length: 100_000_001) != nil)
    #expect(try safetensors("{}", 0, length: 3) != nil)
  }

  @Test func aDatasetCannotDeclareWhatIsNotStored() throws {
    let checkpoint = try Checkpoint.read(from: Fixtures.path("bomb.h5"))
    #expect(checkpoint.unreadable.map(\.path) == ["bomb"] && checkpoint.entries.isEmpty)
    #expect(checkpoint.unreadable[0].reason == "refused: it would have \(8 << 30) bytes, the limit is \(4 << 30)")
  }

  @Test func containersInContainersCannotMakeAnEndlessWalk() throws {
    // Sixty dictionaries, each holding the one before twice.
    var object: [UInt8] = [0x80, 2, UInt8(ascii: "}"), UInt8(ascii: "q"), 0]
    func entry(_ key: Character, _ value: UInt8) -> [UInt8] {
      [UInt8(ascii: "U"), 1, key.asciiValue ?? 0, UInt8(ascii: "h"), value, UInt8(ascii: "s")]
    }
    for level in 1...60 as ClosedRange<UInt8> {
      object += [UInt8(ascii: "}"), UInt8(ascii: "q"), level] + entry("a", level - 1) + entry("b", level - 1)
    }
    object.append(UInt8(ascii: "."))
    let magic: [UInt8] = [0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e]
    let bytes = magic + Array("\u{4b}\u{01}.".utf8) + Array("}.".utf8) + object + Array("].".utf8)
    try Fixtures.inFolder { folder in
      try writeDurably([ByteRegion(bytes)], to: folder + "/x")
      let fault = #expect(throws: CheckpointFault.self) { try Checkpoint.read(from: folder + "/x") }
      guard case .malformed(_, "the pickle", _) = fault else {
        Issue.record("\(String(describing: fault))")
        return
      }
    }
  }

  @Test func aViewCannotAskForEndlessMemory() throws {
    // A view with stride 0, which stays inside its storage of three elements, and 2³¹ − 1 rows.
    let bytes = try Fixtures.bytes("views.pkl")
    try Fixtures.inFolder { folder in
      try writeDurably([ByteRegion(bytes)], to: folder + "/x")
      let fault = #expect(throws: CheckpointFault.self) { try Checkpoint.read(from: folder + "/x") }
      guard case .tooLarge = fault else {
        Issue.record("\(String(describing: fault))")
        return
      }
    }
  }
}
