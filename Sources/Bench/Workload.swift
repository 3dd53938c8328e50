import Aviary

/// A piece of work whose steps are timed. What one step is, and its rules, are the same on every side of a comparison: no
/// result of a step serves another, parameters really change, inference may prepare its weights once.
struct Workload: Sendable {
  /// What is timed; where the workload trains, a step returns its loss.
  typealias Step = () throws -> Float?

  let name: String
  /// How many items a step works on.
  let items: Int
  /// How far the losses after the first step may be from recorded ones, of their size or of 1.
  ///
  /// Adam's first steps go by the signs of gradients, and rounding decides those that are nearly zero. Most networks do not
  /// show it; where one does, PyTorch's own ways of computing it are as far from each other.
  var drift = Self.tolerance
  /// Makes ready, and returns the step.
  let prepare: @Sendable (_ setting: Setting) throws -> Step

  /// How far the first loss may be from the recorded one, of its size or of 1: what rounding explains in one pass.
  static let tolerance = 1e-4

  /// What a workload is begun with.
  struct Setting {
    /// Weights and inputs instead of random ones, for comparing losses with another program's: nothing is dropped out then.
    var start: Start?
    /// The folder of photographs, where one was named.
    var photographs: String?

    /// A rate of dropout, or none for a comparison of losses.
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

  static let all: [Workload] = imageWorkloads + sequenceWorkloads + graphWorkloads + fileWorkloads

  /// Steps of Adam on all parameters that are not frozen, all in one go.
  static func training(
    _ model: some Layer, learningRate: Double = 1e-3, weightDecay: Double = 0, loss: @escaping () -> Tensor
  ) throws -> Step {
    let parameters = model.trainableParameters
    let optimizer = try Optimizer(
      OptimizerConfiguration(.adam, learningRate: learningRate, weightDecay: weightDecay))
    return {
      // One way to the compute thread and back, not three.
      Compute.run {
        let (loss, gradients) = valueWithGradients(of: parameters, loss)
        optimizer.step(parameters, gradients, learningRate: learningRate)
        return loss.scalar
      }
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
