import Aviary
import AviaryTestSupport
import Foundation
import Testing

/// Files of which a tensor cannot be read: it is in another file.
@Suite struct UnreadableTests {
  private static let file = PackageRoot.url.appendingPathComponent("Tests/CheckpointsTests/Goldens/plain.h5").path

  @Test func verifyNamesTheFirst() throws {
    let how = "external: it is a dataset stored in other files; 2 more objects cannot be read"
    expectFault(try BuiltTool.run(["verify", Self.file]), how)
  }

  @Test func convertRefusesUnlessEachIsAllowed() throws {
    let scratch = try ScratchFolder()
    let arguments = ["convert", Self.file, scratch / "out.safetensors"]
    expectFault(try BuiltTool.run(arguments), "external: it is a dataset stored", "--allow-missing 'external'")
    let some = ["--allow-missing", "external", "--allow-missing", "outside"]
    expectFault(try BuiltTool.run(arguments + some), "virtual: it is a virtual dataset")
    #expect(scratch.names.isEmpty)
    let outcome = try BuiltTool.run(arguments + some + ["--allow-missing", "virtual"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    let result = try Checkpoint.read(from: scratch / "out.safetensors")
    #expect(result.entries.count == 9 && result["soft"]?.floats() == result["big"]?.floats())
  }

  /// What was not read is neither the same nor averaged.
  @Test func diffAndAverageSayThatTheyDoNotKnow() throws {
    let outcome = try BuiltTool.run(["diff", Self.file, Self.file])
    #expect(outcome.status == 2 && outcome.output == "no difference in what could be read\n")
    #expect(outcome.errors.contains("external: it is a dataset stored in other files; 2 more objects"))
    let json = try BuiltTool.run(["diff", Self.file, Self.file, "--json"])
    #expect(try JSONValue(parsing: json.output.utf8)["same"] == .boolean(false))
    let scratch = try ScratchFolder()
    expectFault(
      try BuiltTool.run(["average", Self.file, Self.file, "--output", scratch / "out.npz"]), "external: it is")
    #expect(scratch.names.isEmpty)
  }

  /// A tensor of a kind that is not supported costs the others nothing.
  @Test func aSparseTensorIsOneOfThem() throws {
    let file = PackageRoot.url.appendingPathComponent("Tests/CheckpointsTests/Goldens/pickles/left_out.pth").path
    let scratch = try ScratchFolder()
    let arguments = ["convert", file, scratch / "out.safetensors"]
    expectFault(try BuiltTool.run(arguments), "sparse: is sparse", "to_dense()", "--allow-missing 'sparse'")
    #expect(try BuiltTool.run(arguments + ["--allow-missing", "sparse"]).status == 0)
    #expect(try Checkpoint.read(from: scratch / "out.safetensors").paths == ["w"])
  }

  @Test func inspectListsThemAsFields() throws {
    let outcome = try BuiltTool.run(["inspect", Self.file, "--json"])
    let list = try #require(try JSONValue(parsing: outcome.output.utf8)["unreadable"]?.elements)
    #expect(list.compactMap { $0["path"]?.text } == ["external", "outside", "virtual"])
    #expect(list.first?["reason"]?.text == "it is a dataset stored in other files")
  }
}
