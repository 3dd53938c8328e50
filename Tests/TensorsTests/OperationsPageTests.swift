import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

/// The page of operations beside PyTorch's names: what it shows is compiled, and runs.
@Suite struct OperationsPageTests {
  @Test func examplesRun() { runOperationExamples() }

  @Test func everyExampleIsCompiled() throws {
    func lines(_ path: String) throws -> [String] {
      try String(contentsOf: PackageRoot.url.appendingPathComponent(path), encoding: .utf8)
        .split(separator: "\n").map(String.init)
    }
    let compiled = Set(
      try ["TensorsTests", "LinearAlgebraTests"].flatMap { try lines("Tests/\($0)/OperationExamples.swift") }.map {
        let line = $0.trimmingCharacters(in: .whitespaces)
        return line.hasPrefix("_ = ") ? String(line.dropFirst(4)) : line
      })
    let rows = try lines("Sources/Aviary/Aviary.docc/Operations.md").filter { $0.hasPrefix("| `") }
    #expect(rows.count > 80)
    for row in rows {
      // A bar in a cell is written with a backslash.
      let cells = row.replacingOccurrences(of: "\\|", with: "\u{1}").split(separator: "|").map {
        $0.trimmingCharacters(in: .whitespaces).replacingOccurrences(of: "\u{1}", with: "|")
      }
      if cells[1] == "—" { continue }
      #expect(compiled.contains(cells[1].trimmingCharacters(in: ["`"])), "\(cells[1]) is in no OperationExamples.swift")
    }
  }
}
