import Aviary

/// A piece of work whose steps are timed. A step, and its rules, are the same on every side of a comparison: no step reuses
/// results of another, parameters really change, and inference may prepare its weights once.
struct Workload: Sendable {
  /// What is timed.
  struct Step {
    /// Called before every step, outside of its time.
    var renew: () -> Void = {}
    /// Returns the loss, if the workload trains.
    let run: () throws -> Float?

    init(renewing renew: @escaping () -> Void = {}, _ run: @escaping () throws -> Float?) {
      self.renew = renew
      self.run = run
    }

    func callAsFunction() throws -> Float? {
      renew()
      return try run()
    }
  }

  let name: String
  /// The number of items that a step processes.
  let items: Int
  /// The tolerance for the losses after the first step, relative to their size or to 1.
  ///
  /// Adam's first steps follow the signs of gradients, and rounding decides those that are nearly zero. Most networks do
  /// not show it; in those that do, PyTorch's own ways of computing it differ as much.
  var drift = Self.tolerance
  /// Prepares the workload, and returns its step.
  let prepare: @Sendable (_ setting: Setting) throws -> Step

  /// The tolerance for the first loss, relative to its size or to 1: what rounding explains in one pass.
  static let tolerance = 1e-4

  /// What a workload starts with.
  struct Setting {
    /// Weights and inputs instead of random ones, to compare losses with another program's. There is no dropout then.
    var start: Start?
    /// The folder of photographs, if one was given.
    var photographs: String?

    /// The dropout rate; 0 for a comparison of losses.
    func dropout(_ rate: Float) -> Float { start == nil ? rate : 0 }
  }

  struct Start {
    var weights = Checkpoint()
    var inputs: [String: StoredArray] = [:]

    /// An input of numbers.
    func tensor(_ name: String) throws -> Tensor {
      guard let tensor = inputs[name]?.tensor() else { throw BenchFault.noInput(name: name) }
      return tensor
    }

    /// An input of whole numbers.
    func integers(_ name: String) throws -> IntTensor {
      guard let array = inputs[name], let values = array.integers() else { throw BenchFault.noInput(name: name) }
      return IntTensor(values.map { Int32(clamping: $0) }, shape: array.shape)
    }
  }

  static let all: [Workload] =
    workloads + workloads.filter { hasBFloat16.contains($0.name) }.map(\.inBFloat16)

  private static let workloads =
    imageWorkloads + sequenceWorkloads + transformerWorkloads + graphWorkloads + fileWorkloads

  private static let hasBFloat16: Set = [
    "resnet18-train", "resnet18-infer16", "resnet18-infer1", "resnet50-train", "resnet50-infer16", "resnet50-infer1",
    "xai-train", "alexnet-train", "mlp4096-train", "vit_b_16-infer1",
  ]

  /// The same with products of bfloat16.
  private var inBFloat16: Workload {
    Workload(name: name + "-bf16", items: items) { setting in
      guard Precision.bfloat16.isAvailable else { throw BenchFault.noBFloat16 }
      let step = try withPrecision(.bfloat16) { try prepare(setting) }
      return Step(renewing: step.renew) { try withPrecision(.bfloat16) { try step.run() } }
    }
  }

  /// The product's own training step, with Adam.
  static func training(
    _ model: some Layer, learningRate: Double = 1e-3, weightDecay: Double = 0, loss: @escaping () -> Tensor
  ) throws -> Step {
    let parameters = model.trainableParameters
    let optimizer = try Optimizer(
      OptimizerConfiguration(.adam, learningRate: learningRate, weightDecay: weightDecay))
    var number: UInt64 = 0
    return Step {
      number += 1
      return try optimizer.trainingStep(parameters, learningRate: learningRate, noise: Noise(seed: 0, step: number)) {
        (loss(), ())
      }.loss
    }
  }

  /// Random numbers for a purpose, the same in every run.
  static func stream(_ purpose: String) -> RandomStream { RandomStream(seed: 0, purpose: purpose) }

  /// Random whole numbers below a bound.
  static func random(_ purpose: String, below bound: Int, shape: [Int]) -> IntTensor {
    var random = stream(purpose)
    return IntTensor((0..<shape.reduce(1, *)).map { _ in Int32(random.integer(below: bound)) }, shape: shape)
  }
}
