import AviaryTensors

extension Explainer {
  /// How much noise smooths a gradient.
  public enum Smoothing: Hashable, Sendable {
    /// A standard deviation in shares of the range of each input, from its smallest to its largest number.
    case ofRange(Float)
    /// The standard deviation of the noise, in the units of the input.
    case deviation(Float)
  }

  /// The mean saliency of noisy copies of the input (Smilkov et al., 2017), [N, …] → [N, …].
  ///
  /// - Parameters:
  ///   - magnitude: whether signs are dropped before the mean is taken.
  ///   - seed: of the noise. The same seed gives the same noise for whatever `batchSize`.
  ///   - target: the outputs to explain.
  ///   - samples: how many noisy copies are averaged.
  ///   - x: the inputs, [N, …].
  ///   - noise: how strong the noise is.
  public func smoothGrad(
    _ x: Tensor, _ target: Target = .highest, samples: Int = 25, noise: Smoothing = .ofRange(0.15),
    magnitude: Bool = true, seed: UInt64 = 0
  ) throws(ExplanationFault) -> Tensor {
    guard samples >= 1 else { throw .outOfRange(name: "samples", value: "\(samples)", allowed: "at least 1") }
    var place = 0
    return try oneByOne(x, try chosen(target, for: x)) { input, output throws(ExplanationFault) in
      let path = String(place)
      place += 1
      let deviation: Float
      switch noise {
      case .deviation(let given): deviation = given
      case .ofRange(let share):
        let scalars = input.scalars
        deviation = share * ((scalars.max() ?? 0) - (scalars.min() ?? 0))
      }
      return try smoothed(input, output, samples: samples, magnitude: magnitude) { sample in
        let stream = RandomStream(seed: seed, purpose: "smoothgrad", path: path, step: UInt64(sample))
        return Tensor(normal: 0, deviation: deviation, stream: stream, shape: input.shape)
      }
    }
  }

  /// The mean over samples of one input, [1, …], with noise of its shape.
  func smoothed(
    _ input: Tensor, _ output: Int, samples: Int, magnitude: Bool, noise: (Int) -> Tensor
  ) throws(ExplanationFault) -> Tensor {
    var sum = Tensor(zerosLike: input)
    for first in stride(from: 0, to: samples, by: max(1, batchSize)) {
      let some = first..<min(samples, first + max(1, batchSize))
      let noisy = concatenated(some.map { input + noise($0) }, axis: 0)
      let gradients = try gradient(noisy, some.map { _ in output })
      sum = sum + (magnitude ? abs(gradients) : gradients).sum(over: [0], keepingAxes: true)
    }
    return sum / Float(samples)
  }
}
