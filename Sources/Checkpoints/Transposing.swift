import AviaryDiagnostics
import AviaryTensors

extension Checkpoint {
  /// The same with the axes of matrices exchanged whose names match, for programs that keep [inputs, outputs]. A name may be
  /// the file's own, or the one that renaming has given; other arrays than matrices stay as they are.
  ///
  /// - Throws: where a pattern matches no matrix.
  public func transposed(_ patterns: [PathPattern]) throws(CheckpointFault) -> Checkpoint {
    if patterns.isEmpty { return self }
    var originals = ExactDictionary<String>()
    for case .renamed(let path, let original) in conversions { originals[path] = original }
    var idle = Set(patterns)
    var result = self
    for entry in entries where entry.array.shape.count == 2 {
      let names = [entry.path] + (originals[entry.path].map { [$0] } ?? [])
      let matching = patterns.filter { pattern in
        names.contains { pattern.matches($0.split(separator: "/").joined(separator: ".")) }
      }
      guard !matching.isEmpty else { continue }
      idle.subtract(matching)
      result.set(entry.array.permuted([1, 0]), at: entry.path)
      result.conversions.append(.rearranged(path: entry.path, from: entry.array.shape))
    }
    if let pattern = idle.map(\.description).min() { throw .nothingToTranspose(pattern: pattern) }
    return result
  }

  /// Matrices that are stored the other way round, as far as a network that refuses them can tell; nil where there are
  /// none. Their names, or `**` for all.
  ///
  /// - Parameter fits: whether the network takes the file with these patterns transposed.
  func transposable(_ report: LoadReport, fits: ([PathPattern]) -> Bool) -> [String]? {
    func patterns(_ names: [String]) -> [PathPattern] { names.compactMap { try? PathPattern($0) } }
    let turned = report.mismatched.filter { $0.found.count == 2 && $0.expected == $0.found.reversed() }.map(\.path)
    // A bias that goes with the second axis gives a matrix away, whatever sizes the network has.
    let biased = entries.map(\.path).filter { path in
      guard path.hasSuffix("weight"), let shape = self[path]?.shape, shape.count == 2, shape[0] != shape[1] else {
        return false
      }
      return self[path.dropLast(6) + "bias"]?.shape == [shape[1]]
    }
    for names in [turned, biased, ["**"]] where !names.isEmpty {
      let tried = patterns(names)
      if tried.count == names.count, fits(tried) { return names }
    }
    return nil
  }
}
