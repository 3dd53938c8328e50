import Testing

@testable import AviarySearch

@Suite struct GaussianProcessTests {
  @Test func thePosteriorIsScikitLearns() throws {
    let golden = try SearchGoldens.read().gaussianProcess
    let process = GaussianProcess(
      inputs: golden.inputs, targets: golden.targets,
      .init(lengths: golden.lengths, signal: golden.signal, noise: golden.noise))
    #expect(close(process.logMarginalLikelihood, golden.logMarginalLikelihood))
    for (index, query) in golden.queries.enumerated() {
      let (mean, variance) = process.posterior(at: query)
      #expect(close(mean, golden.mean[index]), "\(mean) \(golden.mean[index])")
      #expect(close(variance.squareRoot(), golden.deviation[index], 1e-7), "\(variance) \(golden.deviation[index])")
    }
    var squares: [Double] = []
    for i in golden.inputs.indices {
      for j in 0..<i { squares += zip(golden.inputs[i], golden.inputs[j]).map { ($0 - $1) * ($0 - $1) } }
    }
    for (slope, expected) in zip(process.slopes(squares), golden.slopes) {
      #expect(close(slope, expected, 1e-5), "\(slope) \(expected)")
    }
  }

  @Test func expectedImprovementIsThatOfANormal() throws {
    for golden in try SearchGoldens.read().expectedImprovement {
      let logarithm = ExpectedImprovement.logarithm(mean: golden.mean, deviation: golden.deviation, best: golden.best)
      #expect(close(logarithm, golden.logarithm, 1e-4), "\(logarithm) \(golden.logarithm)")
      if let expected = golden.value {
        let value = ExpectedImprovement.value(mean: golden.mean, deviation: golden.deviation, best: golden.best)
        #expect(abs(value - expected) <= 1e-9 * abs(expected) + 1e-15, "\(value) \(expected)")
      }
    }
    #expect(ExpectedImprovement.value(mean: 1, deviation: 0, best: 3) == 2)
    #expect(ExpectedImprovement.logarithm(mean: 3, deviation: 0, best: 1) == -.infinity)
  }

  /// Hyperparameters that are fitted explain the targets better than those of the start.
  @Test func fittingRaisesTheLikelihood() {
    let inputs = (0..<15).map { (point: Int) -> [Double] in
      let second = point * 7 % 15
      return [Double(point) / 14, Double(second) / 14]
    }
    let values = inputs.map { (x: [Double]) -> Double in
      let squared = x[0] * x[0]
      return 8 * squared + 0.01 * x[1]
    }
    let targets = GaussianProcessSampler.standardized(values)
    let prior = HyperparameterPrior(dimensions: 2)
    let start = GaussianProcess(inputs: inputs, targets: targets, prior.hyperparameters(prior.start))
    let fitted = GaussianProcess.fitted(inputs: inputs, targets: targets)
    #expect(fitted.logMarginalLikelihood > start.logMarginalLikelihood + 5)
    // The second input hardly matters.
    #expect(fitted.hyperparameters.lengths[1] > 2 * fitted.hyperparameters.lengths[0])
  }

  /// Equal inputs, equal targets: nothing is divided by zero.
  @Test func degenerateTrialsAreTaken() throws {
    let space = try SearchSpace([SearchParameter("a", .choice(["x", "y"]))])
    let history = (0..<12).map { Observation(["a": $0 % 2 == 0 ? "x" : "y"], .finished(1)) }
    let values = GaussianProcessSampler(space, seed: 0).suggest(trial: 12, after: history)
    #expect(["x", "y"].contains(values["a"]))
  }
}
