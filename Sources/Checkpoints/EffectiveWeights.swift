import AviaryDiagnostics

// Weights that PyTorch computes from other tensors whenever a layer runs. A network here has the weights themselves.

extension Checkpoint {
  /// The same with the weights that layers compute with, in place of the tensors that they compute them from: g · v / ‖v‖ of
  /// weight normalization, W / σ of spectral normalization with the vectors that the file has, and weight · mask of pruning.
  /// Notes say which were computed, and which are parametrized in a way that is not known.
  public func withEffectiveWeights() -> Checkpoint {
    let sources = entries.compactMap { ParametrizedWeight($0.path, in: self) }
    if sources.isEmpty { return self }
    var made: [(source: ParametrizedWeight, array: StoredArray)] = []
    // The layers of the parts that weights are made of.
    var consumed = ExactDictionary<String>()
    var failed: [String] = []
    for source in sources where self[source.name] == nil {
      if let array = source.effective(in: self) {
        made.append((source, array))
        for part in source.parts { consumed[part] = source.layer }
      } else {
        failed.append(source.name)
      }
    }
    // A weight comes first in its layer, as it would without the parametrization.
    var waiting = ExactDictionary<[Entry]>()
    for (source, array) in made { waiting[source.layer, default: []].append(Entry(source.name, array)) }
    var replaced: [Entry] = []
    for entry in entries {
      let layer = consumed[entry.path] ?? ParametrizedWeight.layer(of: entry.path)
      if let weights = waiting[layer] {
        replaced += weights
        waiting[layer] = nil
      }
      if consumed[entry.path] == nil { replaced.append(entry) }
    }
    var result = replacingEntries(replaced)
    result.conversions = conversions.filter { consumed[$0.path] == nil }
    var names: [ParametrizedWeight.Kind: [String]] = [:]
    for (source, _) in made {
      result.conversions.append(.joined(path: source.name, from: source.parts))
      names[source.kind, default: []].append(source.name)
    }
    for kind in ParametrizedWeight.Kind.allCases {
      if let names = names[kind] {
        result.notes.append("the parts of \(kind.rawValue), which was applied: \(listed(names))")
      }
    }
    if !failed.isEmpty {
      result.notes.append(
        "weights parametrized in a way that the file does not settle; the tensors are kept as stored: \(listed(failed)); "
          + "apply it in PyTorch with torch.nn.utils.parametrize.remove_parametrizations")
    }
    return result
  }
}

/// A weight that a layer computes, and the tensors that it is made from.
private struct ParametrizedWeight {
  enum Kind: String, CaseIterable {
    case weightNorm = "weight normalization"
    case spectralNorm = "spectral normalization"
    case pruning
    case unknown = "an unknown parametrization"
  }

  let kind: Kind
  /// What the weight is called.
  let name: String
  /// Those of g and v; of W, u and v; of the weight and its mask.
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
      name = (components.dropLast(3) + [components[components.count - 2]]).joined(separator: ".")
      switch last {
      case "original0" where has(base + "original1") && !has(base + "original2"):
        (kind, parts) = (.weightNorm, [path, base + "original1"])
      case "original"
      where has(base + "0._u", base + "0._v") && !checkpoint.paths.contains { $0.hasPrefix(base + "1.") }:
        (kind, parts) = (.spectralNorm, [path, base + "0._u", base + "0._v"])
      case "original": (kind, parts) = (.unknown, [path])
      default: return nil
      }
    } else if path.hasSuffix("_g"), has(String(path.dropLast(2)) + "_v") {
      name = String(path.dropLast(2))
      (kind, parts) = (.weightNorm, [path, name + "_v"])
      guard Self.gain(parts, checkpoint) != nil else { return nil }
    } else if path.hasSuffix("_orig") {
      name = String(path.dropLast(5))
      if has(name + "_mask") {
        (kind, parts) = (.pruning, [path, name + "_mask"])
      } else if has(name + "_u", name + "_v") {
        (kind, parts) = (.spectralNorm, [path, name + "_u", name + "_v"])
      } else if has(name + "_u") {
        (kind, parts) = (.unknown, [path, name + "_u"])
      } else {
        return nil
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
    let result: (values: [Double], shape: [Int])?
    switch kind {
    case .pruning:
      result = arrays[0].shape == arrays[1].shape ? (zip(values[0], values[1]).map(*), arrays[0].shape) : nil
    case .weightNorm:
      result = Self.gain(parts, checkpoint).map { axis in
        (Self.normalized(values[1], arrays[1].shape, gain: values[0], axis: axis), arrays[1].shape)
      }
    case .spectralNorm:
      result = Self.spectral(values[0], arrays[0].shape, values[1], values[2]).map { ($0, arrays[0].shape) }
    case .unknown: result = nil
    }
    guard let result else { return nil }
    return StoredArray(result.values.map { Float($0) }, shape: result.shape).cast(to: target)
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
  /// transposed convolution. Nil where the vectors do not say which.
  private static func spectral(_ w: [Double], _ shape: [Int], _ u: [Double], _ v: [Double]) -> [Double]? {
    guard shape.count > 1, u.count * v.count == w.count else { return nil }
    let axes = (0...(shape.count > 2 ? 1 : 0)).filter { shape[$0] == u.count }
    // v is the direction of Wᵀ·u up to the last step of training, if W has its rows along the axis.
    let candidates = axes.map { axis -> (sigma: Double, agreement: Double) in
      var product = [Double](repeating: 0, count: v.count)
      var columns = [Int](repeating: 0, count: u.count)
      for (element, value) in w.enumerated() {
        let row = slice(element, shape, axis)
        product[columns[row]] += value * u[row]
        columns[row] += 1
      }
      let sigma = zip(product, v).reduce(0) { $0 + $1.0 * $1.1 }
      let length = product.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return (sigma, sigma / length)
    }
    guard let best = candidates.max(by: { $0.agreement < $1.agreement }) else { return nil }
    if candidates.count > 1,
      best.agreement < 0.9 || candidates.contains(where: { $0.sigma != best.sigma && $0.agreement > 0.8 })
    {
      return nil
    }
    return w.map { $0 / best.sigma }
  }
}
