import AviaryCheckpoints
import AviaryDiagnostics
import AviaryTestSupport
import Foundation
import Testing

/// Names that are equal only by Unicode's canonical equivalence are two names.
@Suite struct ExactNameTests {
  private static let names = ["caf\u{e9}.weight", "cafe\u{301}.weight", "K.weight", "\u{212a}.weight"]

  private func example() -> Checkpoint {
    var checkpoint = Checkpoint()
    for (index, name) in Self.names.enumerated() {
      checkpoint.set(StoredArray([Float(index)], shape: [1]), at: name)
    }
    return checkpoint
  }

  private func expectAll(_ checkpoint: Checkpoint, _ file: String) {
    #expect(checkpoint.paths.count == Self.names.count, "\(file)")
    for (index, name) in Self.names.enumerated() {
      #expect(checkpoint[name]?.floats() == [Float(index)], "\(file): \(name)")
    }
    #expect(Set(checkpoint.paths.map { ExactText($0) }) == Set(Self.names.map { ExactText($0) }), "\(file)")
  }

  @Test(arguments: ["a.pth", "a.safetensors", "a.npz"]) func survive(file: String) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("exact-names-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let path = folder.appendingPathComponent(file).path
    try example().write(to: path)
    expectAll(try Checkpoint.read(from: path), file)
  }

  @Test func renamingAndMatchingKeepThemApart() throws {
    let renamed = try example().renamed(by: [try RenamingRule("caf\u{e9}=tea")])
    #expect(renamed["tea.weight"]?.floats() == [0])
    #expect(renamed["cafe\u{301}.weight"]?.floats() == [1])
    let cells = [CellDescription(path: "caf\u{e9}.weight", shape: [1], role: .parameter)]
    var file = Checkpoint()
    file.set(StoredArray([1] as [Float], shape: [1]), at: "caf\u{e9}.weight")
    file.set(StoredArray([2] as [Float], shape: [1]), at: "cafe\u{301}.weight")
    let fault = #expect(throws: CheckpointFault.self) { try file.match(cells: cells) }
    guard case .mismatch(_, let report) = try #require(fault) else { return }
    #expect(report.unexpected.map { ExactText($0) } == [ExactText("cafe\u{301}.weight")])
    let allowed: Set<Allowance> = [try .unexpected("cafe\u{301}")]
    #expect(try file.match(cells: cells, allowing: allowed).arrays["caf\u{e9}.weight"]?.floats() == [1])
    #expect(throws: CheckpointFault.self) { try file.match(cells: cells, allowing: [.unexpected("caf\u{e9}")]) }
  }

  @Test func jsonMembersAreTwo() throws {
    let json = try JSONValue(parsing: #"{"K":1,"\u212a":2}"#)
    #expect(json["K"]?.integer == 1 && json["\u{212a}"]?.integer == 2)
  }

  @Test(arguments: [
    ("version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer"),
    (" \n<!DOCTYPE html><html>", "HTML page"), ("<HTML><body>", "HTML page"), ("<?xml version='1.0'?>", "XML"),
    ("MATLAB 5.0 MAT-file, Platform: GLNXA64", "MATLAB 5"), ("\u{8}\u{7}\u{12}\u{7}pytorch", "ONNX"),
    ("\u{8}\u{1}\u{12}\u{3}xxxxxxxxxxxx*\u{7}\n\u{5}serve", "SavedModel"), ("GGUF\u{3}", "GGUF"), ("BZh9", "bzip2"),
  ]) func filesThatAreNoCheckpointsAreCalledWhatTheyAre(text: String, name: String) throws {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).pth")
    defer { try? FileManager.default.removeItem(at: path) }
    try Data(text.utf8).write(to: path)
    let fault = #expect(throws: CheckpointFault.self) { try Checkpoint.read(from: path.path) }
    guard case .unsupported(_, let what) = try #require(fault) else {
      Issue.record("\(String(describing: fault))")
      return
    }
    #expect(what.contains(name))
  }
}
