// The order in which Keras 3 has the layers of a functional model work, where results depend on it.

import AviaryDiagnostics

/// Keras's `map_graph`: calls further from the outputs work first, all calls of a layer as far away as its furthest.
struct KerasRunOrder {
  /// Where each call comes, in the order in which they were given; those that no output needs come last.
  let places: [Int]

  /// - Parameters:
  ///   - calls: each call by its first output, and the outputs that it takes.
  ///   - results: what the model puts out.
  init(_ calls: [(own: KerasHistory, inputs: [KerasHistory])], to results: [KerasHistory]) {
    /// A call, whichever of its outputs is meant.
    func call(_ history: KerasHistory) -> KerasHistory { KerasHistory(layer: history.layer, call: history.call) }
    var numbers: [KerasHistory: Int] = [:]
    for (number, entry) in calls.enumerated() where numbers[entry.own] == nil { numbers[entry.own] = number }
    let inputs = calls.map { $0.inputs.compactMap { numbers[call($0)] } }
    // Calls after those that they take outputs of, by depth first.
    var sorted: [Int] = []
    var seen: Set<Int> = []
    for result in results.compactMap({ numbers[call($0)] }) where seen.insert(result).inserted {
      var path = [(number: result, next: 0)]
      while let (number, next) = path.last {
        if next == inputs[number].count {
          sorted.append(number)
          path.removeLast()
        } else {
          path[path.count - 1].next += 1
          let input = inputs[number][next]
          if seen.insert(input).inserted { path.append((input, 0)) }
        }
      }
    }
    var depths: [Int: Int] = [:]
    var layers = ExactDictionary<Int>()
    var found: [Int] = []
    func deepen(_ number: Int, _ depth: Int) {
      if depths[number] == nil { found.append(number) }
      depths[number] = max(depth, depths[number] ?? 0)
    }
    for number in sorted.reversed() {
      let layer = calls[number].own.layer
      let depth = max(depths[number] ?? 0, layers[layer] ?? 0)
      layers[layer] = depth
      deepen(number, depth)
      for input in inputs[number] { deepen(input, depth + 1) }
    }
    let order = found.enumerated().sorted { a, b in
      let (first, second) = (depths[a.element] ?? 0, depths[b.element] ?? 0)
      return first == second ? a.offset < b.offset : first > second
    }
    var places = Array(repeating: calls.count, count: calls.count)
    for (place, entry) in order.enumerated() { places[entry.element] = place }
    self.places = places
  }
}
