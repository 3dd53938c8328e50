import Aviary
import AviaryArchives
import AviaryHDF5
import AviaryHDF5Writing
import AviaryTestSupport
import Foundation
import Testing

/// External links are followed on request, and never out of the file's folder.
@Suite struct FollowTests {
  /// A file whose `an external link` is `/x` in `other.h5`.
  private static let file = PackageRoot.url.appendingPathComponent("Tests/HDF5Tests/Goldens/types_latest.h5").path

  private static func other(_ path: String) throws {
    let content = HDF5Item.Content.dataset(
      type: .float(bytes: 4), shape: [3], bytes: ByteRegion(floats: [1, 2, 3.5]))
    try HDF5Writer.write([HDF5Item(path: "x", content: content)], to: path)
  }

  @Test func aLinkIsFollowedOnRequest() throws {
    let scratch = try ScratchFolder()
    try FileManager.default.copyItem(atPath: Self.file, toPath: scratch / "a.h5")
    try Self.other(scratch / "other.h5")
    expectFault(
      try BuiltTool.run(["verify", scratch / "a.h5"]), "an external link: it is an external link to '/x'", "--follow")
    let verified = try BuiltTool.run(["verify", scratch / "a.h5", "--follow"])
    // What is left to be said is that some numbers of the file are not finite.
    expectFault(verified, "not finite")
    let report = try BuiltTool.run(
      ["inspect", scratch / "a.h5", "--follow", "--tensor", "an external link", "--json"])
    #expect(try JSONValue(parsing: report.output.utf8)["first_values"]?.serialized == "[1.0,2.0,3.5]")
    let converted = try BuiltTool.run(["convert", "a.h5", "a.safetensors", "--follow"], in: scratch.path)
    #expect(converted.status == 0, "\(converted.errors)")
    #expect(try Checkpoint.read(from: scratch / "a.safetensors")["an external link"]?.floats() == [1, 2, 3.5])
  }

  @Test func noLinkLeadsOutOfTheFolder() throws {
    let scratch = try ScratchFolder()
    try FileManager.default.createDirectory(atPath: scratch / "in", withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: Self.file, toPath: scratch / "in/a.h5")
    let outside = "names a file that is not in the folder"
    expectFault(try BuiltTool.run(["verify", scratch / "in/a.h5", "--follow"]), "an external link", outside)
    // A symbolic link to a file elsewhere is one, too.
    try Self.other(scratch / "other.h5")
    try FileManager.default.createSymbolicLink(atPath: scratch / "in/other.h5", withDestinationPath: "../other.h5")
    expectFault(try BuiltTool.run(["verify", scratch / "in/a.h5", "--follow"]), "an external link", outside)
    for name in ["../other.h5", "/etc/passwd", "", "a/../../other.h5", "a.h5\0"] {
      let folder = try #require(NeighbouringFile.folder(of: scratch / "in/a.h5"))
      #expect(NeighbouringFile.path(named: name, beside: scratch / "in/a.h5", within: folder) == nil, "\(name)")
    }
  }

  /// A file that links to itself: what it lists is bounded.
  @Test func aCircleEnds() throws {
    let scratch = try ScratchFolder()
    try FileManager.default.copyItem(atPath: Self.file, toPath: scratch / "a.h5")
    try FileManager.default.createSymbolicLink(atPath: scratch / "other.h5", withDestinationPath: "a.h5")
    expectFault(try BuiltTool.run(["verify", scratch / "a.h5", "--follow"]), "an external link", "does not exist")
  }

  /// Datasets that are parts of a file beside theirs.
  @Test func virtualDatasetsAreFollowedOnRequest() throws {
    let folder = PackageRoot.url.appendingPathComponent("Tests/HDF5Tests/Goldens/follow").path
    let scratch = try ScratchFolder()
    try FileManager.default.copyItem(atPath: folder + "/latest.h5", toPath: scratch / "a.h5")
    expectFault(try BuiltTool.run(["verify", scratch / "a.h5"]), "blocks: it is a virtual dataset", "--follow")
    let alone = try BuiltTool.run(["convert", "a.h5", "a.npz", "--follow"], in: scratch.path)
    expectFault(alone, "'packed' in 'parts.h5'", "not in the folder of the file")
    try FileManager.default.copyItem(atPath: folder + "/parts.h5", toPath: scratch / "parts.h5")
    let verified = try BuiltTool.run(["verify", scratch / "a.h5", "--follow"])
    #expect(verified.status == 0, "\(verified.errors)")
    let converted = try BuiltTool.run(["convert", "a.h5", "a.npz", "--follow"], in: scratch.path)
    #expect(converted.status == 0, "\(converted.errors)")
    let array = try Checkpoint.read(from: scratch / "a.npz")["strided"]
    let same = try BuiltTool.run(["diff", "a.h5", "a.npz", "--follow"], in: scratch.path)
    #expect(!same.output.contains("frames"), "\(same.output)")
    let mean = try BuiltTool.run(["average", "a.h5", "a.h5", "--output", "mean.npz", "--follow"], in: scratch.path)
    #expect(mean.status == 0, "\(mean.errors)")
    #expect(array?.shape == [5, 4])
    #expect(try #require(array?.floats()).prefix(4) == [1, 4, 7, 10])
  }
}
