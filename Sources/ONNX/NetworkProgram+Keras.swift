#if ONNX
  import AviaryKeras
  import AviaryLayers
  import AviaryTensors

  extension NetworkProgram {
    /// The sizes that an open axis is tried with: windows and pools need room.
    private static let sizes = [(5, 7, 6), (9, 13, 11), (32, 48, 40), (64, 96, 80), (224, 256, 288)]

    /// A Keras network with its own inputs and outputs, the axes in Aviary's order. Axes that the file leaves open vary
    /// where the network permits it; else they have the size of the input.
    static func keras(_ network: KerasNetwork, input: [Int]) throws(ONNXFault) -> [NetworkProgram] {
      let configuration = network.configuration
      guard !configuration.takesTexts else {
        throw .unsupported(reason: "a Keras model that takes texts is not exported: ONNX has no operator for its texts")
      }
      let open = configuration.inputs.flatMap(\.shape).count { $0 == nil }
      var programs: [NetworkProgram] = []
      for sizes in open == 0 ? [(1, 2, 3)] : open > 2 ? [] : sizes {
        guard var program = keras(network, sizes) else { continue }
        program.takes = { [inputs = program.inputs] sizes in
          let shapes = inputs.map { $0.shape.dropFirst().map { $0.size(sizes) } }
          return (try? configuration.validate(inputs: shapes)) != nil
        }
        guard Symbol.combinations(program.symbols).allSatisfy(program.takes) else { continue }
        program.furtherSizes = furtherSizes(program.symbols).filter(program.takes)
        programs.append(program)
      }
      // The shape of the data.
      if open > 0, (try? configuration.validate(inputs: [input])) != nil, let program = keras(network, fixed: input) {
        programs.append(program)
      }
      if programs.isEmpty {
        throw .unsupported(
          reason: "the Keras model leaves sizes of its input open, and none is found that its layers take")
      }
      return programs
    }

    /// - Parameters:
    ///   - sizes: of open axes in the traces.
    ///   - fixed: the shape of the only input.
    private static func keras(
      _ network: KerasNetwork, _ sizes: (low: Int, high: Int, other: Int) = (0, 0, 0), fixed: [Int]? = nil
    ) -> NetworkProgram? {
      let configuration = network.configuration
      var symbols = [Symbol.batch]
      var inputs: [ProgramInput] = []
      for (place, input) in configuration.inputs.enumerated() {
        let own = fixed ?? []
        let shape = input.shape.enumerated().map { axis, extent -> Extent in
          if let size = extent ?? (axis < own.count ? own[axis] : nil) { return .fixed(size) }
          let name = symbols.count == 1 ? "steps" : "steps_\(symbols.count)"
          symbols.append(Symbol(name: name, low: sizes.low, high: sizes.high, other: sizes.other))
          return .symbol(symbols.count - 1)
        }
        let name = input.label ?? (configuration.inputs.count == 1 ? "input" : input.name)
        let numbers: ProgramInput.Kind =
          shape.count == 2 ? configuration.maskedNumber.map { .masked($0) } ?? .numbers : .numbers
        inputs.append(
          ProgramInput(
            name: name, kind: configuration.symbols(of: place).map { .wholeNumbers(below: $0) } ?? numbers,
            shape: [.symbol(0)] + shape, note: "channels before positions"))
      }
      return NetworkProgram(
        symbols: symbols, inputs: inputs, outputs: configuration.namedOutputs.map(\.name),
        forward: { values in network.outputs(values.map(\.tensor)) })
    }

    /// Sizes of open axes that leave other rests: how a layer pads, and how many windows it has, may depend on what is left
    /// when the size is divided by its stride and those of the layers before. Beyond the low size by each power of two, every
    /// layer sees both even and odd sizes.
    private static func furtherSizes(_ symbols: [Symbol]) -> [[Int]] {
      if symbols.count == 1 { return [] }
      return (0..<6).map { number in
        symbols.enumerated().map { place, symbol in place == 0 ? symbol.low : symbol.low + 1 << ((number + place) % 6) }
      }
    }
  }
#endif
