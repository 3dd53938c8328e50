import AviaryTensors

/// How what is known of the nodes of graphs becomes the features that a network is given.
///
/// The columns are in the order of PyTorch Geometric's `TUDataset`: attributes, then a column for each value of each label.
/// Degrees, with a column for each, stand in where nodes have neither.
public struct NodeEncoding: Codable, Equatable, Sendable {
  /// What features are made of.
  public enum Part: String, Codable, Sendable, CaseIterable {
    /// The file's attributes; labels, one-hot; degrees, one-hot.
    case attributes, labels, degree
  }

  /// The values of a column of labels: all whole numbers from the least to the greatest.
  public struct LabelRange: Codable, Equatable, Sendable {
    /// The smallest label.
    public var first: Int
    /// How many labels there are from it on.
    public var count: Int

    /// Labels from the first on.
    public init(first: Int, count: Int) {
      self.first = first
      self.count = count
    }
  }

  /// The number of attributes of a node; 0 where they are not used.
  public var attributes: Int
  /// Of each column of labels; empty where they are not used.
  public var labels: [LabelRange]
  /// The greatest degree that has a column of its own, which higher ones share; nil where degrees are not used.
  public var mostNeighbours: Int?

  /// Degrees beyond this one share a column, as few nodes have them.
  public static let degreeLimit = 500

  /// The number of features.
  public var columns: Int { attributes + labels.reduce(0) { $0 + $1.count } + (mostNeighbours.map { $0 + 1 } ?? 0) }

  /// In words.
  public var description: String {
    var parts = attributes > 0 ? ["\(attributes) attributes"] : []
    if !labels.isEmpty { parts.append("\(labels.reduce(0) { $0 + $1.count }) labels") }
    if let mostNeighbours { parts.append("degrees from 0 to \(mostNeighbours)") }
    return parts.joined(separator: ", ")
  }

  /// An encoding of these parts.
  public init(attributes: Int, labels: [LabelRange], mostNeighbours: Int?) {
    self.attributes = attributes
    self.labels = labels
    self.mostNeighbours = mostNeighbours
  }

  /// What fits the nodes of a collection.
  ///
  /// - Parameter parts: what features are made of; nil for attributes and labels as far as they are there, else degrees.
  public init(fitting collection: GraphCollection, parts: [Part]? = nil) throws(GraphDataFault) {
    let path = collection.path
    let isBare = collection.attributeCount == 0 && collection.nodeLabels.isEmpty
    if parts?.contains(.attributes) == true, collection.attributeCount == 0 {
      throw .malformed(path: path, part: "the nodes", reason: "they have no attributes")
    }
    if parts?.contains(.labels) == true, collection.nodeLabels.isEmpty {
      throw .malformed(path: path, part: "the nodes", reason: "they have no labels")
    }
    let parts = parts ?? (isBare ? [.degree] : [.attributes, .labels])
    attributes = parts.contains(.attributes) ? collection.attributeCount : 0
    labels = []
    for column in parts.contains(.labels) ? collection.nodeLabels : [] {
      let (least, greatest) = (column.min() ?? 0, column.max() ?? 0)
      let span = greatest.subtractingReportingOverflow(least)
      guard !span.overflow, span.partialValue < GraphDataset.mostColumns else {
        throw .tooLarge(
          path: path, part: "different labels of nodes", count: span.overflow ? .max : span.partialValue,
          limit: GraphDataset.mostColumns)
      }
      labels.append(LabelRange(first: least, count: span.partialValue + 1))
    }
    if parts.contains(.degree) {
      let most = (0..<collection.nodes).map { collection.adjacency.places(ofRow: $0).count }.max() ?? 0
      mostNeighbours = min(most, Self.degreeLimit)
    }
    _ = try validated(path: path)
  }

  /// Refuses what no collection can have led to.
  public func validated(path: String = "the checkpoint") throws(GraphDataFault) -> NodeEncoding {
    let sizes = [attributes] + labels.map(\.count) + (mostNeighbours.map { [$0] } ?? [])
    guard sizes.allSatisfy({ (0...GraphDataset.mostColumns).contains($0) }), labels.count <= 1000,
      labels.allSatisfy({ $0.count > 0 && !$0.first.addingReportingOverflow($0.count).overflow }),
      (1...GraphDataset.mostColumns).contains(columns)
    else { throw .malformed(path: path, part: "the features of nodes", reason: "their numbers are impossible") }
    return self
  }

  /// The features of all nodes: [nodes, columns]. A label that is not known has zeros, as `unknown(in:)` says.
  public func features(of collection: GraphCollection) throws(GraphDataFault) -> SparseMatrix {
    let path = collection.path
    guard attributes == 0 || attributes == collection.attributeCount else {
      throw .otherNodes(path: path, part: "attributes", found: collection.attributeCount, expected: attributes)
    }
    guard labels.isEmpty || labels.count == collection.nodeLabels.count else {
      throw .otherNodes(
        path: path, part: "columns of labels", found: collection.nodeLabels.count, expected: labels.count)
    }
    var (offsets, indices, values) = ([0], [Int32](), [Float]())
    for node in 0..<collection.nodes {
      for column in 0..<attributes {
        let value = collection.nodeAttributes[node * attributes + column]
        if value != 0 {
          indices.append(Int32(column))
          values.append(value)
        }
      }
      var start = attributes
      for (range, column) in zip(labels, collection.nodeLabels) {
        if let place = range.place(of: column[node]) {
          indices.append(Int32(start + place))
          values.append(1)
        }
        start += range.count
      }
      if let mostNeighbours {
        indices.append(Int32(start + min(mostNeighbours, collection.adjacency.places(ofRow: node).count)))
        values.append(1)
      }
      offsets.append(indices.count)
    }
    do throws(SparseMatrixFault) {
      return try SparseMatrix(
        validatingRows: collection.nodes, columns: columns, rowOffsets: offsets, columnIndices: indices, values: values)
    } catch {
      throw .badMatrix(path: path, part: "the features", fault: error)
    }
  }

  /// The labels of a collection that have no column, in rising order.
  public func unknown(in collection: GraphCollection) -> [Int] {
    Set(zip(labels, collection.nodeLabels).flatMap { range, column in column.filter { range.place(of: $0) == nil } })
      .sorted()
  }
}

extension NodeEncoding.LabelRange {
  fileprivate func place(of label: Int) -> Int? {
    let place = label.subtractingReportingOverflow(first)
    return !place.overflow && (0..<count).contains(place.partialValue) ? place.partialValue : nil
  }
}
