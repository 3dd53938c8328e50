import AviaryArchives

extension KerasLayerConversion {
  /// The arrays of one direction of a recurrent layer as PyTorch has them: rows are gates, and there are two biases.
  ///
  /// Keras orders the gates of an LSTM i, f, c, o, as PyTorch does; those of a GRU z, r, h, which PyTorch has as r, z, n.
  ///
  /// - Parameter names: those of the arrays in the file.
  func recurrent(
    _ arrays: [KerasPart: StoredArray], _ names: [(part: KerasPart, name: String)], suffix: String
  ) throws(CheckpointFault) -> [KerasConvertedArray] {
    func sources(_ whole: KerasPart, _ gate: KerasGatePart) -> [String] {
      names.filter { entry in
        if case .gate(_, let part) = entry.part { part == gate } else { entry.part == whole }
      }.map(\.name)
    }
    let whole = try joiningGates(arrays)
    guard let kernel = whole[.kernel], let recurrent = whole[.recurrentKernel], kernel.shape.count == 2,
      recurrent.shape.count == 2, kernel.shape[1] == recurrent.shape[1], recurrent.shape[0] > 0,
      recurrent.shape[1] % recurrent.shape[0] == 0
    else {
      throw fault("its kernels \(arrays.values.map(\.shape)) are not those of a recurrent layer")
    }
    let units = recurrent.shape[0]
    let gates = recurrent.shape[1] / units
    guard [1, 3, 4].contains(gates) else { throw fault("no known recurrent layer has \(gates) gates") }
    var result: [KerasConvertedArray] = [
      .init(
        "\(target).weight_ih\(suffix)", try reordered(kernel.permuted([1, 0]), gates),
        from: sources(.kernel, .kernel), rearranged: kernel.shape),
      .init(
        "\(target).weight_hh\(suffix)", try reordered(recurrent.permuted([1, 0]), gates),
        from: sources(.recurrentKernel, .recurrentKernel), rearranged: recurrent.shape),
    ]
    guard let bias = whole[.bias] else { return result }
    let (input, own): (StoredArray, StoredArray)
    switch bias.shape {
    case [gates * units]:
      // One bias is enough; of two the other adds nothing.
      (input, own) = (bias, bias.filled(with: 0))
      if gates == 3, !mapping.allowsResetBefore {
        throw fault(
          "is a GRU with reset_after=False, which computes something other than this network's; train it with reset_after=True"
        )
      }
    case [2, gates * units]:
      guard let rows = bias.blocks(2), let first = rows[0].reshaped(to: [gates * units]),
        let second = rows[1].reshaped(to: [gates * units])
      else { throw fault("its bias \(bias.shape) does not divide") }
      (input, own) = (first, second)
    case [2 * gates * units]:
      throw fault(
        "is a CuDNN layer, whose weights are laid out differently; load it in Keras and save it as a plain layer")
    default: throw fault("a bias of shape \(bias.shape) does not go with \(gates) gates of \(units) units")
    }
    let biases = sources(.bias, .bias)
    let isMoved = gates == 3 || bias.shape.count == 2
    result.append(
      .init(
        "\(target).bias_ih\(suffix)", try reordered(input, gates), from: biases,
        rearranged: isMoved ? bias.shape : nil))
    let hasBoth = bias.shape.count == 2
    result.append(
      .init(
        "\(target).bias_hh\(suffix)", try reordered(own, gates), from: hasBoth ? biases : [],
        rearranged: hasBoth ? bias.shape : nil))
    return result
  }

  private func reordered(_ array: StoredArray, _ gates: Int) throws(CheckpointFault) -> StoredArray {
    guard gates == 3 else { return array }
    guard let blocks = array.blocks(3), let joined = StoredArray.joined([blocks[1], blocks[0], blocks[2]]) else {
      throw fault("an array of shape \(array.shape) does not divide into three gates")
    }
    return joined
  }

  /// Keras 1 keeps an array for each gate: joined in the order of later versions.
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
      else { throw fault("its gates are not complete, or not alike") }
      result[whole] = isMatrix ? joined.permuted([1, 0]) : joined
    }
    return result
  }
}
