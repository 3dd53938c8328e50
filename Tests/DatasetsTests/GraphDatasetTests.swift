import AviaryArchives
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryDatasets

/// One small graph in every form that is read, and the benchmarks themselves.
@Suite struct GraphDatasetTests {
  struct Toy: Decodable {
    let edges: [[Int]]
    let features: [[Float]]
    let labels: [Int32]
    let test: [Int]

    static func read() throws -> Toy {
      try JSONDecoder().decode(Toy.self, from: Data(contentsOf: GraphDatasetTests.file("toy.json")))
    }
  }

  static func file(_ name: String) -> URL { Goldens.url("graphs/\(name)", of: "DatasetsTests") }

  /// Every edge once, from the lower node to the higher.
  static func edges(_ dataset: GraphDataset) -> [[Int]] {
    (0..<dataset.nodes).flatMap { node in
      dataset.adjacency.places(ofRow: node).map { [node, Int(dataset.adjacency.columnIndices[$0])] }
    }.filter { $0[0] < $0[1] }
  }

  // MARK: - Forms

  @Test(arguments: [0, 2]) func planetoidOfEitherProtocol(number: Int) throws {
    let toy = try Toy.read()
    let dataset = try GraphDataset(path: Self.file("ind.toy\(number)").path)
    #expect(Self.edges(dataset) == toy.edges, "without repeats and self loops")
    #expect(dataset.adjacency.transposed == dataset.adjacency)
    #expect(dataset.adjacency.values.allSatisfy { $0 == 1 } && dataset.edges == toy.edges.count)
    #expect(dataset.features.dense.scalars == toy.features.flatMap { $0 }, "node 7 has a row of zeros")
    #expect(dataset.labels.scalars == toy.labels, "node 7 has no label")
    #expect(dataset.classes == 3 && dataset.classNames == nil)
    #expect(dataset.split == GraphSplit(training: [0, 1, 2], validation: [3, 4, 5], test: toy.test))
  }

  @Test(arguments: ["toy.npz", "toy-dense.npz"]) func archivesOfNumPy(name: String) throws {
    let toy = try Toy.read()
    let dataset = try GraphDataset(path: Self.file(name).path, seed: 3)
    #expect(Self.edges(dataset) == toy.edges, "a directed adjacency becomes one without direction")
    #expect(dataset.features.dense.scalars == toy.features.flatMap { $0 })
    #expect(dataset.labels.scalars == toy.labels.map { max($0, 0) })
    #expect(dataset.classNames == ["one", "two", "drei"])
    // Four, three and three nodes: a third of each to training, a third of the rest to validation.
    #expect(dataset.split.training.count == 3 && dataset.split.validation.count == 2)
    #expect(dataset.split.test.count == 5)
    #expect(dataset.remarks == ["\(Self.file(name).path): 7 edges listed in one direction only are taken in both"])
    #expect(try GraphDataset(path: Self.file(name).path, seed: 3) == dataset)
    #expect(try GraphDataset(path: Self.file(name).path, seed: 4) != dataset)
  }

  @Test func whatIsLeftOutOfEdgesIsSaid() throws {
    let path = Self.file("toy-weighted.npz").path
    let dataset = try GraphDataset(path: path)
    #expect(try Self.edges(dataset) == Toy.read().edges && dataset.adjacency.values.allSatisfy { $0 == 1 })
    #expect(
      dataset.remarks == [
        "\(path): 1 edge listed in one direction only is taken in both",
        "\(path): the weights of edges are not used: the networks weigh all edges alike",
        "\(path): 2 edges from a node to itself are left out",
      ])
  }

  @Test func foldersOfText() throws {
    let toy = try Toy.read()
    let edges = toy.edges.map { "\($0[1]) \($0[0])\n" }.joined()
    let features = toy.features.map { (row: [Float]) -> String in
      let ones = row.indices.filter { row[$0] != 0 }
      return ones.map { $0 == 0 ? "0:2.5" : "\($0)" }.joined(separator: " ") + "\n"
    }
    let folder = try GraphFixture.folder([
      "edges.txt": edges + "\n3\t3\n", "features.txt": features.joined(),
      "labels.txt": "b\na\nc c\nb\na\nc c\nb\nb\nc c\na", "split.txt": "train 0-2\r\nval 3-4 5\r\ntest 9 6\r\n",
    ])
    defer { GraphFixture.remove(folder) }
    let dataset = try GraphDataset(path: folder)
    #expect(Self.edges(dataset) == toy.edges)
    let expected = toy.features.flatMap { [$0[0] * 2.5] + $0.dropFirst() }
    #expect(dataset.features.dense.scalars == expected)
    #expect(dataset.remarks == ["\(folder): 1 edge from a node to itself is left out"])
    #expect(dataset.classNames == ["a", "b", "c c"])
    #expect(dataset.labels.scalars == [1, 0, 2, 1, 0, 2, 1, 1, 2, 0])
    #expect(dataset.split == GraphSplit(training: [0, 1, 2], validation: [3, 4, 5], test: [6, 9]))
  }

  @Test func splitsAreStratifiedSeededAndScaledDown() {
    func split(_ counts: [Int], seed: UInt64 = 1) -> (GraphSplit, labels: [Int32]) {
      var labels: [Int32] = [-1, -1]
      for (label, count) in counts.enumerated() { labels += Array(repeating: Int32(label), count: count) }
      return (GraphSplit(stratifying: IntTensor(labels), classes: counts.count, seed: seed), labels)
    }
    let (large, labels) = split([900, 700, 400])
    #expect((0..<3).allSatisfy { label in large.training.count { labels[$0] == Int32(label) } == 20 })
    #expect(large.validation.count == 500 && large.test.count == 1000)
    let all = large.training + large.validation + large.test
    #expect(Set(all).count == all.count && all.allSatisfy { labels[$0] >= 0 })
    #expect(split([900, 700, 400]).0 == large && split([900, 700, 400], seed: 2).0 != large)
    let (small, few) = split([9, 5, 1])
    #expect((0..<3).map { label in small.training.count { few[$0] == Int32(label) } } == [3, 1, 1])
    #expect(small.validation.count == 3 && small.test.count == 7)
  }

  // MARK: - Benchmarks

  static func benchmark(_ path: String) throws -> GraphDataset {
    try GraphDataset(path: try #require(SharedData.folder).appendingPathComponent(path).path)
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)")) func coraAndCiteseerHaveTheKnownSizes() throws {
    let cora = try Self.benchmark("cora/planetoid/ind.cora")
    #expect(cora.nodes == 2708 && cora.edges == 5278 && cora.features.columns == 1433 && cora.classes == 7)
    #expect(cora.features.nonzeros == 49_216)
    #expect(cora.split.training == Array(0..<140) && cora.split.validation == Array(140..<640))
    #expect(cora.split.test == Array(1708..<2708) && !cora.labels.scalars.contains(-1))
    let citeseer = try Self.benchmark("cora/planetoid-citeseer/ind.citeseer")
    #expect(citeseer.nodes == 3327 && citeseer.features.columns == 3703 && citeseer.classes == 6)
    #expect(citeseer.edges == 4552 && citeseer.split.training.count == 120)
    #expect(citeseer.split.validation == Array(120..<620) && citeseer.split.test.count == 1000)
    let unlabelled = citeseer.labels.scalars.indices.filter { citeseer.labels.scalars[$0] < 0 }
    #expect(unlabelled.count == 15)
    #expect(unlabelled.allSatisfy { citeseer.features.places(ofRow: $0).isEmpty })
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)")) func theFormsOfCoraAgree() throws {
    let planetoid = try Self.benchmark("cora/planetoid/ind.cora")
    #expect(try Self.benchmark("cora/derived-text") == planetoid)
    // The archive has the nodes in another order, and names for the classes; what does not depend on either is the
    // same.
    let archive = try Self.benchmark("cora/npz/cora.npz")
    #expect(archive.nodes == planetoid.nodes && archive.edges == planetoid.edges)
    #expect(archive.features.shape == planetoid.features.shape)
    func degrees(_ matrix: SparseMatrix) -> [Int] { (0..<matrix.rows).map { matrix.places(ofRow: $0).count }.sorted() }
    #expect(degrees(archive.adjacency) == degrees(planetoid.adjacency))
    #expect(degrees(archive.features) == degrees(planetoid.features))
    func classes(_ dataset: GraphDataset) -> [Int] {
      (0..<7).map { label in dataset.labels.scalars.count { Int($0) == label } }.sorted()
    }
    #expect(classes(archive) == classes(planetoid))
    #expect(archive.classNames?.count == 7 && archive.split.training.count == 140)
  }
}

/// Folders of text files for tests.
enum GraphFixture {
  static func folder(_ files: [String: String]) throws -> String {
    try folder(bytes: files.mapValues { Array($0.utf8) })
  }

  static func folder(bytes files: [String: [UInt8]]) throws -> String {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("aviary-graph-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    for (name, bytes) in files { try Data(bytes).write(to: url.appendingPathComponent(name)) }
    return url.path
  }

  static func remove(_ folder: String) { try? FileManager.default.removeItem(atPath: folder) }
}
