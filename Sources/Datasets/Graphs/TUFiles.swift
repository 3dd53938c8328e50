import AviaryArchives
import AviaryTensors

extension GraphCollection {
  /// Reads a collection in the TU format. In its files nodes and graphs are counted from 1, and stand one a line:
  /// - `NAME_A.txt`: two nodes of one graph, an edge;
  /// - `NAME_graph_indicator.txt`: the graph of each node;
  /// - `NAME_graph_labels.txt`: the class of each graph, a whole number; needed for training and evaluation;
  /// - `NAME_node_labels.txt`, `NAME_node_attributes.txt`: whole numbers, and any numbers, of each node; both may be absent.
  ///
  /// Labels and attributes of edges are not read, which `remarks` says.
  ///
  /// - Parameter path: see `isPresent(at:)`.
  public init(path: String) throws(GraphDataFault) {
    guard let place = try Self.place(at: path) else { throw .noGraph(path: path) }
    for part in ["A", "graph_indicator"] where !place.holds(part) {
      throw .missingFile(path: place.path(part), collection: place.name)
    }
    let file = TUFiles(place)
    let graphs = try file.graphs()
    let nodes = graphs.order.count
    let edges = try file.edges(graphs)
    self.path = path
    adjacency = edges.adjacency
    firstNodes = graphs.firstNodes
    (labels, classNames) = (graphs.labels, graphs.classNames)
    let nodeLabels = try file.perNode("node_labels", nodes) { (lines) throws(GraphDataFault) in
      try lines.integers("the labels of a node, whole numbers")
    }
    self.nodeLabels = (0..<nodeLabels.width).map { column in
      graphs.order.map { nodeLabels.values[$0 * nodeLabels.width + column] }
    }
    let attributes = try file.perNode("node_attributes", nodes) { (lines) throws(GraphDataFault) in
      try lines.floats("the attributes of a node, as many finite numbers as in the line before")
    }
    attributeCount = attributes.width
    nodeAttributes = graphs.order.flatMap { attributes.values[$0 * attributes.width..<($0 + 1) * attributes.width] }
    remarks = edges.remarks + file.remarks
  }
}

/// The files of a collection.
private struct TUFiles {
  let place: GraphCollection.Place

  init(_ place: GraphCollection.Place) { self.place = place }

  struct Graphs {
    /// The graph of each node, in the order of the file, from 0.
    let graphOfNode: [Int]
    /// The nodes, as the file counts them from 0, graph by graph.
    let order: [Int]
    let firstNodes: [Int]
    let labels: [Int32]?
    let classNames: [String]
  }

  func graphs() throws(GraphDataFault) -> Graphs {
    let path = place.path("graph_indicator")
    let numbers = try NumberLines(path).integers(width: 1, "the number of a graph").values
    guard !numbers.isEmpty else { throw .malformed(path: path, part: "the graphs", reason: "there are no nodes") }
    let (labels, classNames) = try classes()
    // Every graph has a node, so that there are no more graphs than nodes.
    let count = labels?.count ?? numbers.max() ?? 0
    for (line, graph) in numbers.enumerated() where graph < 1 || graph > max(count, 1) {
      throw .nodeWithoutGraph(path: path, line: line + 1, graph: graph, graphs: count)
    }
    guard count <= numbers.count else {
      throw .emptyGraph(path: path, graph: Self.missing(in: numbers, upTo: count) ?? count)
    }
    var firstNodes = [Int](repeating: 0, count: count + 1)
    for graph in numbers { firstNodes[graph] += 1 }
    if let empty = firstNodes.dropFirst().firstIndex(of: 0) { throw .emptyGraph(path: path, graph: empty) }
    for graph in 0..<count { firstNodes[graph + 1] += firstNodes[graph] }
    var next = firstNodes
    var order = [Int](repeating: 0, count: numbers.count)
    for (node, graph) in numbers.enumerated() {
      order[next[graph - 1]] = node
      next[graph - 1] += 1
    }
    return Graphs(
      graphOfNode: numbers.map { $0 - 1 }, order: order, firstNodes: firstNodes, labels: labels,
      classNames: classNames)
  }

  private static func missing(in numbers: [Int], upTo count: Int) -> Int? {
    let there = Set(numbers)
    return (1...count).first { !there.contains($0) }
  }

  /// The class of each graph as its place among the numbers that name classes.
  private func classes() throws(GraphDataFault) -> (labels: [Int32]?, names: [String]) {
    guard place.holds("graph_labels") else { return (nil, []) }
    let path = place.path("graph_labels")
    let numbers = try NumberLines(path).integers(width: 1, "the class of a graph, a whole number").values
    guard !numbers.isEmpty else { throw .malformed(path: path, part: "the labels", reason: "there are no graphs") }
    let classes = Set(numbers).sorted()
    let places = Dictionary(uniqueKeysWithValues: zip(classes, Int32(0)...))
    return (numbers.compactMap { places[$0] }, classes.map(String.init))
  }

  func edges(_ graphs: Graphs) throws(GraphDataFault) -> (adjacency: SparseMatrix, remarks: [String]) {
    let path = place.path("A")
    let nodes = graphs.order.count
    let ends = try NumberLines(path).integers(width: 2, "two nodes").values
    var places = [Int](repeating: 0, count: nodes)
    for (place, node) in graphs.order.enumerated() { places[node] = place }
    var (triplets, loops) = ([SparseMatrix.Triplet](), 0)
    triplets.reserveCapacity(ends.count)
    for line in 0..<ends.count / 2 {
      let (a, b) = (ends[2 * line], ends[2 * line + 1])
      for node in [a, b] where node < 1 || node > nodes {
        throw .nodeBeyond(path: path, line: line + 1, node: node, nodes: nodes)
      }
      guard graphs.graphOfNode[a - 1] == graphs.graphOfNode[b - 1] else {
        throw .edgeAcross(
          path: path, line: line + 1, nodes: [a, b],
          graphs: [graphs.graphOfNode[a - 1] + 1, graphs.graphOfNode[b - 1] + 1])
      }
      guard a != b else {
        loops += 1
        continue
      }
      triplets.append(.init(places[a - 1], places[b - 1]))
    }
    let listed = try matrix(triplets, nodes, path)
    let both = try matrix(triplets + triplets.map { .init($0.column, $0.row) }, nodes, path)
    var remarks: [String] = []
    let added = both.nonzeros - listed.nonzeros
    if added > 0 { remarks.append(EdgeRemark.inOneDirection(added, path)) }
    if loops > 0 { remarks.append(EdgeRemark.loops(loops, path)) }
    return (both, remarks)
  }

  /// Ones at the places given.
  private func matrix(
    _ triplets: [SparseMatrix.Triplet], _ nodes: Int, _ path: String
  ) throws(GraphDataFault) -> SparseMatrix {
    do throws(SparseMatrixFault) {
      let sums = try SparseMatrix(validatingRows: nodes, columns: nodes, triplets)
      return try SparseMatrix(
        validatingRows: nodes, columns: nodes, rowOffsets: sums.rowOffsets, columnIndices: sums.columnIndices,
        values: Array(repeating: 1, count: sums.nonzeros))
    } catch {
      throw .badMatrix(path: path, part: "the edges", fault: error)
    }
  }

  /// The rows of a file with a line for each node; of no width where there is no such file.
  func perNode<Value>(
    _ part: String, _ nodes: Int, _ read: (NumberLines) throws(GraphDataFault) -> (values: [Value], width: Int)
  ) throws(GraphDataFault) -> (values: [Value], width: Int) {
    guard place.holds(part) else { return ([], 0) }
    let found = try read(try NumberLines(place.path(part)))
    let rows = found.width == 0 ? 0 : found.values.count / found.width
    guard rows == nodes else {
      throw .counts(
        path: place.path(part), part: "lines", found: rows, expected: nodes,
        of: "nodes in \(place.name)_graph_indicator.txt"
      )
    }
    return found
  }

  /// What lies beside the files that are read.
  var remarks: [String] {
    let unread = ["edge_labels", "edge_attributes"].filter(place.holds).map { "\(place.name)_\($0).txt" }
    var remarks: [String] = []
    if !unread.isEmpty {
      remarks.append(
        "\(place.folder): \(unread.joined(separator: " and ")) \(unread.count == 1 ? "is" : "are") not used: the networks "
          + "weigh all edges alike")
    }
    if place.holds("graph_attributes") {
      remarks.append(
        "\(place.folder): \(place.name)_graph_attributes.txt is not used: graphs have classes, not numbers")
    }
    return remarks
  }
}
