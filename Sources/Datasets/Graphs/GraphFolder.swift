import AviaryTensors

extension GraphDataset {
  /// Reads a folder of plain text, in which nodes are counted from 0 and stand one a line:
  /// - `labels.txt`: the class of each node, as numbers from 0, or as names, which are then sorted;
  /// - `features.txt`: the columns of each node's ones, separated by spaces; `column:value` for other values;
  /// - `edges.txt`: two nodes a line;
  /// - `split.txt`, which may be missing: lines that begin with `train`, `val` or `test`, followed by nodes and
  ///   ranges of nodes: `train 0-139`.
  ///
  /// - Parameter seed: chooses the split where there is none.
  public init(folder: String, seed: UInt64 = 0) throws(GraphDataFault) {
    try self.init(folder: folder, GraphReading(seed: seed))
  }

  init(folder: String, _ reading: GraphReading) throws(GraphDataFault) {
    let (labelPath, splitPath) = (folder + "/labels.txt", folder + "/split.txt")
    let hasLabels = reading.needsLabels || GraphFiles.exists(labelPath)
    let (labels, names) = hasLabels ? try GraphFolder.labels(labelPath, reading) : (nil, nil)
    let features = try GraphFolder.features(folder + "/features.txt", least: reading.features ?? 0)
    try self.init(
      path: folder, edges: try GraphFolder.edges(folder + "/edges.txt"), features: features, labels: labels,
      classNames: names,
      split: GraphFiles.exists(splitPath)
        ? try GraphFolder.split(splitPath, nodes: labels?.count ?? features.rows) : nil, reading)
  }
}

private enum GraphFolder {
  static func labels(
    _ path: String, _ reading: GraphReading
  ) throws(GraphDataFault) -> (labels: [Int]?, names: [String]?) {
    let texts = try GraphFiles.lines(path).map { $0.split(separator: " ").joined(separator: " ") }
    guard !texts.isEmpty else { throw .malformed(path: path, part: "labels", reason: "the graph has no nodes") }
    if let empty = texts.firstIndex(of: "") {
      throw .badLine(path: path, line: empty + 1, text: "", expected: "the class of a node")
    }
    let numbers = texts.compactMap { Int($0) }
    if numbers.count == texts.count {
      let limit = reading.labelLimit(nodes: numbers.count)
      if let wrong = numbers.first(where: { $0 < 0 || $0 >= limit }) {
        throw .labelOutside(path: path, label: wrong, classes: limit)
      }
      return (numbers, nil)
    }
    let names = Set(texts).sorted()
    let places = Dictionary(uniqueKeysWithValues: zip(names, names.indices))
    return (texts.compactMap { places[$0] }, names)
  }

  /// - Parameter least: how many columns there are at least.
  static func features(_ path: String, least: Int) throws(GraphDataFault) -> SparseMatrix {
    var offsets = [0]
    var indices: [Int] = []
    var values: [Float] = []
    for (number, line) in try GraphFiles.lines(path).enumerated() {
      for word in line.split(separator: " ") {
        let parts = word.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard let column = Int(parts[0]), column >= 0, column < GraphDataset.mostColumns,
          let value = parts.count == 1 ? 1 : Float(parts[1])
        else {
          throw .badLine(
            path: path, line: number + 1, text: String(word),
            expected: "a column below \(GraphDataset.mostColumns), or column:value")
        }
        indices.append(column)
        values.append(value)
      }
      offsets.append(indices.count)
    }
    return try GraphFiles.matrix(
      path: path, part: "the features", rows: offsets.count - 1, columns: max(least, (indices.max() ?? -1) + 1),
      offsets: offsets, indices: indices, values: values)
  }

  static func edges(_ path: String) throws(GraphDataFault) -> [(Int, Int)] {
    var edges: [(Int, Int)] = []
    for (number, line) in try GraphFiles.lines(path).enumerated() where !line.isEmpty {
      let words = line.split { $0 == " " || $0 == "\t" }
      guard words.count == 2, let a = Int(words[0]), let b = Int(words[1]) else {
        throw .badLine(path: path, line: number + 1, text: String(line), expected: "two nodes")
      }
      edges.append((a, b))
    }
    return edges
  }

  static func split(_ path: String, nodes: Int) throws(GraphDataFault) -> GraphSplit {
    var parts: [String: [Int]] = [:]
    for (number, line) in try GraphFiles.lines(path).enumerated() where !line.isEmpty {
      let words = line.split(separator: " ")
      guard let name = words.first.map(String.init), ["train", "val", "test"].contains(name) else {
        throw .badLine(path: path, line: number + 1, text: String(line), expected: "train, val or test with nodes")
      }
      for word in words.dropFirst() {
        let ends = word.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last else {
          throw .badLine(path: path, line: number + 1, text: String(word), expected: "a node, or a range of nodes")
        }
        // Before the range is written out.
        for node in [first, last] where node < 0 || node >= nodes {
          throw .nodeOutside(path: path, part: name, node: node, nodes: nodes)
        }
        guard parts[name, default: []].count <= nodes else {
          throw .malformed(path: path, part: name, reason: "it names more nodes than there are")
        }
        parts[name, default: []] += Array(first...last)
      }
    }
    return GraphSplit(
      training: parts["train"] ?? [], validation: parts["val"] ?? [], test: parts["test"] ?? [])
  }
}
