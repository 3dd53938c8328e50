import AviaryArchives
import AviaryTensors
import AviaryTestSupport
import Foundation
import Testing

@testable import AviaryDatasets

/// Collections of graphs in the TU format, and what becomes of their nodes.
@Suite struct GraphCollectionTests {
  /// Three graphs: a triangle, a path of three nodes and a single node. Nodes 4 and 5 change places in the indicator's order.
  static let files = [
    "T_A.txt": "1, 2\n2, 1\n2, 3\n3, 2\n1, 3\n3, 1\n4,6\n6, 4\n6, 7\n7, 6\n",
    "T_graph_indicator.txt": "1\n1\n1\n2\n3\n2\n2\n", "T_graph_labels.txt": "1\n-1\n1\n",
    "T_node_labels.txt": "3\n5\n3\n5\n6\n3\n5\n",
    "T_node_attributes.txt": "1, 0.5\n2, 0\n3, -1e2\n4, 1\n5, 1\n6, 1\n7, 1\n",
    "T_edge_labels.txt": "0\n0\n0\n0\n0\n0\n0\n0\n0\n0\n",
  ]

  /// - Parameter absent: files that are not there.
  static func collection(
    _ changes: [String: String] = [:], without absent: [String] = []
  ) throws -> GraphCollection {
    let folder = try GraphFixture.folder(files.merging(changes) { $1 }.filter { !absent.contains($0.key) })
    defer { GraphFixture.remove(folder) }
    return try GraphCollection(path: folder)
  }

  /// Every edge of a graph once, by the places of its nodes.
  static func edges(_ collection: GraphCollection, _ graph: Int) -> [[Int]] {
    let nodes = collection.nodes(ofGraph: graph)
    return nodes.flatMap { node in
      collection.adjacency.places(ofRow: node).map { place in
        [node, Int(collection.adjacency.columnIndices[place])].map { $0 - nodes.lowerBound }
      }
    }.filter { $0[0] < $0[1] }
  }

  @Test func graphsNodesAndClasses() throws {
    let found = try Self.collection()
    #expect(found.count == 3 && found.nodes == 7 && found.edges == 5)
    #expect(found.firstNodes == [0, 3, 6, 7])
    #expect(Self.edges(found, 0) == [[0, 1], [0, 2], [1, 2]])
    // Nodes 4, 6 and 7 of the files.
    #expect(Self.edges(found, 1) == [[0, 1], [1, 2]] && Self.edges(found, 2).isEmpty)
    #expect(found.classNames == ["-1", "1"] && found.labels == [1, 0, 1])
    #expect(found.nodeLabels == [[3, 5, 3, 5, 3, 5, 6]])
    #expect(found.attributeCount == 2)
    #expect(found.nodeAttributes == [1, 0.5, 2, 0, 3, -100, 4, 1, 6, 1, 7, 1, 5, 1])
    #expect(found.remarks.count == 1 && found.remarks[0].contains("T_edge_labels.txt is not used"))
  }

  @Test func featuresAreAttributesAndOneHotLabels() throws {
    let found = try Self.collection()
    let both = try NodeEncoding(fitting: found)
    #expect(both == NodeEncoding(attributes: 2, labels: [.init(first: 3, count: 4)], mostNeighbours: nil))
    #expect(both.columns == 6 && both.description == "2 attributes, 4 labels")
    let rows = try both.features(of: found).dense
    #expect(
      Array(rows.scalars.prefix(6)) == [1, 0.5, 1, 0, 0, 0],
      "of the label 4 nobody has there is a column, as in PyTorch Geometric")
    #expect(Array(rows.scalars.suffix(6)) == [5, 1, 0, 0, 0, 1])
    let labels = try NodeEncoding(fitting: found, parts: [.labels])
    #expect(labels.columns == 4)
    #expect(
      try labels.features(of: found).dense.scalars
        == both.features(of: found).dense.scalars.enumerated().filter { $0.offset % 6 > 1 }.map(\.element))
    // Other graphs for the same network.
    let other = try Self.collection(["T_node_labels.txt": "3\n9\n3\n5\n2\n3\n5\n"])
    #expect(labels.unknown(in: other) == [2, 9])
    #expect(try labels.features(of: other).dense.scalars[4..<8] == [0, 0, 0, 0])
    let text = try JSONEncoder().encode(both)
    #expect(try JSONDecoder().decode(NodeEncoding.self, from: text).validated() == both)
  }

  @Test func degreesStandIn() throws {
    let bare = try Self.collection(without: ["T_node_labels.txt", "T_node_attributes.txt"])
    let encoding = try NodeEncoding(fitting: bare)
    #expect(encoding == NodeEncoding(attributes: 0, labels: [], mostNeighbours: 2))
    let degrees = try encoding.features(of: bare).dense
    #expect(degrees.shape == [7, 3] && degrees.argmax() == [2, 2, 2, 1, 2, 1, 0])
    // More neighbours than any node of the training has.
    let star = try Self.collection(
      ["T_graph_indicator.txt": "1\n1\n1\n1\n2\n2\n3\n", "T_A.txt": "1,2\n1,3\n1,4\n"],
      without: ["T_node_labels.txt", "T_node_attributes.txt"])
    #expect(try encoding.features(of: star).dense.argmax() == [2, 1, 1, 1, 0, 0, 0])
    #expect(throws: GraphDataFault.self) { try NodeEncoding(fitting: bare, parts: [.labels]) }
    #expect(throws: GraphDataFault.self) { try NodeEncoding(fitting: bare, parts: [.attributes, .degree]) }
    #expect(throws: GraphDataFault.otherNodes(path: bare.path, part: "attributes", found: 0, expected: 2)) {
      try NodeEncoding(fitting: try Self.collection()).features(of: bare)
    }
  }

  @Test func edgesInOneDirectionRepeatsAndLoops() throws {
    let found = try Self.collection(["T_A.txt": "1, 2\r\n1, 2\r\n2, 2\r\n3, 1\r\n\r\n"], without: ["T_edge_labels.txt"])
    #expect(Self.edges(found, 0) == [[0, 1], [0, 2]] && found.adjacency.values.allSatisfy { $0 == 1 })
    #expect(found.adjacency.transposed == found.adjacency)
    #expect(found.remarks.count == 2)
    #expect(found.remarks[0].contains("2 edges listed in one direction only are taken"))
    #expect(found.remarks[1].contains("1 edge from a node to itself is left out"))
    #expect(try Self.collection(["T_A.txt": ""]).edges == 0)
  }

  @Test func numbersInOtherSpellings() throws {
    let found = try Self.collection([
      "T_graph_labels.txt": " 1.0 \n2e0\n+1\n\n", "T_node_labels.txt": "3,0\n5,1\n3,0\n5,0\n6,0\n3,0\n5,2",
    ])
    #expect(found.classNames == ["1", "2"] && found.labels == [0, 1, 0])
    #expect(found.nodeLabels == [[3, 5, 3, 5, 3, 5, 6], [0, 1, 0, 0, 0, 2, 0]])
    #expect(try NodeEncoding(fitting: found).labels == [.init(first: 3, count: 4), .init(first: 0, count: 3)])
  }

  @Test func graphsWithoutClasses() throws {
    let found = try Self.collection(["T_graph_attributes.txt": "0.1\n0.2\n0.3\n"], without: ["T_graph_labels.txt"])
    #expect(found.labels == nil && found.classNames.isEmpty && found.count == 3)
    #expect(found.remarks.last?.contains("T_graph_attributes.txt is not used") == true)
  }

  @Test func placesOfTheFiles() throws {
    let folder = try GraphFixture.folder(Self.files)
    defer { GraphFixture.remove(folder) }
    for path in [folder, folder + "/", folder + "/T", folder + "/T_A.txt"] {
      #expect(GraphCollection.isPresent(at: path))
      #expect(try GraphCollection(path: path).count == 3)
    }
    #expect(!GraphCollection.isPresent(at: folder + "/U") && !GraphCollection.isPresent(at: "/nowhere"))
    #expect(throws: GraphDataFault.noGraph(path: "/nowhere")) { try GraphCollection(path: "/nowhere") }
    let outer = try GraphFixture.folder([:])
    defer { GraphFixture.remove(outer) }
    try FileManager.default.moveItem(atPath: folder, toPath: outer + "/raw")
    #expect(try GraphCollection(path: outer).count == 3)
    try Data("1, 2\n".utf8).write(to: URL(fileURLWithPath: outer + "/raw/S_A.txt"))
    #expect(throws: GraphDataFault.severalCollections(path: outer + "/raw", names: ["S", "T"])) {
      try GraphCollection(path: outer)
    }
    #expect(try GraphCollection(path: outer + "/raw/T").count == 3)
  }

  // MARK: - Faults

  @Test(arguments: [
    ("T_A.txt", "1, 2\n1\n", "T_A.txt: line 2: '1' is not two nodes"),
    ("T_A.txt", "1, 2, 3\n", "T_A.txt: line 1: '1, 2, 3' is not two nodes"),
    ("T_A.txt", "1, 2\n\n2, 3\n", "T_A.txt: line 2: '' is not two nodes"),
    ("T_A.txt", "1, x\n", "T_A.txt: line 1: '1, x' is not two nodes"),
    ("T_A.txt", "1, 99999999999999999999\n", "T_A.txt: line 1: '1, 99999999999999999999' is not two nodes"),
    ("T_A.txt", "0, 1\n", "T_A.txt: line 1: node 0, but nodes are 1 to 7"),
    ("T_A.txt", "1, 8\n", "T_A.txt: line 1: node 8, but nodes are 1 to 7"),
    ("T_A.txt", "1, 2\n3, 4\n", "T_A.txt: line 2: an edge from node 3 of graph 1 to node 4 of graph 2"),
    (
      "T_graph_indicator.txt", "1\n1\n0\n2\n3\n2\n2\n",
      "T_graph_indicator.txt: line 3: a node of graph 0, but graphs are 1 to 3"
    ),
    (
      "T_graph_indicator.txt", "1\n1\n1\n2\n4\n2\n2\n",
      "T_graph_indicator.txt: line 5: a node of graph 4, but graphs are 1 to 3"
    ),
    (
      "T_graph_indicator.txt", "1\n1\n1\n2\n2\n2\n2\n",
      "T_graph_indicator.txt: graph 3 has no nodes; every graph needs one"
    ),
    ("T_graph_indicator.txt", "", "T_graph_indicator.txt: damaged: the graphs: there are no nodes"),
    ("T_graph_indicator.txt", "1\na\n", "T_graph_indicator.txt: line 2: 'a' is not the number of a graph"),
    (
      "T_graph_labels.txt", "1\ncat\n1\n",
      "T_graph_labels.txt: line 2: 'cat' is not the class of a graph, a whole number"
    ),
    (
      "T_graph_labels.txt", "1\n1.5\n1\n",
      "T_graph_labels.txt: line 2: '1.5' is not the class of a graph, a whole number"
    ),
    ("T_graph_labels.txt", "1\n2\n", "T_graph_indicator.txt: line 5: a node of graph 3, but graphs are 1 to 2"),
    ("T_graph_labels.txt", "1\n2\n1\n2\n", "T_graph_indicator.txt: graph 4 has no nodes; every graph needs one"),
    (
      "T_graph_labels.txt", "1\n2\n1\n2\n1\n1\n1\n1\n1\n",
      "T_graph_indicator.txt: graph 4 has no nodes; every graph needs one"
    ),
    ("T_graph_labels.txt", "", "T_graph_labels.txt: damaged: the labels: there are no graphs"),
    ("T_node_labels.txt", "3\n5\n", "T_node_labels.txt: damaged: 2 of lines, but 7 of nodes in T_graph_indicator.txt"),
    ("T_node_labels.txt", "3\n5,1\n", "T_node_labels.txt: line 2: '5,1' is not the labels of a node, whole numbers"),
    (
      "T_node_attributes.txt", "1\n2\nnan\n4\n5\n6\n7\n",
      "T_node_attributes.txt: line 3: 'nan' is not the attributes of a node, as many finite numbers as in the line before"
    ),
  ]) func eachFaultIsOneLine(file: String, contents: String, line: String) throws {
    let fault = #expect(throws: GraphDataFault.self) { try Self.collection([file: contents]) }
    let found = fault.map { $0.description.split(separator: "/").last.map(String.init) ?? "" }
    #expect(found == line)
  }

  @Test func aMissingFileIsNamed() throws {
    let fault = #expect(throws: GraphDataFault.self) { try Self.collection(without: ["T_graph_indicator.txt"]) }
    #expect(fault?.description.hasSuffix("T_graph_indicator.txt: no such file; the collection T needs it") == true)
    let other = #expect(throws: GraphDataFault.self) { try Self.collection(without: ["T_A.txt"]) }
    #expect(other?.description.hasSuffix("T_A.txt: no such file; the collection T needs it") == true)
  }

  @Test func graphNumbersThatWouldFillTheMemory() throws {
    let fault = #expect(throws: GraphDataFault.self) {
      try Self.collection(
        ["T_graph_indicator.txt": "1\n1\n1\n2\n3\n2\n999999999999999999\n"], without: ["T_graph_labels.txt"])
    }
    #expect(fault?.description.contains("graph 4 has no nodes") == true)
    let wide = try Self.collection(["T_node_labels.txt": "0\n999999999999999999\n0\n0\n0\n0\n0\n"])
    #expect(throws: GraphDataFault.self) { try NodeEncoding(fitting: wide) }
  }

  @Test(arguments: [
    #"{"attributes": -1, "labels": []}"#, #"{"attributes": 0, "labels": []}"#,
    #"{"attributes": 0, "labels": [{"first": 0, "count": 0}]}"#,
    #"{"attributes": 1, "labels": [{"first": 9223372036854775807, "count": 2}]}"#,
    #"{"attributes": 1, "labels": [], "mostNeighbours": 99999999999}"#,
    #"{"attributes": 9223372036854775807, "labels": [{"first": 0, "count": 9223372036854775807}]}"#,
  ]) func encodingsThatNothingLedTo(text: String) throws {
    let encoding = try JSONDecoder().decode(NodeEncoding.self, from: Data(text.utf8))
    #expect(throws: GraphDataFault.self) { try encoding.validated() }
  }
}
