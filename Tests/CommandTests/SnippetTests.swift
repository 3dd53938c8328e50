import AviaryTestSupport
import Foundation
import Testing

/// Runs the programs in `Snippets/`. A snippet checks its own results, and its exit status tells whether they are right.
/// Exceptions are listed below.
@Suite struct SnippetTests {
  /// Needs a folder of photographs and a checkpoint, and has a test of its own.
  static let onlyBuilt: Set = ["FineTune"]
  /// Arguments of those that need some, relative to the root of the package.
  static let arguments = ["ListHDF5": ["Tests/HDF5Tests/Goldens/dense.h5"]]

  static let names: [String] = {
    let folder = PackageRoot.url.appendingPathComponent("Snippets").path
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return files.filter { $0.hasSuffix(".swift") }.map { String($0.dropLast(6)) }.sorted()
  }()

  @Test(arguments: names) func snippetSucceeds(_ name: String) throws {
    let program = BuiltTool.path(of: name)
    #expect(FileManager.default.isExecutableFile(atPath: program), "\(program)")
    guard !Self.onlyBuilt.contains(name) else { return }
    let scratch = try ScratchFolder()
    let arguments = (Self.arguments[name] ?? []).map { PackageRoot.url.appendingPathComponent($0).path }
    let outcome = try BuiltTool.run(arguments, of: program, in: scratch.path, seconds: 300)
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(!outcome.output.isEmpty)
  }

  @Test func snippetsAreFound() { #expect(Self.names.contains("FineTune") && Self.names.contains("ListHDF5")) }

  /// Registers a network of its own, trains it on arrays, is interrupted, and goes on to the same weights bit for bit.
  @Test func aNetworkOfOnesOwnIsTrainedAndResumed() throws {
    let outcome = try BuiltTool.snippet("OwnNetwork")
    #expect(outcome.status == 0, "\(outcome.errors)")
    #expect(outcome.lines.last?.hasPrefix("spiral: test accuracy") == true)
  }

  @Test func itsCommandsKnowTheNetwork() throws {
    let list = try BuiltTool.snippet("OwnNetwork", ["models"])
    #expect(list.status == 0 && list.lines.contains { $0.hasPrefix("spiral") } && list.output.contains("resnet18"))
    let tree = try BuiltTool.snippet("OwnNetwork", ["models", "spiral"])
    #expect(tree.status == 0 && tree.output.contains("fc1: Linear"))
    #expect(try BuiltTool.run(["models", "spiral"]).status == 1, "nobody else's do")
  }

  /// README's sample, followed by `aviary predict` on the file that it writes.
  @Test func theSampleOfREADMEWritesWhatPredictTakes() throws {
    let scratch = try ScratchFolder()
    try ToyFiles.images(at: scratch / "PHOTOS")
    try ToyFiles.checkpoint().write(to: scratch / "squeezenet.h5")
    let outcome = try BuiltTool.run([], of: BuiltTool.path(of: "FineTune"), in: scratch.path, seconds: 300)
    #expect(outcome.status == 0 && outcome.lines.last?.hasPrefix("epoch 5, loss") == true, "\(outcome.errors)")
    let photograph = try #require(
      FileManager.default.subpaths(atPath: scratch / "PHOTOS")?.sorted().first {
        ["png", "jpg", "ppm"].contains($0.suffix(3))
      })
    let predicted = try BuiltTool.run(
      ["predict", scratch / "classifier.h5", scratch / "PHOTOS/\(photograph)", "--json"])
    #expect(predicted.status == 0, "\(predicted.errors)")
    let predictions = try #require(try predicted.json()["predictions"] as? [[String: Any]])
    let classes = try #require(predictions[0]["classes"] as? [[String: Any]])
    let folders = try FileManager.default.contentsOfDirectory(atPath: scratch / "PHOTOS/train")
    #expect(Set(classes.compactMap { $0["name"] as? String }) == Set(folders))
    let readme = try String(contentsOf: PackageRoot.url.appendingPathComponent("README.md"), encoding: .utf8)
    let snippet = try String(
      contentsOf: PackageRoot.url.appendingPathComponent("Snippets/FineTune.swift"), encoding: .utf8)
    #expect(readme.contains(snippet), "README shows the snippet as it is")
  }
}
