import AviaryArchives
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryDatasets

/// Files of graphs that are damaged, or made to do harm: each ends in a typed fault of one line.
@Suite struct GraphFaultTests {
  func fault(at path: String, sourceLocation: SourceLocation = #_sourceLocation) -> GraphDataFault? {
    let fault = #expect(throws: GraphDataFault.self, sourceLocation: sourceLocation) { try GraphDataset(path: path) }
    if let fault { #expect(!fault.description.contains("\n"), sourceLocation: sourceLocation) }
    return fault
  }

  /// The name of a fault's case.
  func kind(_ fault: GraphDataFault?) -> String? {
    fault.flatMap { Mirror(reflecting: $0).children.first?.label }
  }

  // MARK: - Text

  static let text = [
    "edges.txt": "0 1\n1 2\n", "features.txt": "0 1\n1\n\n2\n", "labels.txt": "0\n1\n0\n1\n",
    "split.txt": "train 0-1\nval 2\ntest 3\n",
  ]

  func textFault(_ file: String, _ contents: String, sourceLocation: SourceLocation = #_sourceLocation) throws
    -> GraphDataFault?
  {
    let folder = try GraphFixture.folder(Self.text.merging([file: contents]) { $1 })
    defer { GraphFixture.remove(folder) }
    return fault(at: folder, sourceLocation: sourceLocation)
  }

  @Test func theTextItselfIsTaken() throws {
    let folder = try GraphFixture.folder(Self.text)
    defer { GraphFixture.remove(folder) }
    #expect(try GraphDataset(path: folder).nodes == 4)
  }

  @Test(arguments: [
    ("edges.txt", "0 1 2\n"), ("edges.txt", "0\n"), ("edges.txt", "a b\n"), ("edges.txt", "0 99999999999999999999\n"),
    ("features.txt", "0\n1\nx\n2\n"), ("features.txt", "0\n1\n-1\n2\n"), ("features.txt", "0\n1\n9999999999\n2\n"),
    ("features.txt", "0\n1\n1:a\n2\n"), ("features.txt", "0\n:\n\n2\n"), ("features.txt", "0\n1:\n\n2\n"),
    ("labels.txt", "0\n1\n\n1\n"), ("split.txt", "train 0\nrest 1\n"),
    ("split.txt", "train 0-\nval 2\ntest 3\n"), ("split.txt", "train 1-0\nval 2\ntest 3\n"),
    ("split.txt", "train 0-1-2\n"),
  ])
  func badLines(file: String, contents: String) throws {
    let found = try textFault(file, contents)
    guard case .badLine(let path, let line, _, _) = found else {
      Issue.record("\(String(describing: found))")
      return
    }
    #expect(path.hasSuffix(file) && line >= 1)
  }

  @Test func nodesAndLabelsOutside() throws {
    for (file, contents) in [
      ("edges.txt", "0 4\n"), ("edges.txt", "-1 0\n"), ("split.txt", "train 0-4\nval 2\ntest 3\n"),
      ("split.txt", "train 0-999999999999\nval 2\ntest 3\n"), ("split.txt", "train -1\nval 2\ntest 3\n"),
    ] {
      let found = try textFault(file, contents)
      switch found {
      case .nodeOutside, .badLine: break
      default: Issue.record("\(contents): \(String(describing: found))")
      }
    }
    for labels in ["0\n1\n-1\n0\n", "0\n1\n4\n0\n", "0\n1\n9223372036854775807\n0\n"] {
      guard case .labelOutside = try textFault("labels.txt", labels) else {
        Issue.record("\(labels) was taken")
        continue
      }
    }
  }

  @Test func partsThatDisagree() throws {
    guard case .counts(_, "features", 3, 4, "labels") = try textFault("features.txt", "0\n1\n2\n") else {
      Issue.record("too few features were taken")
      return
    }
    for (file, contents) in [
      ("labels.txt", "0\n0\n0\n0\n"), ("labels.txt", ""), ("features.txt", "0:nan\n1\n\n2\n"),
      ("features.txt", "0:1e39\n1\n\n2\n"), ("split.txt", "train 0 0\nval 2\ntest 3\n"),
      ("split.txt", "train 0-2\nval 2\ntest 3\n"), ("split.txt", "train 0-1\nval 2\ntest 1\n"),
    ] {
      let found = try textFault(file, contents)
      guard case .malformed = found else {
        Issue.record("\(contents): \(String(describing: found))")
        continue
      }
    }
    guard case .emptyPart(_, "test") = try textFault("split.txt", "train 0-1\nval 2\n") else {
      Issue.record("a split without test nodes was taken")
      return
    }
    guard case .tooLarge = try textFault("features.txt", "\n\n\n\n") else {
      Issue.record("nodes without features were taken")
      return
    }
    #expect(fault(at: "/nowhere/ind.none") == .noGraph(path: "/nowhere/ind.none"))
  }

  // MARK: - Planetoid

  static let parts = ["x", "y", "tx", "ty", "allx", "ally", "graph", "test.index"]

  func planetoid(_ changes: [String: [UInt8]], number: Int = 2) throws -> (prefix: String, folder: String) {
    var files: [String: [UInt8]] = [:]
    for part in Self.parts {
      files["ind.toy.\(part)"] =
        try changes[part] ?? [UInt8](Data(contentsOf: GraphDatasetTests.file("ind.toy\(number).\(part)")))
    }
    let folder = try GraphFixture.folder(bytes: files)
    return (folder + "/ind.toy", folder)
  }

  func planetoidFault(
    _ changes: [String: [UInt8]], sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> GraphDataFault? {
    let (prefix, folder) = try planetoid(changes)
    defer { GraphFixture.remove(folder) }
    return fault(at: prefix, sourceLocation: sourceLocation)
  }

  @Test func testIndicesAreChecked() throws {
    for (index, expected) in [
      ("9\n6\n99\n", "nodeOutside"),
      ("9\n6\n-8\n", "nodeOutside"),
      ("9\n6\n5\n", "nodeOutside"),
      ("9\n6\n6\n", "malformed"),
      ("9\n6\n", "counts"),
      ("9\n6\n7\n8\n", "counts"),
      ("9\n6\neight\n", "badLine"),
      ("9\n6\n99999999999999999999\n", "badLine"),
    ] {
      let found = try planetoidFault(["test.index": Array(index.utf8)])
      #expect(kind(found) == expected, "\(index): \(String(describing: found))")
    }
  }

  @Test func graphsAreChecked() throws {
    func graph(_ text: String) -> [UInt8] { Array(text.utf8) }
    // Ten nodes that share one long list: many edges of few bytes.
    let long = "(l" + String(repeating: "I1\na", count: 3000) + "p1\n"
    let bomb = "(d" + "I0\n" + long + "s" + (1..<10).map { "I\($0)\ng1\ns" }.joined() + "."
    for (name, text, expected) in [
      ("a bomb", bomb, "tooLarge"),
      ("no dictionary", "(l.", "malformed"),
      ("a list that is a number", "(dI0\nI1\ns.", "malformed"),
      ("a list that contains itself", "(dI0\n(lp1\ng1\nas.", "nodeOutside"),
      ("a node outside", "(dI7\n(ls.", "nodeOutside"),
      ("a neighbour outside", "(dI0\n(lI1\nas.", "nodeOutside"),
      ("a negative neighbour", "(dI0\n(lI-1\nas.", "nodeOutside"),
      ("a node twice", "(dI0\n(lsI0\n(ls.", "malformed"),
      ("fewer nodes than features", "(dI0\n(lsI1\n(ls.", "counts"),
      ("a call", "cos\nsystem\n(S'true'\ntR.", "malformed"),
    ] {
      let found = try planetoidFault(["graph": graph(text)])
      #expect(kind(found) == expected, "\(name): \(String(describing: found))")
    }
  }

  @Test func matricesAreChecked() throws {
    func part(_ name: String) throws -> String {
      String(decoding: try Data(contentsOf: GraphDatasetTests.file("ind.toy0.\(name)")), as: UTF8.self)
    }
    let (allx, ally) = (try part("allx"), try part("ally"))
    for (name, changes) in [
      ("a huge shape", ["allx": allx.replacing("I6\nI6\n", with: "I6\nI99999999999\n")]),
      ("many columns", ["allx": allx.replacing("I6\nI6\n", with: "I6\nI2000000000\n")]),
      ("many rows", ["allx": allx.replacing("I6\nI6\n", with: "I2000000000\nI6\n")]),
      ("a negative shape", ["allx": allx.replacing("I6\nI6\n", with: "I6\nI-6\n")]),
      ("columns outside", ["allx": allx.replacing("I6\nI6\n", with: "I6\nI2\n")]),
      ("a matrix of another class", ["allx": allx.replacing("csr_matrix", with: "bsr_matrix")]),
      ("numbers of another size", ["allx": allx.replacing("S'f4'", with: "S'f8'")]),
      ("complex numbers", ["allx": allx.replacing("S'f4'", with: "S'c8'")]),
      ("labels with a huge shape", ["ally": ally.replacing("I6\nI3\n", with: "I6\nI9999999999\n")]),
      ("labels of other classes", ["ally": ally.replacing("I6\nI3\n", with: "I9\nI2\n")]),
      ("labels of floats", ["ally": ally.replacing("S'i4'", with: "S'f4'")]),
      ("labels that are no matrix", ["ally": allx]), ("a matrix that is labels", ["allx": ally]),
      ("labels of twos", ["ally": ally.replacing("\\x01", with: "\\x02")]),
      ("other features", ["allx": try part("graph")]), ("parts exchanged", ["tx": allx]),
    ] as [(String, [String: String])] {
      for (file, text) in changes { #expect(try text != part(file), "\(name) changes nothing") }
      let found = try planetoidFault(changes.mapValues { Array($0.utf8) })
      switch found {
      case .numPy, .badMatrix, .tooLarge, .counts, .malformed: break
      default: Issue.record("\(name): \(String(describing: found))")
      }
    }
  }

  @Test(arguments: parts) func truncatedFilesAreRefused(part: String) throws {
    for number in [0, 2] where part != "test.index" {
      let whole = [UInt8](try Data(contentsOf: GraphDatasetTests.file("ind.toy\(number).\(part)")))
      for length in stride(from: 0, to: whole.count, by: 53) {
        _ = try planetoidFault([part: Array(whole.prefix(length))])
      }
    }
  }

  @Test func damagedFilesNeverTrap() throws {
    var numbers = TestNumbers(seed: 5)
    var (read, refused) = (0, 0)
    for round in 0..<200 {
      let part = Self.parts[round % Self.parts.count]
      var bytes = [UInt8](try Data(contentsOf: GraphDatasetTests.file("ind.toy\(round % 3 == 0 ? 0 : 2).\(part)")))
      for _ in 0..<3 { bytes[Int(numbers.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: numbers.next()) }
      let (prefix, folder) = try planetoid([part: bytes])
      defer { GraphFixture.remove(folder) }
      if (try? GraphDataset(path: prefix)) == nil { refused += 1 } else { read += 1 }
    }
    #expect(read > 0 && refused > 20, "\(read) files were read, \(refused) refused")
  }

  // MARK: - npz

  @Test func archivesThatContradictThemselves() throws {
    let folder = try GraphFixture.folder(bytes: ["x.npz": [1, 2, 3]])
    defer { GraphFixture.remove(folder) }
    guard case .numPy(.archive(.noDirectory)) = fault(at: folder + "/x.npz") else {
      Issue.record("three bytes were taken for an archive")
      return
    }
    #expect(fault(at: folder + "/y.npz") == .numPy(.archive(.notFound(path: folder + "/y.npz"))))
    var numbers = TestNumbers(seed: 6)
    let whole = [UInt8](try Data(contentsOf: GraphDatasetTests.file("toy.npz")))
    for round in 0..<300 {
      var bytes = whole
      if round < 100 {
        // Offsets, columns and labels: the bodies of stored arrays, which no checksum guards.
        for _ in 0..<3 { bytes[Int(numbers.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: numbers.next()) }
      } else {
        let place = Int(numbers.next() % UInt64(bytes.count))
        bytes[place] = [0, 0xff, 0x7f, 0x80][round % 4]
      }
      try Data(bytes).write(to: URL(fileURLWithPath: folder + "/z.npz"))
      _ = try? GraphDataset(path: folder + "/z.npz")
    }
  }
}
