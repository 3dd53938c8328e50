import AviaryArchives

extension KerasLayerConversion {
  /// The arrays of one direction of a recurrent layer in PyTorch's layouts: rows are gates, and there are two biases.
  ///
  /// Keras orders the gates of an LSTM i, f, c, o, as PyTorch does, and those of a GRU z, r, h, where PyTorch has r, z, n.
  func recurrent(
    _ arrays: [KerasPart: StoredArray], suffix: String, _ shape: (String) -> [Int]?
  ) throws(CheckpointFault) -> [(String, StoredArray)] {
    let whole = try joiningGates(arrays)
    guard let kernel = whole[.kernel], let recurrent = whole[.recurrentKernel], kernel.shape.count == 2,
      recurrent.shape.count == 2, kernel.shape[1] == recurrent.shape[1], recurrent.shape[0] > 0,
      recurrent.shape[1] % recurrent.shape[0] == 0
    else {
      throw fault("its kernels \(arrays.values.map(\.shape)) do not fit a recurrent layer")
    }
    let units = recurrent.shape[0]
    let gates = recurrent.shape[1] / units
    guard [1, 3, 4].contains(gates) else { throw fault("\(gates) gates do not belong to a known recurrent layer") }
    var result = [
      ("\(target).weight_ih\(suffix)", try gatesTurned(kernel.permuted([1, 0]), gates)),
      ("\(target).weight_hh\(suffix)", try gatesTurned(recurrent.permuted([1, 0]), gates)),
    ]
    guard let bias = whole[.bias] else { return result }
    let (input, own): (StoredArray, StoredArray)
    switch bias.shape {
    case [gates * units]:
      // PyTorch has two biases; the other one adds nothing.
      (input, own) = (bias, bias.filled(with: 0))
      if gates == 3, !mapping.allowsResetBefore {
        throw fault(
          "is a GRU with reset_after=False, which does not compute what this network's does; train it with reset_after=True"
        )
      }
    case [2, gates * units]:
      guard let rows = bias.blocks(2), let first = rows[0].reshaped(to: [gates * units]),
        let second = rows[1].reshaped(to: [gates * units])
      else { throw fault("its bias \(bias.shape) does not divide") }
      (input, own) = (first, second)
    case [2 * gates * units]:
      throw fault("is a CuDNN layer, whose weights have another layout; load it in Keras and save it as a plain layer")
    default: throw fault("a bias of shape \(bias.shape) does not go with \(gates) gates of \(units) units")
    }
    result.append(("\(target).bias_ih\(suffix)", try gatesTurned(input, gates)))
    result.append(("\(target).bias_hh\(suffix)", try gatesTurned(own, gates)))
    return result
  }

  private func gatesTurned(_ array: StoredArray, _ gates: Int) throws(CheckpointFault) -> StoredArray {
    guard let turned = KerasLayout.gates(array, count: gates) else {
      throw fault("an array of shape \(array.shape) does not divide into three gates")
    }
    return turned
  }

  /// Joins Keras 1's arrays, one for each gate, in the order of later versions.
  private func joiningGates(_ arrays: [KerasPart: StoredArray]) throws(CheckpointFault) -> [KerasPart: StoredArray] {
    if arrays[.kernel] != nil { return arrays }
    let isGRU = arrays[.gate(.z, .kernel)] != nil
    let order: [KerasPart.Gate] = isGRU ? [.z, .r, .h] : [.i, .f, .c, .o]
    var result: [KerasPart: StoredArray] = [:]
    for (part, whole) in [
      (KerasGatePart.kernel, KerasPart.kernel), (.recurrentKernel, .recurrentKernel), (.bias, .bias),
    ] {
      let gates = order.compactMap { arrays[.gate($0, part)] }
      let isMatrix = part != .bias
      guard gates.count == order.count, gates.allSatisfy({ $0.shape.count == (isMatrix ? 2 : 1) }),
        let joined = StoredArray.joined(isMatrix ? gates.map { $0.permuted([1, 0]) } : gates)
      else { throw fault("some of its gates are missing, or their shapes differ") }
      result[whole] = isMatrix ? joined.permuted([1, 0]) : joined
    }
    return result
  }
}
