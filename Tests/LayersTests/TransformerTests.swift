import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryLayers

/// Attention of several heads, transformer layers and positions against PyTorch's own modules in float64.
@Suite struct TransformerTests {
  static let goldens = Result { () throws(GoldenFault) -> Goldens in try Goldens("transformer", of: "LayersTests") }
  typealias Call = ([String: Tensor]) -> Tensor

  @Test(arguments: ["attention", "encoder_layer", "decoder_layer", "encoder", "decoder", "sines"])
  func equalsPyTorch(group: String) throws {
    for golden in try Self.goldens.get().cases(of: group) {
      let (layer, call) = try Self.layer(group, golden)
      var inputs: [String: Tensor] = [:]
      for name in ["query", "key", "value", "x", "memory"] {
        if let array = golden.optionalArray(name) { inputs[name] = Tensor(array.floats, shape: array.shape) }
      }
      layer.initialize(seed: 1)
      for parameter in layer.parameters {
        let array = try golden.array(Self.name(parameter.path))
        parameter.assign(Tensor(array.floats, shape: array.shape))
      }
      let expected = try golden.array("y")
      let predicted = inference { call(inputs) }
      expectClose(
        actual: predicted.scalars, shape: predicted.shape, golden: expected, name: "\(golden.name): inference")
      let dy = try golden.array("dy")
      let upstream = Tensor(dy.floats, shape: dy.shape)
      let (_, gradients, known) = valueWithGradients(of: layer) {
        let known = inputs.mapValues { watched($0) }
        return ((call(known) * upstream).sum(), known)
      }
      for (name, tensor) in known {
        let gradient = try #require(gradients[tensor], "\(golden.name), \(name)")
        expectClose(
          actual: gradient.scalars, shape: gradient.shape, golden: try golden.array("d_\(name)"),
          relativeL2: gradientTolerance, name: "\(golden.name): gradient of \(name)")
      }
      for parameter in layer.parameters {
        let gradient = try #require(gradients[parameter], "\(golden.name), \(parameter.path)")
        expectClose(
          actual: gradient.scalars, shape: gradient.shape, golden: try golden.array("d_\(Self.name(parameter.path))"),
          relativeL2: gradientTolerance, name: "\(golden.name): gradient of \(parameter.path)")
      }
      // Every array of the state dictionary belongs to a parameter.
      let names = golden.arrays.keys.filter { $0.contains("weight") || $0.contains("bias") }
      #expect(names.count { !$0.hasPrefix("d_") } == layer.parameters.count, "\(golden.name)")
    }
  }

  /// Names of golden arrays have slashes for dots.
  private static func name(_ path: String) -> String { String(path.map { $0 == "." ? "/" : $0 }) }

  private static func layer(_ group: String, _ golden: GoldenCase) throws -> (any Layer, Call) {
    let padding = golden.optionalArray("padding").map { Mask($0.integers.map { $0 != 0 }, shape: $0.shape) }
    switch group {
    case "attention": return try attention(golden, padding)
    case "sines":
      let layer = SinusoidalPositions(try golden.array("x").shape[2])
      return (layer, { layer($0["x"]!) })
    default: break
    }
    guard case .text(let activation)? = golden.geometry["activation"] else {
      throw GoldenFault.missing(name: "activation", path: golden.name)
    }
    let configuration = TransformerConfiguration(
      width: 4, heads: 2, hidden: 6, dropout: 0, activation: try #require(Activation(named: activation)),
      normalizesFirst: try golden.flag("norm_first"), epsilon: Float(try golden.number("epsilon")))
    let memoryMasks = AttentionMasks(padding: padding)
    switch group {
    case "encoder_layer":
      let layer = TransformerEncoderLayer(configuration)
      return (layer, { layer($0["x"]!, masks: AttentionMasks(causal: true)) })
    case "decoder_layer":
      let layer = TransformerDecoderLayer(configuration)
      return (layer, { layer($0["x"]!, memory: $0["memory"]!, memoryMasks: memoryMasks) })
    case "encoder":
      let layer = TransformerEncoder(configuration, layers: 2, norm: configuration.normalizesFirst)
      return (layer, { layer($0["x"]!, masks: AttentionMasks(causal: true)) })
    default:
      let layer = TransformerDecoder(configuration, layers: 2, norm: configuration.normalizesFirst)
      return (layer, { layer($0["x"]!, memory: $0["memory"]!, memoryMasks: memoryMasks) })
    }
  }

  private static func attention(_ golden: GoldenCase, _ padding: Mask?) throws -> (any Layer, Call) {
    let layer = MultiHeadAttention(
      8, heads: 2, keys: try golden.integer("keys"), values: try golden.integer("values"),
      bias: try golden.flag("bias"))
    var masks = AttentionMasks(padding: padding, causal: try golden.flag("causal"))
    if let hiding = golden.optionalArray("attn_mask"), !hiding.integers.isEmpty {
      masks = AttentionMasks(seeing: Mask(hiding.integers.map { $0 == 0 }, shape: hiding.shape), padding: padding)
    }
    let fixed = masks
    return (
      layer,
      { operands in
        guard let key = operands["key"] else {
          return operands.count == 1 && fixed.added == nil && !fixed.causal
            ? layer(operands["query"]!) : layer(operands["query"]!, masks: fixed)
        }
        return layer(operands["query"]!, key, operands["value"] ?? key, masks: fixed)
      }
    )
  }

  private func random(_ shape: [Int]) -> Tensor {
    var numbers = TestNumbers(seed: 3)
    return Tensor(numbers.floats(shape.reduce(1, *)), shape: shape)
  }

  /// What is behind the end of a sequence changes nothing before it.
  @Test func lengthsHideWhatIsBehindThem() {
    let encoder = TransformerEncoder(TransformerConfiguration(width: 4, heads: 2, hidden: 6), layers: 2)
    encoder.initialize(seed: 1)
    let x = random([2, 5, 4])
    let y = encoder(x, masks: AttentionMasks(lengths: [3, 5], steps: 5))
    let short = encoder(x.slice(axis: 0, from: 0, to: 1).slice(axis: 1, from: 0, to: 3))
    expectClose(
      actual: y.slice(axis: 0, from: 0, to: 1).slice(axis: 1, from: 0, to: 3).scalars,
      expected: short.scalars.map(Double.init))
  }

  @Test func frozenAttentionDropsNothing() throws {
    let layer = MultiHeadAttention(4, heads: 2, dropout: 0.5)
    layer.initialize(seed: 1)
    let x = random([2, 5, 4])
    func trained() -> [Float] { withMode(.training, noise: Noise(seed: 1, step: 1)) { layer(x).scalars } }
    #expect(trained() != layer(x).scalars)
    try layer.freeze(["**"])
    #expect(trained() == layer(x).scalars)
  }

  @Test func learnedPositionsAreThoseOfTheirPlaces() {
    let positions = LearnedPositions(6, 4)
    positions.initialize(seed: 1)
    let x = Tensor(zeros: [2, 3, 4])
    #expect(positions(x, from: 3).slice(axis: 0, at: 1) == positions.weight.tensor.slice(axis: 0, from: 3, to: 6))
    #expect(positions(x) == positions(x, from: 0))
    let sines = SinusoidalPositions(4)
    #expect(sines(x, from: 5) == sines(Tensor(zeros: [2, 8, 4])).slice(axis: 1, from: 5, to: 8))
  }
}
