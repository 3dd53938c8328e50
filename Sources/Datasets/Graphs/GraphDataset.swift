import AviaryArchives
import AviaryTensors

/// A graph whose nodes are to be classified, with its split.
public struct GraphDataset: Sendable, Equatable {
  /// [nodes, nodes] of ones, without direction, repeats or self loops.
  public let adjacency: SparseMatrix
  /// [nodes, features]
  public let features: SparseMatrix
  /// The class of each node; −1 where it is not known.
  public let labels: IntTensor
  /// The number of classes.
  public let classes: Int
  /// The names of the classes, where they are known.
  public let classNames: [String]?
  /// Which nodes are for training, validation and test.
  public let split: GraphSplit
  /// What a person should know about what was left out, or taken otherwise than the files have it.
  public let remarks: [String]

  /// The number of nodes.
  public var nodes: Int { adjacency.rows }
  /// The edges, each counted once.
  public var edges: Int { adjacency.nonzeros / 2 }
}

/// The nodes of each part, in rising order.
public struct GraphSplit: Sendable, Equatable {
  /// Places of what is for training.
  public var training: [Int]
  /// Places of what chooses the best epoch.
  public var validation: [Int]
  /// Places of what is scored once, at the end.
  public var test: [Int]

  /// The three parts.
  public init(training: [Int], validation: [Int], test: [Int]) {
    self.training = training.sorted()
    self.validation = validation.sorted()
    self.test = test.sorted()
  }

  /// A split as in Yang et al., 2016, for a graph that has none: of each class 20 nodes for training, then 500 of the
  /// others for validation and 1,000 for test, all chosen by the seed. Small graphs give less: of a class at most a
  /// third to training, of the others at most a third to validation.
  public init(stratifying labels: IntTensor, classes: Int, seed: UInt64) {
    var training: [Int] = []
    var others: [Int] = []
    var members = Array(repeating: [Int](), count: classes)
    for (node, label) in labels.scalars.enumerated() where members.indices.contains(Int(label)) {
      members[Int(label)].append(node)
    }
    for (label, members) in members.enumerated() {
      var random = RandomStream(seed: seed, purpose: "graph split", path: "\(label)")
      let order = random.permutation(members.count).map { members[$0] }
      let count = min(20, max(min(1, members.count), members.count / 3))
      training += order.prefix(count)
      others += order.dropFirst(count)
    }
    var random = RandomStream(seed: seed, purpose: "graph split")
    others.sort()
    others = random.permutation(others.count).map { others[$0] }
    let held = min(500, others.count / 3)
    self.init(
      training: training, validation: Array(others.prefix(held)), test: Array(others.dropFirst(held).prefix(1000)))
  }
}

extension GraphDataset {
  /// Sizes beyond which a file is refused: what is made of a graph grows with them, whatever the file's own size.
  static let mostColumns = 10_000_000

  /// Puts together what was read from the file or files at `path`, whose faults it throws.
  ///
  /// - Parameters:
  ///   - edges: pairs of nodes in any order and direction, perhaps with repeats and self loops.
  ///   - labels: nil where no file has them.
  ///   - split: nil for one that is chosen by the seed.
  ///   - matrix: the file's own matrix of edges, where it has one.
  init(
    path: String, edges: [(Int, Int)], features: SparseMatrix, labels: [Int]?, classes: Int? = nil,
    classNames: [String]? = nil, split: GraphSplit?, matrix: SparseMatrix? = nil, _ reading: GraphReading
  ) throws(GraphDataFault) {
    guard labels != nil || !reading.needsLabels else { throw .noLabels(path: path) }
    let labels = labels ?? Array(repeating: -1, count: features.rows)
    let nodes = labels.count
    guard nodes > 0 else { throw .malformed(path: path, part: "labels", reason: "the graph has no nodes") }
    guard features.rows == nodes else {
      throw .counts(path: path, part: "features", found: features.rows, expected: nodes, of: "labels")
    }
    guard features.columns > 0, features.columns <= Self.mostColumns else {
      throw .tooLarge(path: path, part: "features a node", count: features.columns, limit: Self.mostColumns)
    }
    if let wrong = features.values.first(where: { !$0.isFinite }) {
      throw .malformed(path: path, part: "features", reason: "\(wrong) is not a finite number")
    }
    let limit = reading.labelLimit(nodes: nodes)
    if let wrong = labels.first(where: { $0 < -1 || $0 >= limit }) {
      throw .labelOutside(path: path, label: wrong, classes: classes ?? limit)
    }
    let found = (labels.max() ?? -1) + 1
    let count = classes ?? max(found, classNames?.count ?? 0)
    guard found <= count, count <= limit else { throw .labelOutside(path: path, label: found - 1, classes: count) }
    guard count >= 2 || !reading.needsLabels else {
      throw .malformed(path: path, part: "labels", reason: "there are not two classes")
    }
    adjacency = try Self.adjacency(edges, nodes: nodes, path: path)
    remarks = Self.remarks(path, edges, matrix, taken: adjacency)
    self.features = features
    self.labels = IntTensor(labels.map { Int32($0) })
    self.classes = count
    self.classNames = classNames?.count == count ? classNames : nil
    // A few nodes to be predicted may be of many classes, and are of no part.
    self.split =
      split
      ?? (count <= nodes
        ? GraphSplit(stratifying: self.labels, classes: count, seed: reading.seed)
        : GraphSplit(training: [], validation: [], test: []))
    try checkSplit(path: path, needsAll: reading.needsLabels)
  }

  private static func remarks(
    _ path: String, _ edges: [(Int, Int)], _ matrix: SparseMatrix?, taken: SparseMatrix
  ) -> [String] {
    let loops = edges.count { $0 == $1 }
    var remarks: [String] = []
    if let matrix {
      // Lists of edges name each once; a matrix says both directions.
      let added = taken.nonzeros - (matrix.nonzeros - loops)
      if added > 0 { remarks.append(EdgeRemark.inOneDirection(added, path)) }
      if matrix.values.contains(where: { $0 != 1 }) {
        remarks.append("\(path): the weights of edges are not used: the networks weigh all edges alike")
      }
    }
    if loops > 0 { remarks.append(EdgeRemark.loops(loops, path)) }
    return remarks
  }

  private func checkSplit(path: String, needsAll: Bool) throws(GraphDataFault) {
    for (name, part) in [("train", split.training), ("validation", split.validation), ("test", split.test)] {
      guard !part.isEmpty || !needsAll else { throw .emptyPart(path: path, part: name) }
      for node in part {
        guard node >= 0, node < nodes else { throw .nodeOutside(path: path, part: name, node: node, nodes: nodes) }
        guard labels.scalars[node] >= 0 || !needsAll else {
          throw .malformed(path: path, part: name, reason: "node \(node) is in it and has no label")
        }
      }
      if let twice = zip(part, part.dropFirst()).first(where: ==)?.0 {
        throw .malformed(path: path, part: name, reason: "node \(twice) is in it twice")
      }
    }
    let chosen = Set(split.training)
    let judged = Set(split.validation)
    for (name, part) in [("validation", split.validation), ("test", split.test)] {
      if let both = part.first(where: chosen.contains) {
        throw .malformed(path: path, part: name, reason: "node \(both) is a training node, too")
      }
    }
    if let both = split.test.first(where: judged.contains) {
      throw .malformed(path: path, part: "test", reason: "node \(both) is in the validation part too")
    }
  }

  /// Ones in both directions; repeats and self loops are left out.
  private static func adjacency(
    _ edges: [(Int, Int)], nodes: Int, path: String
  ) throws(GraphDataFault) -> SparseMatrix {
    var triplets: [SparseMatrix.Triplet] = []
    triplets.reserveCapacity(2 * edges.count)
    for (a, b) in edges {
      for node in [a, b] where node < 0 || node >= nodes {
        throw .nodeOutside(path: path, part: "an edge", node: node, nodes: nodes)
      }
      if a != b { triplets += [.init(a, b), .init(b, a)] }
    }
    do throws(SparseMatrixFault) {
      let sums = try SparseMatrix(validatingRows: nodes, columns: nodes, triplets)
      return try SparseMatrix(
        validatingRows: nodes, columns: nodes, rowOffsets: sums.rowOffsets, columnIndices: sums.columnIndices,
        values: Array(repeating: 1, count: sums.nonzeros))
    } catch {
      throw .badMatrix(path: path, part: "the edges", fault: error)
    }
  }
}

// MARK: - Reading

extension GraphDataset {
  /// Reads a graph in any of three forms: an `.npz` file as the gnn-benchmark collection has them, a folder with
  /// `edges.txt`, `features.txt` and `labels.txt`, or Planetoid files under a common prefix, such as
  /// `planetoid/ind.cora`.
  ///
  /// - Parameters:
  ///   - seed: chooses the split of a graph that brings none.
  ///   - features: how many features a network takes: a folder's texts do not say how many columns of zeros follow the
  ///     last one that is not zero. nil for as many as the files have.
  ///   - needsLabels: whether files without labels are refused, and those with parts that have no nodes. Nodes that are only
  ///     to be predicted have −1 for their label.
  public init(
    path: String, seed: UInt64 = 0, features: Int? = nil, needsLabels: Bool = true
  ) throws(GraphDataFault) {
    let reading = GraphReading(seed: seed, features: features, needsLabels: needsLabels)
    if path.hasSuffix(".npz") {
      try self.init(npz: path, reading)
    } else if GraphFiles.exists(path + ".graph") {
      try self.init(planetoid: path, reading)
    } else if GraphFiles.exists(path + "/edges.txt") {
      try self.init(folder: path, reading)
    } else {
      throw .noGraph(path: path)
    }
  }
}

/// What the files of a graph are read for.
struct GraphReading {
  /// Of the split of a graph that brings none.
  var seed: UInt64 = 0
  /// The least number of features, where the files leave it open.
  var features: Int?
  var needsLabels = true

  /// No label is this number or a greater one. A graph that is learned from has a node of every class.
  func labelLimit(nodes: Int) -> Int { needsLabels ? nodes : max(nodes, 1_000_000) }
}

/// What is said of edges that are taken otherwise than a file has them.
enum EdgeRemark {
  static func inOneDirection(_ count: Int, _ path: String) -> String {
    "\(path): \(counted(count, "edge")) listed in one direction only \(count == 1 ? "is" : "are") taken in both"
  }

  static func loops(_ count: Int, _ path: String) -> String {
    "\(path): \(counted(count, "edge")) from a node to itself \(count == 1 ? "is" : "are") left out"
  }
}
