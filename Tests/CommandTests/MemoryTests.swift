import AviaryArchives
import AviaryHDF5
import AviaryHDF5Writing
import Foundation
import Testing

/// What a file costs does not depend on how well it is packed, nor on its size.
@Suite struct MemoryTests {
  /// Runs the tool with a limit of `megabytes` on the memory that it may write to.
  private static func run(_ arguments: [String], megabytes: Int) throws -> BuiltTool.Outcome {
    let script = "ulimit -d \(megabytes * 1024); exec \"$0\" \"$@\""
    return try BuiltTool.run(["-c", script, BuiltTool.path] + arguments, of: "/bin/sh")
  }

  /// A listing of datasets that were never written, whose values take 1.4 GB, and of one that deflate packed a thousandfold.
  @Test func aListingTakesNoMemoryForTensors() throws {
    let scratch = try ScratchFolder()
    let packed = HDF5Item.Content.dataset(
      type: .float(bytes: 4), shape: [96, 1 << 20], bytes: ByteRegion(zeroed: 384 << 20) { _ in })
    try HDF5Writer.write(
      [HDF5Item(path: "packed", content: packed, filters: .deflate(1), chunk: [1, 1 << 20])], to: scratch / "x.h5")
    let listed = try Self.run(["inspect", scratch / "x.h5"], megabytes: 200)
    #expect(listed.status == 0, "\(listed.errors)")
    #expect(listed.output.contains("402,653,184 bytes"))
    // Checked and converted one after another, it is never there as a whole.
    let verified = try Self.run(["verify", scratch / "x.h5"], megabytes: 250)
    #expect(verified.status == 0, "\(verified.errors)")
  }

  @Test(arguments: ["x.safetensors", "x.h5"]) func aLargeFileIsVerifiedInPieces(name: String) throws {
    let scratch = try ScratchFolder()
    let size = 384 << 20
    if name.hasSuffix(".h5") {
      let plain = HDF5Item.Content.dataset(
        type: .integer(bytes: 1, signed: false), shape: [size], bytes: ByteRegion(zeroed: size) { _ in })
      try HDF5Writer.write([HDF5Item(path: "a", content: plain)], to: scratch / name)
    } else {
      let header = Array(#"{"a":{"dtype":"U8","shape":[\#(size)],"data_offsets":[0,\#(size)]}}"#.utf8)
      try Data([UInt8(header.count), 0, 0, 0, 0, 0, 0, 0] + header).write(to: URL(fileURLWithPath: scratch / name))
      #expect(truncate(scratch / name, off_t(8 + header.count + size)) == 0)
    }
    let verified = try Self.run(["verify", scratch / name], megabytes: 250)
    #expect(verified.status == 0, "\(verified.errors)")
    #expect(verified.output.contains("ok"))
  }
}
