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

    /// How examples differ in what counts in them.
    enum Pattern {
      /// Sequences of several lengths, one of which is whole.
      case ends
      /// Sequences none of which is whole, with steps in between that do not count, and one without any that counts.
      case scattered
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

    /// Whether there are patterns of it.
    var hasPatterns: Bool { if case .numbers = kind { false } else { true } }

    /// Values of the shape that the sizes give, drawn from a seed.
    func value(_ sizes: [Int], seed: UInt64, pattern: Pattern = .ends) -> ProgramValue {
      let shape = shape.map { $0.size(sizes) }
      let count = shape.reduce(1, *)
      var random = RandomStream(seed: seed, purpose: "onnx", path: name)
      func below(_ bound: Int) -> Int { random.integer(below: max(1, bound)) }
      /// Whether steps of sequences are padding, by row: the second and the third end early, or any steps are, and the
      /// last row is nothing else.
      func padding(rows: Int, steps: Int) -> [[Bool]] {
        (0..<rows).map { row in
          (0..<steps).map { step in
            switch pattern {
            case .ends: row > 0 && step >= max(steps == 1 ? 0 : 1, steps - row % 3)
            case .scattered where row == 0: step < steps - 1 && (step == 0 || below(2) == 0)
            case .scattered: row == rows - 1 || below(2) == 0
            }
          }
        }
      }
      switch kind {
      case .numbers: return .numbers(Tensor(normal: 0, deviation: 1, stream: random, shape: shape))
      case .tokens(let bound): return .integers(IntTensor((0..<count).map { _ in Int32(below(bound)) }, shape: shape))
      case .wholeNumbers(let bound):
        let width = max(1, shape.last ?? 1)
        let isPadding = padding(rows: count / width, steps: width).joined()
        return .numbers(Tensor(isPadding.map { $0 || bound <= 1 ? 0 : Float(1 + below(bound - 1)) }, shape: shape))
      case .masked(let number):
        var scalars = Tensor(normal: 0, deviation: 1, stream: random, shape: shape).scalars
        let width = max(1, shape.last ?? 1)
        let size = shape.dropFirst().reduce(1, *)
        let isPadding = padding(rows: shape.first ?? 1, steps: width)
        for place in scalars.indices where isPadding[place / size][place % width] { scalars[place] = number }
        return .numbers(Tensor(scalars, shape: shape))
      case .lengths(let symbol):
        let steps = sizes[symbol]
        let lengths = (0..<count).map { pattern == .ends ? steps - $0 % steps : 1 + below(steps - 1) }
        return .integers(IntTensor(lengths.map { Int32($0) }, shape: shape))
      case .edges(let symbol):
        let nodes = sizes[symbol]
        let pairs = (0..<nodes).flatMap { a in (0..<nodes).compactMap { a == $0 ? nil : (a, $0) } }
        var order = Array(pairs.indices)
        for place in order.indices { order.swapAt(place, place + below(order.count - place)) }
        let chosen = order.prefix(shape[1]).map { pairs[$0] }
        return .integers(IntTensor(chosen.map { Int32($0.0) } + chosen.map { Int32($0.1) }, shape: shape))
      case .graphIndex(let symbol):
        let graphs = sizes[symbol]
        var index = (0..<count).map { $0 * graphs / count }
        // Every graph has a node.
        if pattern == .scattered { index = (Array(0..<graphs) + (graphs..<count).map { _ in below(graphs) }).sorted() }
        return .integers(IntTensor(index.map { Int32($0) }, shape: shape))
      }
    }
  }

  /// A network as a function of its inputs, which is traced to be exported.
  struct NetworkProgram {
    var symbols: [Symbol]
    /// Sizes with which the result is checked beside those of the symbols.
    var furtherSizes: [[Int]] = []
    let inputs: [ProgramInput]
    let outputs: [String]
    /// What a graph's edges become: that of the only sparse matrix in the program.
    var propagation: GraphPropagation?
    /// Whether its layers take these sizes of the symbols.
    var takes: ([Int]) -> Bool = { _ in true }
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
    func probe(_ sizes: [Int], seed: UInt64, pattern: ProgramInput.Pattern = .ends) -> Probe {
      let values = inputs.map { $0.value(sizes, seed: seed, pattern: pattern) }
      let given = zip(inputs, values).compactMap { $0.isNumbers ? $1.tensor : nil }
      let (tensors, trace) = tracing(inputs: given) { inference { forward(values) } }
      return Probe(
        sizes: sizes, inputs: values, trace: trace, outputs: tensors.map { trace.place(of: $0) }, tensors: tensors)
    }
  }
#endif
