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

  @Test func inspectListsThemAsFields() throws {
    let outcome = try BuiltTool.run(["inspect", Self.file, "--json"])
    let list = try #require(try JSONValue(parsing: outcome.output.utf8)["unreadable"]?.elements)
    #expect(list.compactMap { $0["path"]?.text } == ["external", "outside", "virtual"])
    #expect(list.first?["reason"]?.text == "it is a dataset stored in other files")
  }
}
