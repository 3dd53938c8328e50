import AviaryDatasets
import AviaryLayers
import AviaryTensors

/// Graphs of a collection, ready for a network: any of them make a batch, which is one graph of blocks that do not touch.
public struct GraphExamples: ExampleInputs {
  /// What a network for whole graphs is called with.
  public struct Batch: Sendable {
    /// [nodes, features]
    public let features: NodeFeatures
    /// [nodes, nodes], as the network's `propagation` makes it.
    public let adjacency: SparseMatrix
    /// Which node belongs to which graph.
    public let graphs: GraphIndex
  }

  /// Compressed rows whose numbers are at hand.
  private struct Rows: Equatable, Sendable {
    let offsets: [Int]
    let columns: [Int32]
    let values: [Float]
    let width: Int

    init(_ matrix: SparseMatrix) {
      (offsets, columns, values) = (matrix.rowOffsets, matrix.columnIndices, matrix.values)
      width = matrix.columns
    }
  }

  private let firstNodes: [Int]
  private let features: Rows
  private let adjacency: Rows
  /// The graphs that are examples, as numbers in the collection.
  public private(set) var graphs: [Int]

  /// All graphs of a collection.
  ///
  /// - Parameters:
  ///   - features: [nodes, F], of all nodes.
  ///   - propagation: that of the network.
  public init(_ collection: GraphCollection, features: SparseMatrix, propagation: GraphPropagation) {
    firstNodes = collection.firstNodes
    self.features = Rows(features)
    adjacency = Rows(propagation(collection.adjacency))
    graphs = Array(0..<collection.count)
  }

  /// Some of them.
  public func chosen(_ graphs: [Int]) -> GraphExamples {
    var result = self
    result.graphs = graphs
    return result
  }

  /// The number of graphs.
  public var count: Int { graphs.count }

  /// About 100,000 nodes.
  public var mostAtOnce: Int {
    let nodes = max(1, firstNodes.last ?? 1) / max(1, firstNodes.count - 1)
    return max(1, min(1024, 100_000 / max(1, nodes)))
  }

  public func batch(_ places: [Int]) -> Batch {
    let ranges = places.map { firstNodes[graphs[$0]]..<firstNodes[graphs[$0] + 1] }
    var index: [Int32] = []
    for (number, range) in ranges.enumerated() { index += repeatElement(Int32(number), count: range.count) }
    return Batch(
      features: .sparse(Self.stacked(features, ranges, isDiagonal: false)),
      adjacency: Self.stacked(adjacency, ranges, isDiagonal: true),
      graphs: GraphIndex(index, count: places.count))
  }

  /// Ranges of rows on top of each other; with `isDiagonal` as blocks whose columns do not overlap.
  private static func stacked(_ rows: Rows, _ ranges: [Range<Int>], isDiagonal: Bool) -> SparseMatrix {
    var (offsets, columns, values) = ([0], [Int32](), [Float]())
    var start = 0
    for range in ranges {
      let places = rows.offsets[range.lowerBound]..<rows.offsets[range.upperBound]
      let shift = isDiagonal ? Int32(start - range.lowerBound) : 0
      let first = columns.count - places.lowerBound
      columns += rows.columns[places].map { $0 + shift }
      values += rows.values[places]
      offsets += rows.offsets[range.lowerBound + 1...range.upperBound].map { $0 + first }
      start += range.count
    }
    return SparseMatrix(
      rows: start, columns: isDiagonal ? start : rows.width, rowOffsets: offsets, columnIndices: columns, values: values
    )
  }

  public static func add(_ parts: [Examples<GraphExamples>], to fingerprint: inout DataFingerprint) {
    guard let all = parts.first?.inputs else { return }
    fingerprint.add(all.firstNodes)
    for rows in [all.adjacency, all.features] {
      fingerprint.add(rows.offsets)
      fingerprint.add(rows.columns)
      fingerprint.add(rows.values)
    }
    for part in parts {
      fingerprint.add(part.inputs.graphs)
      fingerprint.add(part.labels)
    }
  }
}
