import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryLayers

/// Layers that are not PyTorch's own, against what it computes in float64 when they are written out, and their gradients
/// against finite differences. The cases are those of `tools/goldens_layers.py`.
@Suite struct LayerGoldenTests {
  static let goldens = Result { () throws(GoldenFault) -> Goldens in try Goldens("layers", of: "LayersTests") }
  static let names = [
    "conv_same", "conv_causal", "max_pool_same", "min_pool_same", "avg_pool_same", "conv_transpose_same", "activation",
    "prelu", "linear", "layer_norm", "group_norm", "batch_norm", "flatten", "reshape", "embedding", "zero_pad", "crop",
    "upsample", "permute", "repeat_row", "rescale", "mean_over_positions", "max_over_positions", "sequence",
  ]

  @Test(arguments: names) func equalsPyTorch(name: String) throws {
    for golden in try Self.goldens.get().cases(of: name) {
      let (layer, x) = try Self.layer(name, golden)
      let expected = try golden.array("y")
      let mode = name == "batch_norm" ? Mode.training : .inference
      let predicted = withMode(mode) { layer(x) }
      expectClose(actual: predicted.scalars, shape: predicted.shape, golden: expected, name: golden.name)
      for (operand, gradient) in Self.gradients(of: layer, at: x, upstream: try Self.tensor(golden, "dy")) {
        if operand == "x", golden.optionalArray("x") == nil { continue }
        let found = try #require(gradient, "\(golden.name): no gradient of \(operand)")
        let label = "\(golden.name): gradient of \(operand)"
        let array = try golden.array("d_\(operand)")
        expectClose(
          actual: found.scalars, shape: found.shape, golden: array, relativeL2: gradientTolerance, name: label)
        // The comparison itself finds 2 % too much.
        let flawed = Closeness(actual: found.scalars.map { $0 * 1.02 }, expected: array.values)
        #expect(!flawed.isWithin(relativeL2: gradientTolerance, relativeMax: 1e-4), "\(label)")
      }
    }
  }

  /// Along its own direction each gradient says how the values change.
  @Test(arguments: names) func gradientsAgreeWithDifferences(name: String) throws {
    for golden in try Self.goldens.get().cases(of: name) {
      let (layer, x) = try Self.layer(name, golden)
      let upstream = try Self.tensor(golden, "dy")
      let weights = upstream.scalars.map(Double.init)
      func loss(_ x: Tensor) -> Double {
        let y = withMode(.training) { layer(x) }.scalars
        return zip(y, weights).reduce(0) { $0 + Double($1.0) * $1.1 }
      }
      for (operand, gradient) in Self.gradients(of: layer, at: x, upstream: upstream) {
        if operand == "x", golden.optionalArray("x") == nil { continue }
        let direction = try #require(gradient)
        let size = direction.scalars.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
        let step = direction * Float(5e-3 / size)
        let change: Double
        if operand == "x" {
          change = loss(x + step) - loss(x - step)
        } else {
          let parameter = try #require(layer.parameters.first { $0.path == operand })
          let value = parameter.tensor
          parameter.assign(value + step)
          let ahead = loss(x)
          parameter.assign(value - step)
          change = ahead - loss(x)
          parameter.assign(value)
        }
        #expect(abs(change / (2 * 5e-3 * size) - 1) < 1e-2, "\(golden.name), \(operand): \(change / (1e-2 * size))")
      }
    }
  }

  /// A layer that is added to the file is added here.
  @Test func noLayerIsLeftOut() throws {
    let found = try Self.goldens.get().metadata.keys.filter { $0.hasPrefix("case/") }.map {
      String($0.split(separator: "/")[1])
    }
    #expect(Set(found) == Set(Self.names))
  }

  /// Sequences that end early are what they are alone, whichever functions a layer has.
  @Test(arguments: [RecurrentKind.rnnTanh, .lstm, .gru]) func sequencesMayEndEarly(kind: RecurrentKind) {
    for reversed in [false, true] {
      let layer = RecurrentConfiguration(
        kind: kind, inputs: 2, hidden: 3, functions: .init(activation: .softsign, resetsAfter: false),
        reversed: reversed
      ).layer()
      layer.initialize(seed: 1)
      let x = FunctionLayerTests.numbers([4, 2, 2], 3)
      let (y, state) = layer(x, lengths: [4, 2])
      let alone = layer(x.slice(axis: 0, from: 0, to: 2).slice(axis: 1, from: 1, to: 2))
      let own = y.slice(axis: 1, from: 1, to: 2)
      expectClose(
        actual: own.slice(axis: 0, from: 0, to: 2).scalars, expected: alone.output.scalars.map(Double.init))
      #expect(own.slice(axis: 0, from: 2, to: 4).scalars.allSatisfy { $0 == 0 })
      expectClose(
        actual: state.hidden.slice(axis: 1, from: 1, to: 2).scalars,
        expected: alone.state.hidden.scalars.map(Double.init))
    }
  }

  @Test func activationsKeepTheirParameters() throws {
    let all: [Activation] = [
      .leakyRelu(slope: 0.2), .elu(alpha: 2), .hardSigmoid(slope: 0.2), .thresholdedRelu(maximum: 6),
    ]
    #expect(all.map(\.name) == ["leaky_relu", "elu", "hardsigmoid", "thresholded_relu"])
    #expect(Activation(named: "leaky_relu", ["slope": 0.2]) == all[0])
    #expect(Activation(named: "leaky_relu", ["alpha": 0.2]) == nil && Activation(named: "leakyRelu") == nil)
  }

  @Test func paddingThatDependsOnTheInputFollowsIt() {
    let layer = Conv2d(1, 1, kernel: 3, stride: 2, padding: .same)
    layer.initialize(seed: 1)
    for size in 1...6 { #expect(layer(Tensor(ones: [1, 1, size, 7])).shape == [1, 1, (size + 1) / 2, 4]) }
    #expect(MaxPool2d(2, padding: .same)(Tensor(ones: [1, 1, 3, 4])).shape == [1, 1, 2, 2])
  }

  // MARK: - The layers

  static func tensor(_ golden: GoldenCase, _ name: String) throws -> Tensor {
    let array = try golden.array(name)
    return Tensor(array.floats, shape: array.shape)
  }

  /// Of Σ y·upstream with respect to the input, and to every parameter by its path.
  static func gradients(of layer: any UnaryLayer, at x: Tensor, upstream: Tensor) -> [(String, Tensor?)] {
    func differentiated(_ layer: some UnaryLayer) -> [(String, Tensor?)] {
      let variable = Variable(x)
      let cells = [variable] + layer.parameters.map(\.filled)
      let gradients = valueWithGradients(of: cells, mode: .training, noise: nil) {
        ((layer(variable.tracked) * upstream).sum(), ())
      }.gradients
      return [("x", gradients[variable])] + layer.parameters.map { ($0.path, gradients[$0]) }
    }
    return differentiated(layer)
  }

  static func layer(_ name: String, _ golden: GoldenCase) throws -> (any UnaryLayer, Tensor) {
    // Indices are whole numbers.
    let x =
      try golden.optionalArray("x").map { Tensor($0.floats, shape: $0.shape) }
      ?? Tensor(golden.array("indices").integers.map { Float($0) }, shape: golden.array("indices").shape)
    let layer = try layer(name, golden, x.shape)
    layer.initialize(seed: 1)
    for parameter in layer.parameters { parameter.assign(try tensor(golden, parameter.path)) }
    return (layer, x)
  }

  private static func layer(_ name: String, _ golden: GoldenCase, _ shape: [Int]) throws -> any UnaryLayer {
    let isKept = golden.name.hasSuffix("kept")
    switch name {
    case "conv_same", "conv_causal", "conv_transpose_same", "max_pool_same", "min_pool_same", "avg_pool_same":
      switch shape.count {
      case 3: return try window(name, golden, shape, OneAxis.self)
      case 4: return try window(name, golden, shape, TwoAxes.self)
      default: return try window(name, golden, shape, ThreeAxes.self)
      }
    case "activation": return try #require(activations[golden.name])
    case "prelu": return PReLU(shape: Array(shape.dropFirst()))
    case "linear": return Linear(3, 5, axis: 1)
    case "layer_norm": return LayerNorm(5, axis: 1, epsilon: 1e-3)
    case "group_norm": return GroupNorm(groups: 2, channels: 6, axis: -1)
    case "batch_norm": return BatchNorm(5, axis: -1)
    case "flatten": return Flatten(channelsLast: true)
    case "reshape": return Reshape([4, -1], axis: golden.name.hasSuffix("axis") ? 1 : -1)
    case "embedding": return Embedding(5, 3, axis: 1)
    case "zero_pad": return ZeroPad([(0, 3), (2, 1)])
    case "crop": return Crop([(0, 3), (2, 1)])
    case "upsample": return Upsample([2, 3])
    case "permute": return Permute([2, 0, 1])
    case "repeat_row": return RepeatRow(3)
    case "rescale": return Rescale(0.5, offset: -1.25)
    case "mean_over_positions": return MeanOverPositions(keepingAxes: isKept)
    case "max_over_positions": return MaxOverPositions(keepingAxes: isKept)
    default: return try sequence(golden, shape)
    }
  }

  private static let activations: [String: Activation] = [
    "activation/relu6": .relu6, "activation/exponential": .exponential, "activation/tanh_gelu": .tanhGelu,
    "activation/leaky_relu": .leakyRelu(slope: 0.2), "activation/elu": .elu(alpha: 0.5),
    "activation/hardsigmoid": .hardSigmoid(slope: 0.2), "activation/thresholded_relu": .thresholdedRelu(threshold: 0.7),
    "activation/thresholded_relu_all": .thresholdedRelu(threshold: 0.4, slope: 0.3, maximum: 1.5),
    "activation/thresholded_relu_maximum": .thresholdedRelu(slope: 0.1, maximum: 1),
  ]

  private static func window<Axes: SpatialAxes>(
    _ name: String, _ golden: GoldenCase, _ shape: [Int], _: Axes.Type
  ) throws -> any UnaryLayer {
    let (kernel, stride) = (try golden.integers("kernel"), try golden.integers("stride"))
    switch name {
    case "max_pool_same": return MaxPool<Axes>(kernel, stride: stride, padding: .same)
    case "min_pool_same": return MinPool<Axes>(kernel, stride: stride, padding: .same)
    case "avg_pool_same": return AvgPool<Axes>(kernel, stride: stride, padding: .same, countingPadding: false)
    default: break
    }
    let dilation = try golden.integers("dilation")
    let channels = try golden.array("bias").shape[0]
    if name == "conv_transpose_same" {
      let extra = try golden.integers("extra")
      return ConvTranspose<Axes>(
        shape[1], channels, kernel: kernel, stride: stride, padding: .same, outputPadding: extra.isEmpty ? nil : extra,
        dilation: dilation)
    }
    return Conv<Axes>(
      shape[1], channels, kernel: kernel, stride: stride, padding: name == "conv_same" ? .same : .causal,
      dilation: dilation, groups: try golden.integer("groups"))
  }

  private static func sequence(_ golden: GoldenCase, _ shape: [Int]) throws -> any UnaryLayer {
    func text(_ key: String) throws -> String {
      guard case .text(let value)? = golden.geometry[key] else {
        throw GoldenFault.missing(name: key, path: golden.name)
      }
      return value
    }
    let configuration = RecurrentConfiguration(
      kind: try #require(RecurrentKind(rawValue: try text("kind"))), inputs: 3, hidden: 4,
      bidirectional: try golden.flag("bidirectional"),
      functions: RecurrentFunctions(
        activation: try #require(Activation(named: try text("activation"))),
        gates: try #require(Activation(named: try text("gates"))), resetsAfter: try golden.flag("resets_after")),
      reversed: try golden.flag("reversed"))
    return SequenceLayer(
      configuration, returnsSequences: try golden.flag("returns_sequences"),
      merge: try #require(SequenceLayer.Merge(rawValue: try text("merge"))), axis: try golden.integer("axis"))
  }
}
