#if ONNX
  import AviaryTensors

  extension GraphLowering {
    /// What networks make of the lengths of sequences: each step's one or zero, and the like.
    private enum Masked: CaseIterable {
      /// 1 before the end of a sequence, 0 behind it.
      case counted
      /// 0 before the end, 1 behind it.
      case padding
      /// What hides padding from attention: 0 before the end, −∞ behind it.
      case added
      /// 1 / length, for each sequence.
      case share

      func value(isCounted: Bool) -> Float {
        switch self {
        case .counted, .share: isCounted ? 1 : 0
        case .padding: isCounted ? 0 : 1
        case .added: isCounted ? 0 : -.infinity
        }
      }
    }

    /// A constant that the program has made of the input of lengths, as nodes; nil where it is none.
    func constantOfLengths(_ tensors: [Tensor], _ sizes: [Size]) throws(ONNXFault) -> String? {
      guard let input = input(where: { if case .lengths = $0 { true } else { false } }),
        case .lengths(let steps) = trace.program.inputs[input.place].kind
      else { return nil }
      let scalars = tensors.map(\.scalars)
      // A step of its own before the others counts, too.
      for extra in 0...1 {
        for kind in Masked.allCases {
          let expected = trace.probes.map { probe -> [Float] in
            let lengths = probe.inputs[input.place].integers.scalars.map { Int($0) + extra }
            if kind == .share { return lengths.map { 1 / Float($0) } }
            let count = probe.sizes[steps] + extra
            return lengths.flatMap { length in (0..<count).map { kind.value(isCounted: $0 < length) } }
          }
          guard expected == scalars else { continue }
          let made = graph.once("lengths \(kind) \(extra)") { nodes(kind, input.name, steps: steps, extra: extra) }
          return graph.node("Reshape", [made, vector(sizes)])
        }
      }
      return nil
    }

    /// [N, T], or [N] for the shares.
    private func nodes(_ kind: Masked, _ lengths: String, steps: Int, extra: Int) -> String {
      let longer = extra == 0 ? lengths : graph.node("Add", [lengths, graph.int64s([extra], shape: [])])
      let float = NodeAttribute.int(graph.float.dataType.rawValue)
      if kind == .share { return graph.node("Reciprocal", [graph.node("Cast", [longer], ["to": float])]) }
      let count = Size(symbol: steps) - Size(-extra)
      let places = graph.node(
        "Range", [graph.int64s([0], shape: []), scalar(count), graph.int64s([1], shape: [])])
      let isCounted = graph.node("Less", [places, graph.node("Unsqueeze", [longer, graph.int64s([1])])])
      switch kind {
      case .counted, .share: return graph.node("Cast", [isCounted], ["to": float])
      case .padding: return graph.node("Cast", [graph.node("Not", [isCounted])], ["to": float])
      case .added: return graph.node("Where", [isCounted, graph.number(0), graph.number(-.infinity)])
      }
    }
  }
#endif
