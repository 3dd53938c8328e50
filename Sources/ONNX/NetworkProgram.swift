#if ONNX
  import AviaryLayers
  import AviaryTensors

  /// An axis of an input or output.
  enum Extent: Equatable {
    case fixed(Int)
    /// A symbol, by its place among those of the program.
    case symbol(Int)
    /// A size of its own that has no name.
    case open

    func size(_ sizes: [Int]) -> Int {
      switch self {
      case .fixed(let size): size
      case .symbol(let symbol): sizes[symbol]
      case .open: 0
      }
    }
  }

  /// What a network is called with.
  enum ProgramValue {
    case numbers(Tensor)
    case integers(IntTensor)

    var tensor: Tensor { if case .numbers(let tensor) = self { tensor } else { Tensor(0) } }
    var integers: IntTensor { if case .integers(let integers) = self { integers } else { IntTensor([]) } }
  }

  /// An input of a program.
  struct ProgramInput {
    enum Kind {
      /// Any numbers.
      case numbers
      /// Whole numbers below a bound, as integers.
      case tokens(below: Int)
      /// Whole numbers below a bound in a tensor of floats, with zeros at the ends of rows: the tokens of Keras.
      case wholeNumbers(below: Int)
      /// Any numbers, and this one in all places of the last steps of some sequences.
      case masked(Float)
      /// How many of the steps of each sequence count; the symbol is that of the steps.
      case lengths(steps: Int)
      /// Pairs of different nodes; the symbol is that of the nodes.
      case edges(nodes: Int)
      /// The graph of each node in ascending order; the symbol is that of the graphs.
      case graphIndex(graphs: Int)
    }

    let name: String
    let kind: Kind
    let shape: [Extent]
    /// What it means, for readers of the file.
    var note = ""

    var isNumbers: Bool {
      switch kind {
      case .numbers, .wholeNumbers, .masked: true
      case .tokens, .lengths, .edges, .graphIndex: false
      }
    }

    /// Values of the shape that the sizes give, drawn from a seed.
    func value(_ sizes: [Int], seed: UInt64) -> ProgramValue {
      let shape = shape.map { $0.size(sizes) }
      let count = shape.reduce(1, *)
      var random = RandomStream(seed: seed, purpose: "onnx", path: name)
      func below(_ bound: Int) -> Int { random.integer(below: max(1, bound)) }
      switch kind {
      case .numbers: return .numbers(Tensor(normal: 0, deviation: 1, stream: random, shape: shape))
      case .tokens(let bound): return .integers(IntTensor((0..<count).map { _ in Int32(below(bound)) }, shape: shape))
      case .wholeNumbers(let bound):
        let width = shape.last ?? 1
        // The second row and the third end early.
        let numbers = (0..<count).map { place -> Float in
          let (row, step) = (place / max(1, width), place % max(1, width))
          if bound > 1, shape.count > 1, row > 0, step >= max(1, width - row % 3) { return 0 }
          return Float(bound > 1 ? 1 + below(bound - 1) : 0)
        }
        return .numbers(Tensor(numbers, shape: shape))
      case .masked(let number):
        var scalars = Tensor(normal: 0, deviation: 1, stream: random, shape: shape).scalars
        let width = shape.last ?? 1
        let size = shape.dropFirst().reduce(1, *)
        for place in scalars.indices where place / size > 0 && place % width >= max(1, width - place / size % 3) {
          scalars[place] = number
        }
        return .numbers(Tensor(scalars, shape: shape))
      case .lengths(let symbol):
        let steps = sizes[symbol]
        return .integers(IntTensor((0..<count).map { Int32(max(1, steps - $0 % steps)) }, shape: shape))
      case .edges(let symbol):
        let nodes = sizes[symbol]
        let pairs = (0..<nodes).flatMap { a in (0..<nodes).compactMap { a == $0 ? nil : (a, $0) } }
        var order = Array(pairs.indices)
        for place in order.indices { order.swapAt(place, place + below(order.count - place)) }
        let chosen = order.prefix(shape[1]).map { pairs[$0] }
        return .integers(IntTensor(chosen.map { Int32($0.0) } + chosen.map { Int32($0.1) }, shape: shape))
      case .graphIndex(let symbol):
        let graphs = sizes[symbol]
        return .integers(IntTensor((0..<count).map { Int32($0 * graphs / count) }, shape: shape))
      }
    }
  }

  /// A network as a function of its inputs, which is traced to be exported.
  struct NetworkProgram {
    var symbols: [Symbol]
    let inputs: [ProgramInput]
    let outputs: [String]
    /// What a graph's edges become: that of the only sparse matrix in the program.
    var propagation: GraphPropagation?
    /// From values for the inputs to the outputs, in inference.
    let forward: ([ProgramValue]) -> [Tensor]
  }

  /// The network at work on inputs of certain sizes.
  struct Probe {
    let sizes: [Int]
    let inputs: [ProgramValue]
    let trace: Trace
    /// The places of the outputs in the trace; nil for one that no operation made.
    let outputs: [Int?]
    let tensors: [Tensor]
  }

  extension NetworkProgram {
    func probe(_ sizes: [Int], seed: UInt64) -> Probe {
      let values = inputs.map { $0.value(sizes, seed: seed) }
      let given = zip(inputs, values).compactMap { $0.isNumbers ? $1.tensor : nil }
      let (tensors, trace) = tracing(inputs: given) { inference { forward(values) } }
      return Probe(
        sizes: sizes, inputs: values, trace: trace, outputs: tensors.map { trace.place(of: $0) }, tensors: tensors)
    }
  }
#endif
