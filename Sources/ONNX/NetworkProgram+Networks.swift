#if ONNX
  import AviaryKeras
  import AviaryLayers
  import AviaryModels
  import AviaryTensors

  extension Symbol {
    static let batch = Symbol(name: "batch", low: 2, high: 3, other: 4)
    static func steps(_ name: String = "steps") -> Symbol { Symbol(name: name, low: 5, high: 7, other: 6) }
  }

  extension NetworkProgram {
    /// The programs that a network is tried as, the most general one first: what depends on the length of sequences is
    /// exported for a single length.
    ///
    /// - Parameter input: the shape of an input without the batch, as the network's data have it.
    static func candidates(
      for network: any Network, input: [Int], output: String
    ) throws(ONNXFault) -> [NetworkProgram] {
      switch network {
      case let network as KerasNetwork: return try keras(network, input: input)
      case let network as any NodeClassifier: return [nodes(network, output: output)]
      case let network as any LanguageModel: return languageModel(network)
      case let network as any SequenceReader: return reader(network, input: input, output: output)
      case let network as any SequenceTagger: return [tagger(network, output: output)]
      case let network as any EnergyModel: return [energyModel(network)]
      case let network as any SequenceWriter: return [try writer(network, input: input)]
      case let network as any Classifier: return [classifier(network, input: input, output: output)]
      default: throw .unsupported(reason: "a \(type(of: network)) cannot be exported to ONNX")
      }
    }

    private static func classifier(_ network: some Classifier, input: [Int], output: String) -> NetworkProgram {
      NetworkProgram(
        symbols: [.batch],
        inputs: [ProgramInput(name: "input", kind: .numbers, shape: [.symbol(0)] + input.map { .fixed($0) })],
        outputs: [output], forward: { [network($0[0].tensor)] })
    }

    // MARK: Sequences

    private static func reader(_ network: some SequenceReader, input: [Int], output: String) -> [NetworkProgram] {
      /// - Parameter steps: nil where they vary.
      func program(_ steps: Int?) -> NetworkProgram {
        let symbols = steps == nil ? [Symbol.batch, .steps()] : [.batch]
        let axes: [Extent] = [.symbol(0), steps.map { .fixed($0) } ?? .symbol(1)]
        let lengths = ProgramInput(
          name: "lengths", kind: .lengths(steps: 1), shape: [.symbol(0)],
          note: "how many steps of each sequence count, from 1 on; what stands behind them does not matter")
        // Sequences of one fixed length have no lengths.
        let further = steps == nil ? [lengths] : []
        func lengthsOf(_ values: [ProgramValue]) -> [Int]? {
          steps == nil ? values[1].integers.scalars.map { Int($0) } : nil
        }
        if let symbols = network.symbols {
          return NetworkProgram(
            symbols: steps == nil ? [.batch, .steps()] : [.batch],
            inputs: [ProgramInput(name: "tokens", kind: .tokens(below: symbols), shape: axes)] + further,
            outputs: [output],
            forward: { [network(tokens: $0[0].integers, lengths: lengthsOf($0))] })
        }
        let width = (network.configuration as? any SequenceConfiguration)?.inputs ?? (input.count == 2 ? input[1] : 1)
        return NetworkProgram(
          symbols: symbols,
          inputs: [ProgramInput(name: "input", kind: .numbers, shape: axes + [.fixed(width)])] + further,
          outputs: [output], forward: { [network($0[0].tensor, lengths: lengthsOf($0))] })
      }
      return [program(nil)] + (input.first.map { [program($0)] } ?? [])
    }

    private static func tagger(_ network: some SequenceTagger, output: String) -> NetworkProgram {
      NetworkProgram(
        symbols: [.batch, .steps()],
        inputs: [
          ProgramInput(name: "tokens", kind: .tokens(below: network.symbols), shape: [.symbol(0), .symbol(1)]),
          ProgramInput(
            name: "lengths", kind: .lengths(steps: 1), shape: [.symbol(0)],
            note: "how many steps of each sequence count, from 1 on"),
        ],
        outputs: [output],
        forward: { [network(tokens: $0[0].integers, lengths: $0[1].integers.scalars.map { Int($0) })] })
    }

    private static func languageModel(_ network: some LanguageModel) -> [NetworkProgram] {
      let context = (network.configuration as? CharacterTransformer.Configuration)?.context
      if let recurrent = network as? CharacterModel { return [characters(recurrent)] }
      func program(_ symbols: [Symbol], _ steps: Extent) -> NetworkProgram {
        NetworkProgram(
          symbols: symbols,
          inputs: [
            ProgramInput(
              name: "tokens", kind: .tokens(below: network.symbols), shape: [.symbol(0), steps],
              note: context.map { "the beginning of a text, at most \($0) tokens" } ?? "the beginning of a text")
          ],
          outputs: ["logits"], forward: { [network(tokens: $0[0].integers, state: nil).logits] })
      }
      // Below the whole context, all of which is taken otherwise.
      if let context, context < 8 { return [program([.batch], .fixed(context))] }
      return [program([.batch, .steps()], .symbol(1))]
    }

    /// A recurrent model with the states that it goes on with.
    private static func characters(_ network: CharacterModel) -> NetworkProgram {
      let configuration = network.configuration
      let state: [Extent] = [.fixed(configuration.layers), .symbol(0), .fixed(configuration.hidden)]
      let hasCells = configuration.kind == .lstm
      let note = "what the call before put out; zeros at the beginning of a text"
      return NetworkProgram(
        symbols: [.batch, .steps()],
        inputs: [
          ProgramInput(name: "tokens", kind: .tokens(below: network.symbols), shape: [.symbol(0), .symbol(1)]),
          ProgramInput(name: "hidden", kind: .numbers, shape: state, note: note),
        ] + (hasCells ? [ProgramInput(name: "cell", kind: .numbers, shape: state, note: note)] : []),
        outputs: ["logits", "hidden_out"] + (hasCells ? ["cell_out"] : []),
        forward: { values in
          let (logits, last) = network(
            tokens: values[0].integers,
            state: RecurrentState(hidden: values[1].tensor, cell: hasCells ? values[2].tensor : nil))
          return [logits, last.hidden] + (last.cell.map { [$0] } ?? [])
        })
    }

    private static func writer<Model: SequenceWriter>(
      _ network: Model, input: [Int]
    ) throws(ONNXFault) -> NetworkProgram {
      let note = "the tokens before each one that is written: first the end, then the text as far as it is known"
      func previous(_ steps: Int) -> ProgramInput {
        ProgramInput(
          name: "previous", kind: .tokens(below: network.symbols), shape: [.symbol(0), .symbol(steps)], note: note)
      }
      if let symbols = network.sourceSymbols {
        return NetworkProgram(
          symbols: [.batch, .steps("source_steps"), Symbol(name: "steps", low: 3, high: 4, other: 8)],
          inputs: [
            ProgramInput(name: "tokens", kind: .tokens(below: symbols), shape: [.symbol(0), .symbol(1)]),
            ProgramInput(
              name: "lengths", kind: .lengths(steps: 1), shape: [.symbol(0)],
              note: "how many tokens of each source count, from 1 on"),
            previous(2),
          ],
          outputs: ["logits"],
          forward: { values in
            let text = SourceText(
              tokens: values[0].integers, lengths: values[1].integers.scalars.map { Int($0) })
            return (text as? Model.Source).map { [network($0, previous: values[2].integers)] } ?? []
          })
      }
      let width = (network.configuration as? SequenceGenerator.Configuration)?.inputs ?? input.reduce(1, *)
      guard Model.Source.self == Tensor.self else {
        throw .unsupported(reason: "a \(Model.self) reads what no ONNX input holds")
      }
      return NetworkProgram(
        symbols: [.batch, .steps()],
        inputs: [
          ProgramInput(name: "input", kind: .numbers, shape: [.symbol(0), .fixed(width)]), previous(1),
        ],
        outputs: ["logits"],
        forward: { values in
          (values[0].tensor as? Model.Source).map { [network($0, previous: values[1].integers)] } ?? []
        })
    }

    // MARK: Others

    private static func energyModel(_ network: some EnergyModel) -> NetworkProgram {
      let visible = network.visibleParts.reduce(0) { $0 + $1.visible }
      return NetworkProgram(
        symbols: [.batch],
        inputs: [ProgramInput(name: "visible", kind: .numbers, shape: [.symbol(0), .fixed(visible)])],
        outputs: ["hidden", "reconstruction"],
        forward: {
          [network.hiddenProbabilities($0[0].tensor), network.reconstruction($0[0].tensor, completing: false)]
        })
    }

    private static func nodes(_ network: some NodeClassifier, output: String) -> NetworkProgram {
      let width =
        (network.configuration as? GCN.Configuration)?.features
        ?? (network.configuration as? GIN.Configuration)?.features ?? 1
      let index = ProgramInput(
        name: "graph", kind: .graphIndex(graphs: 2), shape: [.symbol(0)],
        note: "the graph that each node belongs to, counted from 0")
      let graphs = Symbol(name: "graphs", low: 2, high: 3, other: 4)
      return NetworkProgram(
        symbols: [
          Symbol(name: "nodes", low: 8, high: 11, other: 10), Symbol(name: "edges", low: 12, high: 17, other: 14),
        ]
          + (network.classifiesGraphs ? [graphs] : []),
        inputs: [
          ProgramInput(
            name: "features", kind: .numbers, shape: [.symbol(0), .fixed(width)], note: "the features of each node"),
          ProgramInput(
            name: "edges", kind: .edges(nodes: 0), shape: [.fixed(2), .symbol(1)],
            note: "from the nodes of the first row to those of the second; an undirected edge in both directions"),
        ] + (network.classifiesGraphs ? [index] : []),
        outputs: [output], propagation: network.propagation,
        forward: { values in
          let features = values[0].tensor
          let matrix = network.propagation(adjacency(values[1].integers, nodes: features.shape[0]))
          let graphs = network.classifiesGraphs ? values[2].integers : nil
          let index = graphs.map { GraphIndex($0.scalars, count: Int($0.scalars.max() ?? 0) + 1) }
          return [network(.dense(features), adjacency: matrix, graphs: index)]
        })
    }

    /// The adjacency [nodes, nodes] of edges [2, E]: a one in the row of the node that an edge ends in.
    static func adjacency(_ edges: IntTensor, nodes: Int) -> SparseMatrix {
      let count = edges.shape[1]
      return SparseMatrix(
        rows: nodes, columns: nodes,
        (0..<count).map { .init(Int(edges.scalars[count + $0]), Int(edges.scalars[$0])) })
    }
  }
#endif
