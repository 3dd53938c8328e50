import AviaryDiagnostics

// Weights that PyTorch computes from other tensors whenever a layer runs. A network here has the weights themselves.

extension Checkpoint {
  /// The same with the weights that layers compute with, in place of the tensors that they compute them from: g · v / ‖v‖ of
  /// weight normalization, W / σ of spectral normalization with the vectors that the file has, and weight · mask of pruning.
  /// Notes say which were computed, and which are parametrized in a way that is not known.
  public func withEffectiveWeights() -> Checkpoint {
    var result = self
    // What the weights are made of; of a part that is made itself, in its place, the tensors that the file has.
    var origins = ExactDictionary<(kinds: [ParametrizedWeight.Kind], parts: [String])>()
    var names: [String] = []
    var failed: [String] = []
    while true {
      var made: [(source: ParametrizedWeight, array: StoredArray)] = []
      failed = []
      let sources = result.entries.compactMap { ParametrizedWeight($0.path, in: result) }
        .filter { result[$0.name] == nil }
      var claims = ExactDictionary<Int>()
      for source in sources { claims[source.name, default: 0] += 1 }
      for source in sources {
        // What two parametrizations would each make is made by neither.
        if claims[source.name] == 1, let array = source.effective(in: result) {
          made.append((source, array))
        } else {
          failed.append(source.name)
        }
      }
      if made.isEmpty { break }
      result = result.replacing(made)
      for (source, _) in made {
        let own = source.parts.map { origins[$0] ?? ([], [$0]) }
        for part in source.parts { origins[part] = nil }
        origins[source.name] = (own.flatMap(\.kinds) + source.steps, own.flatMap(\.parts))
        names.append(source.name)
      }
    }
    if names.isEmpty, failed.isEmpty { return self }
    result.conversions = conversions.filter { self[$0.path] == nil || result[$0.path] != nil }
    var applied: [(what: String, names: [String])] = []
    for name in names {
      guard let origin = origins[name] else { continue }
      result.conversions.append(.joined(path: name, from: origin.parts))
      var words: [String] = []
      for kind in origin.kinds where words.last != kind.rawValue { words.append(kind.rawValue) }
      let what = words.joined(separator: " and ") + (words.count > 1 ? ", which were applied" : ", which was applied")
      if let place = applied.firstIndex(where: { $0.what == what }) {
        applied[place].names.append(name)
      } else {
        applied.append((what, [name]))
      }
    }
    result.notes += applied.map { "the parts of \($0.what): \(listed($0.names))" }
    if !failed.isEmpty {
      result.notes.append(
        "weights parametrized in a way that the file does not settle; the tensors are kept as stored: \(listed(failed)); "
          + "apply it in PyTorch with torch.nn.utils.parametrize.remove_parametrizations")
    }
    return result
  }

  /// The same with weights in place of their parts.
  private func replacing(_ made: [(source: ParametrizedWeight, array: StoredArray)]) -> Checkpoint {
    // The layers of the parts that weights are made of.
    var consumed = ExactDictionary<String>()
    // A weight comes first in its layer, as it would without the parametrization.
    var waiting = ExactDictionary<[Entry]>()
    for (source, array) in made {
      for part in source.parts { consumed[part] = source.layer }
      waiting[source.layer, default: []].append(Entry(source.name, array))
    }
    var replaced: [Entry] = []
    for entry in entries {
      let layer = consumed[entry.path] ?? ParametrizedWeight.layer(of: entry.path)
      if let weights = waiting[layer] {
        replaced += weights
        waiting[layer] = nil
      }
      if consumed[entry.path] == nil { replaced.append(entry) }
    }
    return replacingEntries(replaced)
  }
}

/// A weight that a layer computes, and the tensors that it is made from.
private struct ParametrizedWeight {
  enum Kind: String {
    case weightNorm = "weight normalization"
    case spectralNorm = "spectral normalization"
    case pruning
    case unknown = "an unknown parametrization"
  }

  /// What the layer does, in its order.
  let steps: [Kind]
  /// What the weight is called.
  let name: String
  /// Those of g and v, or of the weight itself; then those of each further step: u and v, or a mask.
  let parts: [String]
  var layer: String { Self.layer(of: name) }

  /// What the names of a layer's tensors begin with.
  static func layer(of path: String) -> String {
    path.split(separator: ".", omittingEmptySubsequences: false).dropLast().joined(separator: ".")
  }

  /// The weight that begins with a tensor of this name; nil where the tensor is just that.
  init?(_ path: String, in checkpoint: Checkpoint) {
    func has(_ names: String...) -> Bool { names.allSatisfy { checkpoint[$0] != nil } }
    let components = path.split(separator: ".", omittingEmptySubsequences: false)
    if components.count >= 3, components[components.count - 3] == "parametrizations" {
      let last = components[components.count - 1]
      let base = String(path.dropLast(last.count))
      guard last == "original" || last == "original0" else { return nil }
      name = (components.dropLast(3) + [components[components.count - 2]]).joined(separator: ".")
      let isNormalized = last == "original0" && has(base + "original1")
      var (steps, parts) = isNormalized ? ([Kind.weightNorm], [path, base + "original1"]) : ([], [path])
      // Each of the others is numbered by its place.
      while has("\(base)\(steps.count)._u", "\(base)\(steps.count)._v") {
        parts += ["\(base)\(steps.count)._u", "\(base)\(steps.count)._v"]
        steps.append(.spectralNorm)
      }
      let own = ExactSet(parts)
      let isKnown =
        !steps.isEmpty && !checkpoint.entries.contains { $0.path.hasPrefix(base) && !own.contains($0.path) }
      (self.steps, self.parts) = isKnown ? (steps, parts) : ([.unknown], [path])
    } else if path.hasSuffix("_g"), has(String(path.dropLast(2)) + "_v") {
      name = String(path.dropLast(2))
      (steps, parts) = ([.weightNorm], [path, name + "_v"])
      guard Self.gain(parts, checkpoint) != nil else { return nil }
    } else if path.hasSuffix("_orig") {
      name = String(path.dropLast(5))
      switch (has(name + "_mask"), has(name + "_u")) {
      case (true, false): (steps, parts) = ([.pruning], [path, name + "_mask"])
      case (false, true) where has(name + "_v"):
        (steps, parts) = ([.spectralNorm], [path, name + "_u", name + "_v"])
      case (_, true): (steps, parts) = ([.unknown], [path, name + "_u"])
      case (false, false): return nil
      }
    } else {
      return nil
    }
  }

  /// The axis that each number of g belongs to a slice of, or -1 for one number for all.
  private static func gain(_ parts: [String], _ checkpoint: Checkpoint) -> Int? {
    guard let g = checkpoint[parts[0]], let v = checkpoint[parts[1]], g.dtype.isFloatingPoint, v.dtype.isFloatingPoint
    else { return nil }
    if g.shape.isEmpty { return -1 }
    guard g.shape.count == v.shape.count else { return nil }
    let long = g.shape.indices.filter { g.shape[$0] != 1 }
    switch long.count {
    // One slice alone: along the first axis of one element, or all there is.
    case 0: return v.shape.firstIndex(of: 1) ?? -1
    case 1: return g.shape[long[0]] == v.shape[long[0]] ? long[0] : nil
    default: return nil
    }
  }

  func effective(in checkpoint: Checkpoint) -> StoredArray? {
    let arrays = parts.compactMap { checkpoint[$0] }
    guard arrays.count == parts.count, let target = arrays.first(where: { $0.shape.count > 0 })?.dtype else {
      return nil
    }
    // What is unpacked when it is used may be damaged.
    guard arrays.allSatisfy({ (try? $0.check()) != nil }) else { return nil }
    let values = arrays.compactMap { $0.doubles() }
    guard values.count == arrays.count else { return nil }
    var (weight, shape) = (values[0], arrays[0].shape)
    var next = 1
    for step in steps {
      switch step {
      case .pruning:
        guard arrays[next].shape == shape else { return nil }
        weight = zip(weight, values[next]).map(*)
        next += 1
      case .weightNorm:
        guard let axis = Self.gain(parts, checkpoint) else { return nil }
        shape = arrays[next].shape
        weight = Self.normalized(values[next], shape, gain: weight, axis: axis)
        next += 1
      case .spectralNorm:
        guard let scaled = Self.spectral(weight, shape, values[next], values[next + 1]) else { return nil }
        weight = scaled
        next += 2
      case .unknown: return nil
      }
    }
    return StoredArray(weight, shape: shape).cast(to: target)
  }

  /// How elements of a row-major array fall into slices along an axis.
  private static func slice(_ element: Int, _ shape: [Int], _ axis: Int) -> Int {
    axis < 0 ? 0 : element / shape[(axis + 1)...].reduce(1, *) % shape[axis]
  }

  private static func normalized(_ v: [Double], _ shape: [Int], gain: [Double], axis: Int) -> [Double] {
    var squares = [Double](repeating: 0, count: axis < 0 ? 1 : shape[axis])
    for (element, value) in v.enumerated() { squares[slice(element, shape, axis)] += value * value }
    let factors = zip(gain, squares).map { $0 / $1.squareRoot() }
    return v.enumerated().map { $1 * factors[slice($0, shape, axis)] }
  }

  /// W / σ with σ = uᵀ·W·v, where W is a matrix whose rows are the slices along an axis: the first, and the second of a
  /// transposed convolution, unless somebody chose another. Nil where the vectors do not say which.
  private static func spectral(_ w: [Double], _ shape: [Int], _ u: [Double], _ v: [Double]) -> [Double]? {
    guard shape.count > 1, u.count * v.count == w.count else { return nil }
    let fitting = shape.indices.filter { shape[$0] == u.count }
    let usual = fitting.filter { $0 == 0 || ($0 == 1 && shape.count > 2) }
    let scale =
      Self.scale(w, shape, u, v, axes: usual, others: fitting.count > usual.count)
      ?? Self.scale(w, shape, u, v, axes: fitting, others: false)
    return scale.map { sigma in w.map { $0 / sigma } }
  }

  /// σ along the one of these axes that the vectors were made for; nil where that is not certain. `others`: whether there
  /// are further axes, so that a single one needs proof.
  private static func scale(
    _ w: [Double], _ shape: [Int], _ u: [Double], _ v: [Double], axes: [Int], others isOneOfMany: Bool
  ) -> Double? {
    let candidates = axes.map { axis -> (sigma: Double, error: Double) in
      var (left, right) = ([Double](repeating: 0, count: v.count), [Double](repeating: 0, count: u.count))
      var columns = [Int](repeating: 0, count: u.count)
      for (element, value) in w.enumerated() {
        let row = slice(element, shape, axis)
        left[columns[row]] += value * u[row]
        right[row] += value * v[columns[row]]
        columns[row] += 1
      }
      let sigma = zip(left, v).reduce(0) { $0 + $1.0 * $1.1 }
      // One vector has the direction of W times the other up to the last step of training, if W has its rows along the
      // axis: v in torch.nn.utils.parametrizations, u in the older spectral_norm.
      return (sigma, 1 - sigma / min(length(left) * length(v), length(right) * length(u)))
    }
    guard let best = candidates.min(by: { $0.error < $1.error }) else { return nil }
    // Axes that make the same matrix, such as those of one element, are one.
    let others = candidates.filter { abs($0.sigma - best.sigma) > 1e-9 * abs(best.sigma) }
    if others.isEmpty, !isOneOfMany { return best.sigma }
    return best.error < 0.1 && others.allSatisfy { $0.error > 30 * best.error + 0.02 } ? best.sigma : nil
  }

  private static func length(_ vector: [Double]) -> Double {
    vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
  }
}
