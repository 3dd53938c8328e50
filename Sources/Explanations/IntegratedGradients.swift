import AviaryDiagnostics
import AviaryTensors

/// What each number of an input adds to the output on the way from a baseline: see `Explainer.integratedGradients`.
public struct IntegratedGradients: Sendable {
  /// How far the sum of all attributions of an input is from what it has to be.
  public struct Completeness: Sendable {
    /// The sum of the attributions.
    public let sum: Double
    /// The output of the input minus that of the baseline, to which they should sum up.
    public let difference: Double
    /// How many gradients the integral was taken from.
    public let steps: Int

    /// The error as a share of the difference; infinite where there is none but an error.
    public var error: Double {
      sum == difference ? 0 : (sum - difference).magnitude / difference.magnitude
    }
  }

  /// [N, …], of the shape of the inputs.
  public let attributions: Tensor
  /// Of each input.
  public let completeness: [Completeness]
}

extension Explainer {
  /// The gradients along the straight line from a baseline to the input, integrated, times the difference of both
  /// (Sundararajan et al., 2017), [N, …] → [N, …]. They sum up to the difference of the outputs, if there are enough steps.
  ///
  /// - Parameters:
  ///   - baseline: what stands for nothing: [N, …], or [1, …] for all inputs; zeros if nil. For a normalised photograph these
  ///     are its mean colour, not black.
  ///   - steps: how many gradients are taken.
  ///   - tolerance: where the error of the sum is larger than this share of the difference, the steps are doubled, at most up
  ///     to `mostSteps`; nil for the steps given.
  ///   - mostSteps: the most steps that doubling takes.
  ///   - rule: how the integral is taken.
  ///   - x: the inputs, [N, …].
  ///   - target: the outputs to explain.
  public func integratedGradients(
    _ x: Tensor, _ target: Target = .highest, baseline: Tensor? = nil, steps: Int = 50,
    rule: Quadrature = .gaussLegendre, tolerance: Double? = nil, mostSteps: Int = 800
  ) throws(ExplanationFault) -> IntegratedGradients {
    let least = rule == .gaussLegendre ? 1 : 2
    guard (least...Quadrature.mostPoints).contains(steps) else {
      throw .outOfRange(name: "steps", value: "\(steps)", allowed: "\(least) to \(Quadrature.mostPoints)")
    }
    // The same for all inputs that need as many.
    var known: [Int: [(place: Double, weight: Double)]] = [:]
    func points(_ steps: Int) -> [(place: Double, weight: Double)] {
      let points = known[steps] ?? rule.points(steps)
      known[steps] = points
      return points
    }
    let chosen = try chosen(target, for: x)
    let start = try full(baseline, for: x)
    let (ends, starts) = (try values(x, chosen), try values(start, chosen))
    var completeness: [IntegratedGradients.Completeness] = []
    var place = 0
    let attributions = try oneByOne(x, chosen) { input, output throws(ExplanationFault) in
      let from = start.slice(axis: 0, from: place, to: place + 1)
      let difference = ends[place] - starts[place]
      place += 1
      var steps = steps
      while true {
        let found = try path(from: from, to: input, output, points(steps))
        let state = IntegratedGradients.Completeness(
          sum: found.scalars.reduce(0) { $0 + Double($1) }, difference: difference, steps: steps)
        if let tolerance, state.error > tolerance, 2 * steps <= min(mostSteps, Quadrature.mostPoints) {
          steps *= 2
          continue
        }
        completeness.append(state)
        return found
      }
    }
    return IntegratedGradients(attributions: attributions, completeness: completeness)
  }

  private func path(
    from start: Tensor, to end: Tensor, _ output: Int, _ points: [(place: Double, weight: Double)]
  ) throws(ExplanationFault) -> Tensor {
    let difference = end - start
    var sum = Tensor(zerosLike: end)
    for first in stride(from: 0, to: points.count, by: max(1, batchSize)) {
      let some = points[first..<min(points.count, first + max(1, batchSize))]
      let shape = [some.count] + Array(repeating: 1, count: end.rank - 1)
      let places = Tensor(some.map { Float($0.place) }, shape: shape)
      let weights = Tensor(some.map { Float($0.weight) }, shape: shape)
      let gradients = try gradient(start + places * difference, some.map { _ in output })
      sum = sum + (gradients * weights).sum(over: [0], keepingAxes: true)
    }
    return try finite(sum * difference)
  }

  /// A baseline for every input.
  func full(_ baseline: Tensor?, for x: Tensor) throws(ExplanationFault) -> Tensor {
    guard let baseline else { return Tensor(zerosLike: x) }
    ensure(
      baseline.rank == x.rank && baseline.shape.dropFirst() == x.shape.dropFirst()
        && [1, x.shape[0]].contains(baseline.shape[0]),
      "Explainer: a baseline \(baseline.shape) for inputs \(x.shape)")
    return baseline.expanded(to: x.shape)
  }
}
