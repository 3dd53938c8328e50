import Foundation
import Testing

/// `aviary NAME` runs the program `aviary-NAME` beside it.
@Suite struct CompanionProgramTests {
  private let folder: ScratchFolder
  private let aviary: String

  init() throws {
    folder = try ScratchFolder()
    aviary = folder / "aviary"
    try FileManager.default.copyItem(atPath: BuiltTool.path, toPath: aviary)
  }

  private func program(_ name: String, _ script: String, permissions: Int = 0o755) throws {
    let path = try folder.write("#!/bin/sh\n" + script, to: name)
    try FileManager.default.setAttributes([.posixPermissions: permissions], ofItemAtPath: path)
  }

  @Test func argumentsOutputAndStatusAreTheCompanions() throws {
    try program("aviary-hello", #"printf '%s|' "$@"; echo problem >&2; exit 7"#)
    let outcome = try BuiltTool.run(["hello", "a b", "--json", ""], of: aviary)
    #expect(outcome.status == 7)
    #expect(outcome.output == "a b|--json||")
    #expect(outcome.errors == "problem\n")
  }

  @Test func ownSubcommandsComeFirst() throws {
    try program("aviary-models", "echo wrong")
    try program("aviary-help", "echo wrong")
    #expect(try BuiltTool.run(["models"], of: aviary).output.contains("resnet18"))
    #expect(try BuiltTool.run(["help"], of: aviary).output.contains("SUBCOMMANDS"))
  }

  @Test func anAbsentCompanionIsNamed() throws {
    try program("aviary-text", "echo wrong", permissions: 0o644)
    try FileManager.default.createDirectory(atPath: folder / "aviary-folder", withIntermediateDirectories: true)
    for name in ["serve", "text", "folder"] {
      let outcome = try BuiltTool.run([name, "checkpoint.h5"], of: aviary)
      #expect(outcome.status == 64 && outcome.output.isEmpty)
      #expect(outcome.errors.contains("'\(name)' is not a command; no program was found at \(folder.path)/aviary-"))
    }
  }

  /// A word with a slash does not leave the folder.
  @Test func onlyNamesAreLookedUp() throws {
    try program("aviary-a", "echo wrong")
    try FileManager.default.createDirectory(atPath: folder / "aviary-b", withIntermediateDirectories: true)
    let outcome = try BuiltTool.run(["b/../aviary-a"], of: aviary)
    #expect(outcome.status == 64 && outcome.output.isEmpty)
  }

  @Test func benchIsACompanion() throws {
    let outcome = try BuiltTool.run(["bench", "mlp-train", "--steps", "1", "--warmup", "0", "--json"])
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(try outcome.json()["workload"] as? String == "mlp-train")
  }
}
