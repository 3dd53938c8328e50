import Aviary

extension Workload {
  /// Kipf & Welling's network on a random graph of Cora's size, with features that are as rare as Cora's.
  static let graphWorkloads = [
    Workload(name: "gcn-train", items: 1) { setting in
      let model = TwoGraphConvolutions(features: 1433, dropout: setting.dropout(0.5))
      model.initialize(seed: 0)
      let labelled = 140
      guard let start = setting.start else {
        let adjacency = randomGraph(nodes: 2708, edges: 5278).symmetricallyNormalized()
        let features = randomFeatures(rows: 2708, columns: 1433, share: 0.0127)
        let y = random("y", below: 7, shape: [labelled])
        return try training(model, learningRate: 1e-2, weightDecay: 5e-4) {
          crossEntropy(model(features, adjacency).slice(axis: 0, from: 0, to: labelled), labels: y)
        }
      }
      try model.load(start.weights)
      let (adjacency, features) = (SparseMatrix(try start.tensor("a")), SparseMatrix(try start.tensor("x")))
      let y = try start.integers("y")
      return try training(model, learningRate: 1e-2, weightDecay: 5e-4) {
        crossEntropy(model(features, adjacency).slice(axis: 0, from: 0, to: labelled), labels: y)
      }
    }
  ]

  private static func randomGraph(nodes: Int, edges: Int) -> SparseMatrix {
    let ends = random("edges", below: nodes, shape: [edges, 2]).scalars.map(Int.init)
    let triplets = (0..<edges).flatMap { edge in
      let (a, b) = (ends[2 * edge], ends[2 * edge + 1])
      return [SparseMatrix.Triplet(a, b), SparseMatrix.Triplet(b, a)]
    }
    return SparseMatrix(rows: nodes, columns: nodes, triplets)
  }

  private static func randomFeatures(rows: Int, columns: Int, share: Float) -> SparseMatrix {
    var random = stream("features")
    var triplets: [SparseMatrix.Triplet] = []
    for row in 0..<rows {
      for column in 0..<columns where random.uniform() < share { triplets.append(SparseMatrix.Triplet(row, column)) }
    }
    return SparseMatrix(rows: rows, columns: columns, triplets).rowNormalized()
  }
}

/// Two graph convolutions with dropout between them: the zoo's GCN, which also drops features, would do more than the
/// network that it is compared with.
private struct TwoGraphConvolutions: Layer {
  let w1: GraphConvolution
  let w2: GraphConvolution
  let dropout: Dropout

  init(features: Int, dropout rate: Float) {
    w1 = GraphConvolution(features, 16)
    w2 = GraphConvolution(16, 7)
    dropout = Dropout(rate)
  }

  /// [nodes, F] → [nodes, 7]
  func callAsFunction(_ x: SparseMatrix, _ adjacency: SparseMatrix) -> Tensor {
    w2(dropout(relu(w1(.sparse(x), adjacency: adjacency))), adjacency: adjacency)
  }

  /// Takes over recorded weights, whose names are those of plain linear layers.
  func load(_ weights: Checkpoint) throws {
    for (path, parameter) in [
      ("w1.weight", w1.weight), ("w1.bias", w1.bias), ("w2.weight", w2.weight), ("w2.bias", w2.bias),
    ] {
      guard let value = weights[path]?.tensor(), let parameter, value.shape == parameter.shape else {
        throw BenchFault.noWeight(path: path)
      }
      parameter.assign(value)
    }
  }
}
