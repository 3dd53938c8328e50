import Aviary
import AviaryHDF5
import AviaryHDF5Writing

/// The features of `aviary features` for the nodes of a graph, and for the graphs of a collection.
struct GraphFeatures {
  private let evaluation: DataEvaluation
  private let data: String
  /// `node` or `graph`.
  let item: String
  private let classes: [String]
  private let preprocessing: InputPreparation
  /// The class of each item among `classes`; −1 where it is not known.
  private let labels: [Int]
  private let parts: [String]
  /// The number of the first item.
  private let first: Int
  /// Rows of features of a range of items.
  private let rows: (Range<Int>) -> [[Float]]

  var count: Int { labels.count }

  init(_ data: String, _ evaluation: DataEvaluation) throws {
    self.evaluation = evaluation
    self.data = data
    if GraphCollection.isPresent(at: data) {
      let setting = try evaluation.graphSetting(data)
      (item, first, classes) = ("graph", 1, setting.classes)
      preprocessing = .graphs(setting.data.encoding)
      let collection = setting.data.collection
      labels =
        (try? collection.labels(among: setting.classes))?.map(Int.init) ?? Array(repeating: -1, count: collection.count)
      let division = setting.data.division(recorded: evaluation.checkpoint.metadata)
      parts = Self.parts(
        collection.count,
        division.map { [(.train, $0.training), (.validation, $0.validation), (.test, $0.test)] } ?? [])
      func open(_ model: some NodeClassifier) -> (Range<Int>) -> [[Float]] {
        { setting.data.embeddings(model, of: Array($0)) }
      }
      rows = open(setting.model)
    } else {
      let setting = try evaluation.nodeSetting(data, needsLabels: false)
      (item, first, classes) = ("node", 0, setting.classes)
      var preparation = InputPreparation.GraphPreparation(normalizesFeatures: true)
      if case .graph(let stored)? = try evaluation.checkpoint.inputPreparation() { preparation = stored }
      preprocessing = .graph(preparation)
      let split = setting.dataset.split
      labels = setting.dataset.labels.scalars.map(Int.init)
      parts = Self.parts(
        labels.count, [(.train, split.training), (.validation, split.validation), (.test, split.test)])
      func open(_ model: some NodeClassifier) -> NodeFeatures { setting.task.embeddings(model) }
      let found = open(setting.model)
      let scalars = { () -> [Float] in if case .dense(let tensor) = found { tensor.scalars } else { [] } }()
      let width = found.shape[1]
      rows = { range in
        range.map { node in
          guard case .sparse(let matrix) = found else { return Array(scalars[node * width..<(node + 1) * width]) }
          return matrix.row(node)
        }
      }
    }
  }

  /// The name of the part that each item belongs to; empty where it belongs to none.
  private static func parts(_ count: Int, _ parts: [(EvaluationPart, [Int])]) -> [String] {
    var names = [String](repeating: "", count: count)
    for (part, items) in parts { for item in items { names[item] = part.word } }
    return names
  }

  /// Writes all of them, and returns how many numbers each has.
  func write(to output: String) throws -> Int {
    var width = 0
    try HDF5RowWriter.write(to: output) { writer in
      let size = 1024
      for start in stride(from: 0, to: count, by: size) {
        let range = start..<min(count, start + size)
        let rows = rows(range)
        for (place, row) in rows.enumerated() where !row.allSatisfy(\.isFinite) {
          throw PredictionFault.notFinite(of: "\(data) \(item) \(start + place + first)", evaluation.model)
        }
        width = rows.first?.count ?? width
        try writer.append(rows.flatMap { $0 }, width: width, to: "features")
        try writer.append(labels[range].map(Int64.init), to: "labels")
        try writer.append(range.map { Int64($0 + first) }, to: "\(item)s")
        try writer.append(Array(parts[range]), to: "parts")
      }
      return try FeaturesCommand.attributes(
        classes: classes, architecture: evaluation.checkpoint.metadata.architecture ?? "", preprocessing)
    }
    return width
  }
}

extension SparseMatrix {
  /// One row of the dense matrix.
  fileprivate func row(_ row: Int) -> [Float] {
    var result = [Float](repeating: 0, count: columns)
    let (indices, values) = (columnIndices, values)
    for place in places(ofRow: row) { result[Int(indices[place])] = values[place] }
    return result
  }
}
