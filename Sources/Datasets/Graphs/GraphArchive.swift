import AviaryArchives
import AviaryTensors

extension GraphDataset {
  /// Reads an `.npz` file as the gnn-benchmark collection (Shchur et al., 2018) has them: `adj_data`, `adj_indices`,
  /// `adj_indptr` and `adj_shape`, the same of `attr_` (or a dense `attr_matrix`), `labels`, and perhaps `class_names`.
  ///
  /// - Parameter seed: chooses the split, which such files do not bring.
  public init(npz path: String, seed: UInt64 = 0) throws(GraphDataFault) {
    try self.init(npz: path, GraphReading(seed: seed))
  }

  /// The names of an `.npz` file's arrays where none of them is part of a graph; nil also of a file that cannot be read.
  package static func otherArrays(npz path: String) -> [String]? {
    guard let names = (try? NumPyArchive(path: path))?.names, !names.isEmpty else { return nil }
    return names.contains { $0.hasPrefix("adj_") || $0.hasPrefix("attr_") } ? nil : names
  }

  init(npz path: String, _ reading: GraphReading) throws(GraphDataFault) {
    let file: GraphArchive
    var labels: [Int]?
    var names: [String]?
    do throws(NumPyFault) {
      file = GraphArchive(archive: try NumPyArchive(path: path), path: path)
      if reading.needsLabels || file.archive.holds("labels") {
        guard let numbers = try file.archive.array("labels").integers else {
          throw NumPyFault.notAnArray(path: path, expected: "labels, an array of whole numbers")
        }
        labels = numbers
      }
      if file.archive.holds("class_names") { names = try file.archive.array("class_names").texts }
    } catch {
      throw .numPy(error)
    }
    let adjacency = try file.matrix("adj")
    guard adjacency.rows == adjacency.columns else {
      throw .malformed(path: path, part: "adj_shape", reason: "\(adjacency.shape) is not square")
    }
    if let labels, adjacency.rows != labels.count {
      throw .counts(path: path, part: "nodes in adj_shape", found: adjacency.rows, expected: labels.count, of: "labels")
    }
    var edges: [(Int, Int)] = []
    let columns = adjacency.columnIndices
    for row in 0..<adjacency.rows { edges += adjacency.places(ofRow: row).map { (row, Int(columns[$0])) } }
    try self.init(
      path: path, edges: edges, features: try file.features(nodes: adjacency.rows), labels: labels, classNames: names,
      split: nil, matrix: adjacency, reading)
  }
}

private struct GraphArchive {
  let archive: NumPyArchive
  let path: String

  func features(nodes: Int) throws(GraphDataFault) -> SparseMatrix {
    guard archive.holds("attr_matrix") else { return try matrix("attr") }
    let array: NumPyArray
    do throws(NumPyFault) { array = try archive.array("attr_matrix") } catch { throw .numPy(error) }
    guard array.shape.count == 2, let values = array.floats else {
      throw .malformed(path: path, part: "attr_matrix", reason: "it is not a matrix of numbers")
    }
    guard array.shape[0] == nodes else {
      throw .counts(path: path, part: "rows of attr_matrix", found: array.shape[0], expected: nodes, of: "labels")
    }
    guard array.shape[1] <= GraphDataset.mostColumns else {
      throw .tooLarge(path: path, part: "features a node", count: array.shape[1], limit: GraphDataset.mostColumns)
    }
    return SparseMatrix(Tensor(values, shape: array.shape))
  }

  /// The matrix of four arrays that begin with the same word.
  func matrix(_ name: String) throws(GraphDataFault) -> SparseMatrix {
    let shape = try integers("\(name)_shape")
    guard shape.count == 2 else {
      throw .malformed(path: path, part: "\(name)_shape", reason: "\(shape.count) numbers, not two")
    }
    let data: NumPyArray
    do throws(NumPyFault) { data = try archive.array("\(name)_data") } catch { throw .numPy(error) }
    guard let values = data.floats else {
      throw .malformed(path: path, part: "\(name)_data", reason: "its elements are not numbers")
    }
    return try GraphFiles.matrix(
      path: path, part: name, rows: shape[0], columns: shape[1], offsets: try integers("\(name)_indptr"),
      indices: try integers("\(name)_indices"), values: values)
  }

  private func integers(_ name: String) throws(GraphDataFault) -> [Int] {
    let array: NumPyArray
    do throws(NumPyFault) { array = try archive.array(name) } catch { throw .numPy(error) }
    guard let numbers = array.integers else {
      throw .malformed(path: path, part: name, reason: "its elements are not integers")
    }
    return numbers
  }
}
