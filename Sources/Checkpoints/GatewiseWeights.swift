// LSTMs as tutorials write them out: four linear maps, one a gate, of the input beside the state.

import AviaryDiagnostics

extension Checkpoint {
  /// The same arrays, with gates that stand alone joined into PyTorch's LSTM: where a network has
  /// `<layer>.weight_ih_l0`, and the file has `<layer>.i.weight`, `.f.weight`, `.g.weight` and `.o.weight`, each
  /// [H, I + H] for the input beside the state, with biases of [H]. The other of PyTorch's two biases becomes zero.
  ///
  /// Renaming rules bring the file's own names into this form.
  public func joiningGates(of cells: [CellDescription]) -> Checkpoint {
    let suffix = ".weight_ih_l0"
    var result = self
    for cell in cells where cell.path.hasSuffix(suffix) && self[cell.path] == nil {
      let layer = String(cell.path.dropLast(suffix.count))
      if let joined = joinedGates(of: layer, in: self) {
        result = result.replacing(joined)
      }
    }
    return result
  }

  private func replacing(_ gates: JoinedGates) -> Checkpoint {
    let consumed = ExactSet(gates.weights + gates.biases)
    var result = Checkpoint()
    (result.format, result.metadata, result.notes) = (format, metadata, notes)
    (result.unreadable, result.damage) = (unreadable, damage)
    for entry in entries where !consumed.contains(entry.path) { result.set(entry.array, at: entry.path) }
    for (path, array) in gates.arrays { result.set(array, at: path) }
    result.conversions = conversions.filter { !consumed.contains($0.path) } + gates.conversions
    return result
  }
}

/// The four arrays of a layer whose gates the file has, and the names of those in the file.
private struct JoinedGates {
  var arrays: [(path: String, array: StoredArray)]
  var weights: [String]
  var biases: [String]

  var conversions: [LoadReport.Conversion] {
    [
      .joined(path: arrays[0].path, from: weights), .joined(path: arrays[1].path, from: weights),
      .joined(path: arrays[2].path, from: biases), .filled(path: arrays[3].path, value: 0),
    ]
  }
}

/// Nil where any is absent, or they do not go together.
private func joinedGates(of layer: String, in checkpoint: Checkpoint) -> JoinedGates? {
  var (input, recurrent, bias): ([Float], [Float], [Float]) = ([], [], [])
  var (weights, biases): ([String], [String]) = ([], [])
  var hidden: Int?
  var inputs = 0
  for gate in ["i", "f", "g", "o"] {
    let (weightPath, biasPath) = ("\(layer).\(gate).weight", "\(layer).\(gate).bias")
    guard let weight = checkpoint[weightPath], let gateBias = checkpoint[biasPath], weight.shape.count == 2,
      let rows = weight.shape.first, hidden ?? rows == rows, weight.shape[1] > rows, gateBias.shape == [rows],
      hidden == nil || weight.shape[1] == inputs + rows,
      let numbers = weight.tensor()?.scalars, let offsets = gateBias.tensor()?.scalars
    else { return nil }
    (hidden, inputs) = (rows, weight.shape[1] - rows)
    let width = inputs + rows
    for row in 0..<rows {
      input += numbers[row * width..<row * width + inputs]
      recurrent += numbers[row * width + inputs..<(row + 1) * width]
    }
    bias += offsets
    weights.append(weightPath)
    biases.append(biasPath)
  }
  guard let hidden else { return nil }
  let arrays = [
    ("\(layer).weight_ih_l0", StoredArray(input, shape: [4 * hidden, inputs])),
    ("\(layer).weight_hh_l0", StoredArray(recurrent, shape: [4 * hidden, hidden])),
    ("\(layer).bias_ih_l0", StoredArray(bias, shape: [4 * hidden])),
    ("\(layer).bias_hh_l0", StoredArray([Float](repeating: 0, count: 4 * hidden), shape: [4 * hidden])),
  ]
  return JoinedGates(arrays: arrays.map { (path: $0.0, array: $0.1) }, weights: weights, biases: biases)
}
