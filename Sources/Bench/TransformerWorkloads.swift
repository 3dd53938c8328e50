import Aviary

extension Workload {
  static let transformerWorkloads = [
    Workload(name: "vit_b_16-infer1", items: 1) { setting in
      let model = VisionTransformer(.vitB16)
      model.initialize(seed: 0)
      if let start = setting.start { try model.load(start.weights) }
      let x =
        try setting.start?.tensor("x") ?? Tensor(normal: 0, deviation: 1, stream: stream("x"), shape: [1, 3, 224, 224])
      let frozen = model.frozenForInference()
      return Step {
        _ = frozen(x).scalars
        return nil
      }
    },
    Workload(name: "transformer-train", items: 16 * 128) { setting in
      let model = CharacterBlocks()
      model.initialize(seed: 0)
      if let start = setting.start { try model.load(start.weights) }
      let x = try setting.start?.integers("x") ?? random("x", below: CharacterBlocks.symbols, shape: [16, 128])
      let y = try setting.start?.integers("y") ?? random("y", below: CharacterBlocks.symbols, shape: [16, 128])
      let labels = IntTensor(y.scalars)
      return try training(model) {
        crossEntropy(model(x).reshaped(to: [-1, CharacterBlocks.symbols]), labels: labels)
      }
    },
  ]
}

/// Characters through four blocks of width 256 with causal attention of eight heads, normalised first: the network that
/// transformer-train is on every side of the comparison.
private struct CharacterBlocks: Layer {
  static let symbols = 65
  private static let width = 256

  private struct Block: Layer {
    let ln1 = LayerNorm(CharacterBlocks.width)
    let qkv = Linear(CharacterBlocks.width, 3 * CharacterBlocks.width)
    let out = Linear(CharacterBlocks.width, CharacterBlocks.width)
    let ln2 = LayerNorm(CharacterBlocks.width)
    let up = Linear(CharacterBlocks.width, 4 * CharacterBlocks.width)
    let down = Linear(4 * CharacterBlocks.width, CharacterBlocks.width)

    func callAsFunction(_ x: Tensor) -> Tensor {
      let (count, steps, width) = (x.shape[0], x.shape[1], x.shape[2])
      let parts = qkv(ln1(x)).reshaped(to: [count, steps, 3, 8, width / 8]).transposed([2, 0, 3, 1, 4])
      let mixed = scaledDotProductAttention(
        parts.slice(axis: 0, at: 0), parts.slice(axis: 0, at: 1), parts.slice(axis: 0, at: 2), causal: true)
      let y = x + out(mixed.transposed([0, 2, 1, 3]).reshaped(to: x.shape))
      return y + down(gelu(up(ln2(y))))
    }
  }

  private let embed = Embedding(symbols, width)
  private let place = Parameter(shape: [128, width], initializer: .normal(mean: 0, deviation: 0.02))
  private let blocks = (0..<4).map { _ in Block() }
  private let norm = LayerNorm(width)
  private let head = Linear(width, symbols)

  func callAsFunction(_ tokens: IntTensor) -> Tensor {
    head(norm(blocks.reduce(embed(tokens) + place.tensor) { $1($0) }))
  }
}
