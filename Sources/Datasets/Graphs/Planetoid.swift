import AviaryArchives
import AviaryTensors

extension GraphDataset {
  /// Reads the eight files that a benchmark of Yang et al. (2016) consists of, such as `planetoid/ind.cora`: `.x .y`
  /// hold the training nodes, `.allx .ally` all but the test nodes, `.tx .ty` the test nodes, whose numbers stand in
  /// `.test.index`, and `.graph` every node's neighbours. The split is the standard one: the training nodes, the next
  /// 500, and the test nodes.
  ///
  /// Nodes that are in no file but `.graph` (Citeseer has 15) get no features and no label.
  public init(planetoid prefix: String) throws(GraphDataFault) {
    try self.init(planetoid: prefix, GraphReading())
  }

  init(planetoid prefix: String, _ reading: GraphReading) throws(GraphDataFault) {
    let neighbours = try Planetoid.edges(prefix + ".graph")
    let known = try Planetoid.Part(prefix, features: "allx", labels: "ally")
    let test = try Planetoid.Part(prefix, features: "tx", labels: "ty")
    let training = try Planetoid.Part(prefix, features: "x", labels: "y")
    for part in [test, training] where part.features.columns != known.features.columns || part.classes != known.classes
    {
      throw .counts(
        path: part.path, part: "features and classes", found: part.features.columns + part.classes,
        expected: known.features.columns + known.classes, of: "those in \(known.path)")
    }
    guard training.labels.count <= known.labels.count else {
      throw .counts(
        path: training.path, part: "training nodes", found: training.labels.count, expected: known.labels.count,
        of: "nodes in \(known.path)")
    }
    let index = try Planetoid.testIndex(
      prefix + ".test.index", first: known.labels.count, nodes: neighbours.nodes, expected: test.labels.count)

    var labels = known.labels + Array(repeating: -1, count: neighbours.nodes - known.labels.count)
    for (row, node) in index.enumerated() { labels[node] = test.labels[row] }
    let start = training.labels.count
    try self.init(
      path: prefix, edges: neighbours.edges,
      features: Planetoid.stacked(
        [(known.features, Array(known.labels.indices)), (test.features, index)], rows: neighbours.nodes, path: prefix),
      labels: labels, classes: known.classes,
      split: GraphSplit(
        training: Array(0..<start), validation: Array(start..<min(start + 500, known.labels.count)), test: index),
      reading)
  }
}

private enum Planetoid {
  /// A matrix of features, and the classes of its rows.
  struct Part {
    let path: String
    let features: SparseMatrix
    let labels: [Int]
    let classes: Int

    init(_ prefix: String, features: String, labels: String) throws(GraphDataFault) {
      path = "\(prefix).\(features)"
      self.features = try Planetoid.features(path, name: features)
      let labelPath = "\(prefix).\(labels)"
      (self.labels, classes) = try Planetoid.labels(labelPath, name: labels)
      guard self.labels.count == self.features.rows else {
        throw .counts(
          path: labelPath, part: "labels", found: self.labels.count, expected: self.features.rows, of: "rows in \(path)"
        )
      }
    }
  }

  static func features(_ path: String, name: String) throws(GraphDataFault) -> SparseMatrix {
    let graph = try GraphFiles.pickle(path)
    let matrix: SciPyMatrix
    do throws(NumPyFault) {
      matrix = try graph.sciPyMatrix(graph.root, path: path, name: name)
    } catch {
      throw .numPy(error)
    }
    return try GraphFiles.matrix(
      path: path, part: name, rows: matrix.rows, columns: matrix.columns, offsets: matrix.offsets,
      indices: matrix.indices, values: matrix.values)
  }

  /// The classes of one-hot rows; −1 for a row of zeros.
  static func labels(_ path: String, name: String) throws(GraphDataFault) -> (labels: [Int], classes: Int) {
    let graph = try GraphFiles.pickle(path)
    let array: NumPyArray
    do throws(NumPyFault) {
      array = try graph.numPyArray(graph.root, path: path, name: name)
    } catch {
      throw .numPy(error)
    }
    guard array.shape.count == 2, array.shape[1] > 0, let scalars = array.integers else {
      throw .malformed(path: path, part: name, reason: "it is not a matrix of integers")
    }
    let classes = array.shape[1]
    var labels: [Int] = []
    for row in 0..<array.shape[0] {
      let ones = scalars[row * classes..<(row + 1) * classes]
      guard ones.allSatisfy({ $0 == 0 || $0 == 1 }), ones.count(where: { $0 == 1 }) <= 1 else {
        throw .malformed(path: path, part: name, reason: "row \(row) does not name one class")
      }
      labels.append(ones.firstIndex(of: 1).map { $0 - row * classes } ?? -1)
    }
    return (labels, classes)
  }

  /// The neighbours of every node, as edges. Nodes are 0..<nodes, each with a list of its own.
  static func edges(_ path: String) throws(GraphDataFault) -> (nodes: Int, edges: [(Int, Int)]) {
    let graph = try GraphFiles.pickle(path)
    guard let pairs = graph.pairs(graph.root) else {
      throw .malformed(path: path, part: "the graph", reason: "it is not a dictionary of nodes and their neighbours")
    }
    var seen = [Bool](repeating: false, count: pairs.count)
    var edges: [(Int, Int)] = []
    for pair in pairs {
      guard let node = graph.integer(pair.key), let neighbours = graph.elements(pair.value) else {
        throw .malformed(path: path, part: "the graph", reason: "an entry is not a node with a list of neighbours")
      }
      guard pairs.indices.contains(node) else {
        throw .nodeOutside(path: path, part: "the graph", node: node, nodes: pairs.count)
      }
      guard !seen[node] else {
        throw .malformed(path: path, part: "the graph", reason: "node \(node) has two lists of neighbours")
      }
      seen[node] = true
      // Every neighbour is a value of its own, unless one list serves many nodes, which would make a bomb of few bytes.
      guard edges.count + neighbours.count <= graph.values.count else {
        throw .tooLarge(
          path: path, part: "edges", count: edges.count + neighbours.count, limit: graph.values.count)
      }
      for neighbour in neighbours {
        guard let other = graph.integer(neighbour), pairs.indices.contains(other) else {
          throw .nodeOutside(
            path: path, part: "the graph", node: graph.integer(neighbour) ?? -1, nodes: pairs.count)
        }
        edges.append((node, other))
      }
    }
    return (pairs.count, edges)
  }

  /// The numbers of the test nodes, in the order of their features.
  static func testIndex(_ path: String, first: Int, nodes: Int, expected: Int) throws(GraphDataFault) -> [Int] {
    var index: [Int] = []
    var isTaken = [Bool](repeating: false, count: nodes)
    guard first <= nodes else {
      throw .counts(path: path, part: "nodes before the test nodes", found: first, expected: nodes, of: "nodes")
    }
    for (number, line) in try GraphFiles.lines(path).enumerated() {
      guard let node = Int(line) else {
        throw .badLine(path: path, line: number + 1, text: String(line), expected: "the number of a node")
      }
      guard (first..<nodes).contains(node) else {
        throw .nodeOutside(path: path, part: "the test index", node: node, nodes: nodes)
      }
      guard !isTaken[node] else {
        throw .malformed(path: path, part: "the test index", reason: "node \(node) stands there twice")
      }
      isTaken[node] = true
      index.append(node)
    }
    guard index.count == expected else {
      throw .counts(path: path, part: "test nodes", found: index.count, expected: expected, of: "rows of features")
    }
    return index
  }

  /// A matrix of rows of others: row i of a matrix becomes row `places[i]` of the result.
  static func stacked(
    _ parts: [(matrix: SparseMatrix, places: [Int])], rows: Int, path: String
  ) throws(GraphDataFault) -> SparseMatrix {
    var triplets: [SparseMatrix.Triplet] = []
    for part in parts {
      let (columns, values) = (part.matrix.columnIndices, part.matrix.values)
      for (row, place) in part.places.enumerated() {
        triplets += part.matrix.places(ofRow: row).map { .init(place, Int(columns[$0]), values[$0]) }
      }
    }
    do throws(SparseMatrixFault) {
      return try SparseMatrix(validatingRows: rows, columns: parts.first?.matrix.columns ?? 0, triplets)
    } catch {
      throw .badMatrix(path: path, part: "the features", fault: error)
    }
  }
}
