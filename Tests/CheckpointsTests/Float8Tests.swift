import AviaryArchives
import AviaryCheckpoints
import Testing

/// The types of 8 bits, against all that PyTorch makes of their 256 patterns.
@Suite struct Float8Tests {
  static let names = ["float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu"]

  private func read(_ name: String) throws -> Checkpoint { try Checkpoint.read(from: Fixtures.path(name)) }

  @Test(arguments: names) func everyPatternIsPyTorchsNumber(name: String) throws {
    let checkpoint = try read("float8.pth")
    let array = try #require(checkpoint[name + ".bits"])
    #expect(array.dtype.rawValue == name && array.dtype.isFloat8 && array.dtype.isReal && array.shape == [256])
    let expected = try #require(checkpoint[name + ".values"]?.floats())
    let found = try #require(array.floats())
    #expect(expected.count == 256 && found.count == 256)
    for (pattern, (a, b)) in zip(found, expected).enumerated() {
      #expect(a.bitPattern == b.bitPattern || a.isNaN && b.isNaN, "\(name) \(pattern): \(a), PyTorch \(b)")
    }
    // As another type they are the same numbers, and statistics are to be had.
    #expect(array.cast(to: .float32).floats()?.filter { !$0.isNaN } == expected.filter { !$0.isNaN })
    #expect(ArrayStatistics(array)?.maximum == expected.filter(\.isFinite).max().map(Double.init))
  }

  @Test func formatsThatHaveThemKeepThem() throws {
    let checkpoint = try read("float8.pth")
    try Fixtures.inFolder { folder in
      for name in ["x.pth", "x.safetensors"] {
        try checkpoint.write(to: folder + "/" + name)
        WritingTests.same(
          checkpoint, try Checkpoint.read(from: folder + "/" + name), ordered: name == "x.pth")
      }
      for (name, types) in [("x.h5", "f32, f16 or bf16"), ("x.npz", "f32 or f16")] {
        do {
          try checkpoint.write(to: folder + "/" + name)
          Issue.record("\(name) has no such types")
        } catch {
          #expect("\(error)".contains("float8_") && "\(error)".hasSuffix("with --dtype \(types)"), "\(error)")
        }
      }
      try checkpoint.cast(to: .float32).write(to: folder + "/x.h5")
      let back = try Checkpoint.read(from: folder + "/x.h5")
      #expect(back["float8_e5m2.bits"]?.dtype == .float32)
    }
  }

  @Test func aMeanOfThemIsRefused() throws {
    let checkpoint = try read("float8.safetensors")
    #expect(throws: CheckpointFault.self) { try Checkpoint.average([("a", checkpoint), ("b", checkpoint)]) }
  }
}
