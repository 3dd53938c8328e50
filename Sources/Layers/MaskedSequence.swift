import AviaryTensors

// Sequences of which some steps do not count: a layer reads the others one after the other and keeps its states meanwhile.

extension SequenceLayer {
  /// The output, and the states at the end: see `forward`.
  ///
  /// - Parameters:
  ///   - mask: [N, T], not zero where a step counts; nil where all do.
  ///   - state: the initial states, [directions, N, H]; nil for zeros.
  ///   - zeroing: whether the output at other steps is zero; else it is that of the step before. Both directions together
  ///     put out zeros.
  public func callAsFunction(
    _ x: Tensor, mask: Tensor?, state: RecurrentState? = nil, zeroing: Bool = false
  ) -> (output: Tensor, state: RecurrentState) {
    let configuration = recurrent.configuration
    // [T, N, I]
    let steps = x.transposed(axis == 1 ? [2, 0, 1] : [1, 0, 2])
    let places = mask.flatMap { CountedSteps($0, of: recurrent) }
    var (output, last) = recurrent(places?.compacted(steps) ?? steps, state: state, lengths: places?.lengths)
    if let places {
      output = places.spread(output, zeroing: zeroing || configuration.bidirectional)
      last = places.kept(last, from: state)
    }
    if !returnsSequences {
      return (merged((0..<configuration.directions).map { last.hidden.slice(axis: 0, at: $0) }, axis: 1), last)
    }
    let sizes = Array(repeating: configuration.hidden, count: configuration.directions)
    let ordered = inReadingOrder ? output.reversed(axis: 0) : output
    let joined = merged(ordered.split(sizes: sizes, axis: 2), axis: 2)
    return (joined.transposed(axis == 1 ? [1, 2, 0] : [1, 0, 2]), last)
  }
}

/// Which steps of sequences count.
private struct CountedSteps {
  private let mask: Tensor
  private let steps: Int
  /// By sequence, the steps that count.
  private let counted: [[Int]]
  private let reversed: Bool

  /// - Parameters:
  ///   - mask: [N, T]
  ///   - layer: what reads the steps.
  /// - Returns: nil if all steps count; not for a trace, which has to hold for other masks, too.
  init?(_ mask: Tensor, of layer: any RecurrentLayer) {
    let scalars = Self.elements(mask, for: layer)
    if !isTracing, scalars.allSatisfy({ $0 != 0 }) { return nil }
    let steps = mask.shape[1]
    counted = (0..<mask.shape[0]).map { row in (0..<steps).filter { scalars[row * steps + $0] != 0 } }
    self.mask = mask
    self.steps = steps
    reversed = layer.configuration.reversed
  }

  /// The elements of a mask. A trace has the mask as an operand of all that is made of them, so that it need not list
  /// that they are read: but for a layer that goes step by step, whose steps do not say which sequences have ended.
  private static func elements(_ mask: Tensor, for layer: any RecurrentLayer) -> [Float] {
    guard isTracing else { return mask.scalars }
    guard layer.configuration.isStepByStep else { return untraced { mask.scalars } }
    return profiled(Observation.path(of: layer) ?? "") { mask.scalars }
  }

  /// A layer reads at least one step; what it makes of none is left out afterwards.
  var lengths: [Int] { counted.map { max(1, $0.count) } }

  /// [T, N, I] with the steps that count first. A trace lists how many they are, by which it is known that the lengths
  /// of a recurrent layer are these.
  func compacted(_ x: Tensor) -> Tensor {
    composed(
      .init("compactedSteps", ["lengths": .indices(IntTensor(lengths.map { Int32($0) }))]), from: [x, mask]
    ) {
      taken(x) { row, step in step < counted[row].count ? counted[row][step] : nil }
    }
  }

  /// [T, N, H] with the steps where they were.
  func spread(_ y: Tensor, zeroing: Bool) -> Tensor {
    let places = counted.map { own in
      var places = [Int?](repeating: nil, count: steps)
      for (place, step) in own.enumerated() { places[step] = place }
      guard !zeroing else { return places }
      var last: Int?
      for step in reversed ? Array((0..<steps).reversed()) : Array(0..<steps) {
        last = places[step] ?? last
        places[step] = last
      }
      return places
    }
    return composed(
      .init("spreadSteps", ["zeroing": .flag(zeroing), "reversed": .flag(reversed)]), from: [y, mask]
    ) { taken(y) { places[$0][$1] } }
  }

  /// The rows of the states that read a step, and the initial states of the others. A trace lists it whether there are others
  /// or not, as these depend on the mask.
  func kept(_ state: RecurrentState, from initial: RecurrentState?) -> RecurrentState {
    guard counted.contains(where: \.isEmpty) || isTracing else { return state }
    let reads = Tensor(counted.map { $0.isEmpty ? 0 : 1 }, shape: [1, counted.count, 1])
    func kept(_ last: Tensor, _ first: Tensor?) -> Tensor {
      composed(.init("keptStates", [:]), from: [last, mask, first]) {
        let own = last * reads
        return first.map { own + $0 * (1 - reads) } ?? own
      }
    }
    return RecurrentState(
      hidden: kept(state.hidden, initial?.hidden), cell: state.cell.map { kept($0, initial?.cell) })
  }

  /// The element at a step of each sequence; zeros where there is none.
  private func taken(_ x: Tensor, from place: (_ row: Int, _ step: Int) -> Int?) -> Tensor {
    var places: [Int32] = []
    var exists: [Float] = []
    for step in 0..<steps {
      for row in counted.indices {
        let found = place(row, step)
        places.append(Int32(found ?? 0))
        exists.append(found == nil ? 0 : 1)
      }
    }
    let shape = [steps, counted.count, 1]
    return x.taken(along: 0, at: IntTensor(places, shape: shape)) * Tensor(exists, shape: shape)
  }
}
